package enforcement

import (
	"reflect"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/export"
)

// Entries lists the entries of one route, sorted as scopes are.
func Entries(t *effective.Target, parts []Result) []Entry {
	if s := shapeOf(parts); s != nil {
		return s.entries(t, parts)
	}
	groups := groupEntries(t, parts)
	entries := make([]Entry, len(groups))
	for i := range groups {
		entries[i] = groups[i].entry
	}
	return entries
}

// entryGroup is an entry with a path for each finding that it stands for.
type entryGroup struct {
	entry  Entry
	places []place
}

// groupEntries groups the paths of a route by their entry.
func groupEntries(t *effective.Target, parts []Result) []entryGroup {
	index := indexParts(parts)
	var distinct []*entryGroup
	shared := map[*Entry]*entryGroup{} // the shared entry, by the findings on a path
	cells := make([]*entryGroup, 0, len(index.places))
	for p := range t.Paths() {
		at, e := index.next(p)
		same := shared[e]
		if same == nil {
			if known := slices.IndexFunc(distinct, func(g *entryGroup) bool { return g.entry.alike(e) }); known >= 0 {
				same = distinct[known]
				same.entry.Objects = unionRefs(same.entry.Objects, e.Objects)
			} else {
				same = &entryGroup{entry: *e}
				distinct = append(distinct, same)
			}
			same.places = append(same.places, at)
			shared[e] = same
		}
		cells = append(cells, same)
	}
	scopes := effective.Group(t, cells)
	groups := make([]entryGroup, len(scopes))
	for i, scope := range scopes {
		groups[i] = *scope.Result
		groups[i].entry.Parents, groups[i].entry.Rules = scope.Parents, scope.Rules
	}
	return groups
}

// place is a path in a part; the part is -1 for a path that no part has.
type place struct{ part, path int }

// partIndex finds the results for the paths of a target, one after the other.
type partIndex struct {
	parts  []Result
	places []place
	// asked counts the requested paths.
	asked int
	// known are the entries of paths with the same outcomes.
	known map[became]*Entry
	// varies are the parts for which data planes report different states for different listeners.
	varies []bool
}

// became is everything that an entry depends on: all paths with the same outcomes share one list of
// them.
type became struct {
	part       int
	controller string
	outcomes   *export.Outcome
	// listener is set where the data plane's status depends on it, nil elsewhere.
	listener *hierarchy.Listener
}

func indexParts(parts []Result) *partIndex {
	x := &partIndex{parts: parts, known: map[became]*Entry{}, varies: make([]bool, len(parts))}
	for i := range parts {
		x.varies[i] = parts[i].varies()
		for j, at := range parts[i].order {
			for len(x.places) <= at {
				x.places = append(x.places, place{-1, 0})
			}
			x.places[at] = place{i, j}
		}
	}
	return x
}

// next returns the next path of the target, and the result for it.
func (x *partIndex) next(p effective.Path) (place, *Entry) {
	at := place{-1, 0}
	if x.asked < len(x.places) {
		at = x.places[x.asked]
	}
	x.asked++
	key := became{part: at.part}
	outcomes := outcomesAt(x.parts, at)
	if at.part >= 0 {
		key.controller = x.parts[at.part].Input.Paths[at.path].Controller
		if x.varies[at.part] {
			key.listener = p.Listener
		}
	}
	if len(outcomes) > 0 {
		key.outcomes = &outcomes[0]
	}
	e := x.known[key]
	if e == nil {
		e = x.entry(at, outcomes)
		x.known[key] = e
	}
	return at, e
}

// entry returns the result for one path.
func (x *partIndex) entry(at place, outcomes []export.Outcome) *Entry {
	if at.part < 0 {
		return &Entry{State: NoExporter}
	}
	part := &x.parts[at.part]
	e := &Entry{Controller: part.Input.Paths[at.path].Controller, State: NoExporter, Message: part.Choice.unserved()}
	if part.Registration.Exporter == nil {
		return e
	}
	e.Exporter, e.Outcomes, e.from = part.Registration.Name(), outcomes, &part.Projection
	keys := objectKeys(outcomes)
	e.Objects = part.objects(keys)
	worst := part.state(&part.Input.Paths[at.path], keys, outcomes)
	e.State, e.Message, e.Refused, e.silent = worst.State, worst.Message, worst.Refused, worst.Silent
	return e
}

// objects returns the objects that have one of some keys.
func (p *Result) objects(keys []export.ObjectKey) []hierarchy.Ref {
	if len(keys) == 0 {
		return nil
	}
	refs := make([]hierarchy.Ref, 0, len(keys))
	for i, o := range p.Projection.Objects {
		if slices.Contains(keys, p.Projection.Key(i)) {
			refs = append(refs, hierarchy.RefOf(o))
		}
	}
	return refs
}

// objectKeys returns the keys of the objects that are relevant for a path: those that its outcomes name.
func objectKeys(outcomes []export.Outcome) []export.ObjectKey {
	var keys []export.ObjectKey
	for i := range outcomes {
		if key := outcomes[i].Object; key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// state returns the worst state of the objects that are relevant for a path, and of the route if
// values were written into it.
func (p *Result) state(on *export.Path, keys []export.ObjectKey, outcomes []export.Outcome) Reading {
	if p.Readings == nil && p.Route == nil {
		return Reading{State: Planned}
	}
	worst := Reading{}
	add := func(r Reading) {
		switch {
		case Worse(worst.State, r.State) != worst.State:
			worst = r
		case r.State == worst.State:
			worst.Silent = worst.Silent || r.Silent
		}
	}
	for _, key := range keys {
		r := Reading{State: Pending}
		if object := p.Projection.Object(key); object != nil {
			if read, ok := p.Readings[object.GetName()]; ok {
				r = read.on(on)
			}
		}
		add(r)
	}
	inRoute := slices.ContainsFunc(outcomes, export.Outcome.InRoute)
	if p.Route != nil && (inRoute || len(keys) == 0) {
		add(p.Route.on(on))
	}
	if worst.State == "" {
		worst.State = Accepted
	}
	return worst
}

// varies reports whether the data planes' status depends on the path.
func (p *Result) varies() bool {
	differs := func(r Reading) bool {
		return slices.ContainsFunc(p.Input.Paths, func(path export.Path) bool {
			word := r.on(&path)
			return word.State != r.State || word.Message != r.Message
		})
	}
	for _, r := range p.Readings {
		if len(r.heard) > 0 && differs(r) {
			return true
		}
	}
	return p.Route != nil && len(p.Route.heard) > 0 && differs(*p.Route)
}

// alike reports whether two entries are shown as one (E3.1): they are equal except for the names of
// objects.
func (e *Entry) alike(other *Entry) bool {
	return e.Exporter == other.Exporter && e.Controller == other.Controller && e.State == other.State &&
		e.Message == other.Message && e.Refused == other.Refused && slices.EqualFunc(e.Outcomes, other.Outcomes, sameOutcome)
}

func sameOutcome(a, b export.Outcome) bool {
	return a.Field == b.Field && a.Verdict == b.Verdict && a.Reason == b.Reason && a.Message == b.Message && a.As == b.As &&
		slices.Equal(a.Notes, b.Notes) && sameValue(a.Value, b.Value)
}

func sameValue(a, b any) bool {
	if x, isText := a.(string); isText {
		y, also := b.(string)
		return also && x == y
	}
	return reflect.DeepEqual(a, b)
}

func unionRefs(a, b []hierarchy.Ref) []hierarchy.Ref {
	all := slices.Concat(a, b)
	slices.SortFunc(all, hierarchy.Compare)
	return slices.Compact(all)
}
