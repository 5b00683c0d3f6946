package hierarchy

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy/persistent"
)

// members is a set of objects, sorted. It holds the identities of objects: while an object is in a
// Graph, every version of it has the same *Ref. A member costs a pointer, and reading in order
// costs nothing; a change costs a copy of the pointers.
type members []*Ref

// identity returns a new identity. It is not a pointer into an object, because that would keep the
// first version of the object alive.
func identity(ref Ref) *Ref { return &ref }

// index is the next version of a map from keys to members while it is being made. Only the keys
// that change are copied; a key without members is dropped.
type index[K comparable] struct {
	base persistent.Map[K, members]
	open []ledger[K]
	// places says where among the open ones a key is, once there are many.
	places map[K]int
}

// fewKeys are so few that searching them costs less than a map of them.
const fewKeys = 8

// ledger is one set of members with its pending changes. They are applied together, so that adding
// thousands costs one copy.
type ledger[K comparable] struct {
	key     K
	settled members
	changes []change
}

type change struct {
	id *Ref
	in bool
}

func (x *index[K]) add(key K, id *Ref) { x.note(key, change{id, true}) }

func (x *index[K]) remove(key K, id *Ref) { x.note(key, change{id, false}) }

func (x *index[K]) note(key K, c change) {
	l := x.find(key)
	if l == nil {
		m, _ := x.base.Get(key)
		x.open = append(x.open, ledger[K]{key: key, settled: m})
		if x.places != nil {
			x.places[key] = len(x.open) - 1
		}
		l = &x.open[len(x.open)-1]
	}
	l.changes = append(l.changes, c)
}

// find returns the ledger of a key, nil if the key did not change.
func (x *index[K]) find(key K) *ledger[K] {
	if len(x.open) < fewKeys {
		for i := range x.open {
			if x.open[i].key == key {
				return &x.open[i]
			}
		}
		return nil
	}
	if x.places == nil {
		x.places = make(map[K]int, 2*fewKeys)
		for i := range x.open {
			x.places[x.open[i].key] = i
		}
	}
	if i, open := x.places[key]; open {
		return &x.open[i]
	}
	return nil
}

// all returns the members of a key as they are now.
func (x *index[K]) all(key K) members {
	if l := x.find(key); l != nil {
		return l.settle()
	}
	m, _ := x.base.Get(key)
	return m
}

// settle applies the changes; if there are two for the same object, the later one counts.
func (l *ledger[K]) settle() members {
	if len(l.changes) == 0 {
		return l.settled
	}
	byID := func(a, b change) int { return compareRefs(a.id, b.id) }
	if !slices.IsSortedFunc(l.changes, byID) {
		slices.SortStableFunc(l.changes, byID)
	}
	next := make(members, 0, len(l.settled)+len(l.changes))
	rest := l.settled
	for i, c := range l.changes {
		if i+1 < len(l.changes) && compareRefs(c.id, l.changes[i+1].id) == 0 {
			continue
		}
		place, found := slices.BinarySearchFunc(rest, c.id, compareRefs)
		next = append(next, rest[:place]...)
		if rest = rest[place:]; found {
			rest = rest[1:]
		}
		if c.in {
			next = append(next, c.id)
		}
	}
	l.settled, l.changes = append(next, rest...), nil
	return l.settled
}

// done returns the next version.
func (x *index[K]) done() persistent.Map[K, members] {
	if len(x.open) == 0 {
		return x.base
	}
	next := x.base.Builder()
	for i := range x.open {
		l := &x.open[i]
		if m := l.settle(); len(m) == 0 {
			next.Delete(l.key)
		} else {
			next.Set(l.key, m)
		}
	}
	return next.Map()
}
