package cluster

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// reducer processes events. It belongs to one goroutine; the memory is shared with planners of
// writes.
type reducer struct {
	// results means that EffectivePolicy objects are watched.
	results bool
	options policy.Options
	// ask and start have side effects: ask requests a definition, whose answer arrives as an event;
	// start starts a watch.
	ask   func(crd string)
	start func(k kind) *watched

	memory   *memory
	snapshot *policy.Snapshot
	crds     map[string]*definition
	crdWatch *watched
	nsWatch  *watched
	// synced says that everything has been seen that a snapshot is made of, complete that all results
	// have been, too.
	synced, complete bool
	pending          pending
	guardrails       guardrails
	// refusals are those that were not reported yet.
	refusals []event
}

// definition is a relevant CRD.
type definition struct {
	// asked means that a request is in flight, again that the CRD has changed since, and answered
	// that an answer has arrived.
	asked, again, answered bool
	// fed means that the snapshot has the CRD.
	fed   bool
	watch *watched
}

// pending is the content of the next batch.
type pending struct {
	remove  map[hierarchy.Ref]struct{}
	crds    map[string]*unstructured.Unstructured
	set     map[hierarchy.Ref]*unstructured.Unstructured
	written map[hierarchy.Ref]struct{}
	// guardrails are the guardrails, which are not part of snapshots.
	guardrails map[hierarchy.Ref]struct{}
}

func newPending() pending {
	return pending{
		remove:     map[hierarchy.Ref]struct{}{},
		crds:       map[string]*unstructured.Unstructured{},
		set:        map[hierarchy.Ref]*unstructured.Unstructured{},
		written:    map[hierarchy.Ref]struct{}{},
		guardrails: map[hierarchy.Ref]struct{}{},
	}
}

func newReducer(options policy.Options, m *memory, ask func(string), start func(kind) *watched) *reducer {
	return &reducer{
		options:  options,
		ask:      ask,
		start:    start,
		memory:   m,
		snapshot: policy.NewSnapshot(options),
		crds:     map[string]*definition{},
		pending:  newPending(),
	}
}

// begin starts the two watches that are always there.
func (f *reducer) begin() {
	f.crdWatch, f.nsWatch = f.start(crdObjects), f.start(namespaces)
	f.memory.watch(f.nsWatch)
}

// apply processes events. The problems are those of the objects among them; the batch is nil when
// nothing changed, or when the first lists are incomplete.
func (f *reducer) apply(events []event) (*Batch, []hierarchy.Problem) {
	for _, e := range events {
		switch {
		case e.op == opDefine:
			f.define(e.crd, e.objects)
		case e.op == opRefused:
			if e.times == lasting {
				f.refusals = append(f.refusals, e)
			}
			e.from.refused = e.err
		case e.from == f.crdWatch:
			f.definitions(e)
		case f.memory.current(e.from):
			f.objects(e)
		}
	}
	if !f.synced && !f.seen(false) {
		return nil, nil
	}
	first := !f.synced
	f.synced, f.complete = true, f.complete || f.seen(true)
	return f.flush(first)
}

// seen says whether everything that exists has been seen, with results or without: they are the most by
// far, and no snapshot needs them.
func (f *reducer) seen(results bool) bool {
	if !f.crdWatch.listed || !f.nsWatch.listed {
		return false
	}
	for name, d := range f.crds {
		if name == effectiveCRD && !results {
			continue
		}
		if !d.answered || (d.watch != nil && !d.watch.listed && (d.watch.refused == nil || !d.watch.optional)) {
			return false
		}
	}
	return true
}

// blind says whether the API server has never let us read results.
func (f *reducer) blind() bool {
	d := f.crds[effectiveCRD]
	return !f.complete && d != nil && d.watch != nil && d.watch.refused != nil
}

// definitions processes events of the watch on CRDs.
func (f *reducer) definitions(e event) {
	if e.op == opRemove {
		f.forget(e.objects[0].GetName())
		return
	}
	for _, u := range e.objects {
		f.see(u)
	}
	if e.op == opReplace {
		e.from.listed, e.from.refused = true, nil
		there := map[string]bool{}
		for _, u := range e.objects {
			there[u.GetName()] = true
		}
		for name := range f.crds {
			if !there[name] {
				f.forget(name)
			}
		}
	}
}

// see processes a CRD that was added or changed.
func (f *reducer) see(u *unstructured.Unstructured) {
	name := u.GetName()
	if !matters(name, u.GetLabels(), f.options) || name == effectiveCRD && !f.results {
		f.forget(name)
		return
	}
	d := f.crds[name]
	if d == nil {
		d = &definition{}
		f.crds[name] = d
	}
	if d.asked {
		d.again = true
		return
	}
	d.asked = true
	f.ask(name)
}

// define processes the content of a CRD; nil when it does not exist any more.
func (f *reducer) define(name string, answer []*unstructured.Unstructured) {
	d := f.crds[name]
	if d == nil {
		return // it is no longer relevant
	}
	d.asked, d.answered = false, true
	if d.again {
		d.again, d.asked = false, true
		f.ask(name)
	}
	if len(answer) == 0 {
		f.close(name, d)
		return
	}
	k, ok := kindOf(answer[0], f.options)
	if !ok {
		f.close(name, d)
		// The snapshot reports what is wrong with an invalid CRD.
		f.pending.crds[name], d.fed = answer[0], true
		return
	}
	if k.defined {
		f.pending.crds[name], d.fed = answer[0], true
	}
	switch {
	case d.watch == nil:
		d.watch = f.start(k)
	case d.watch.kind != k && d.watch.GroupKind == k.GroupKind:
		d.watch.stop()
		d.watch = f.start(k)
	case d.watch.kind != k:
		f.close(name, d)
		d.watch = f.start(k)
	}
	f.memory.watch(d.watch)
}

// forget processes that a CRD was deleted, or is no longer relevant.
func (f *reducer) forget(name string) {
	if d := f.crds[name]; d != nil {
		f.close(name, d)
		delete(f.crds, name)
	}
}

// close ends a watch, and removes its objects from the snapshot.
func (f *reducer) close(name string, d *definition) {
	if d.fed {
		f.pending.remove[crdRef(name)] = struct{}{}
		delete(f.pending.crds, name)
		d.fed = false
	}
	if d.watch == nil {
		return
	}
	d.watch.stop()
	for _, ref := range f.memory.drop(d.watch.GroupKind) {
		f.remove(d.watch.kind, ref)
	}
	d.watch = nil
}

// objects processes events of the watch on a kind.
func (f *reducer) objects(e event) {
	switch e.op {
	case opSet:
		f.set(e.from.kind, e.objects[0])
	case opRemove:
		ref := refOf(e.from.kind, e.objects[0])
		if f.memory.remove(ref) {
			f.remove(e.from.kind, ref)
		}
	case opReplace:
		e.from.listed, e.from.refused = true, nil
		there := make(map[hierarchy.Ref]bool, len(e.objects))
		for _, u := range e.objects {
			there[refOf(e.from.kind, u)] = true
			f.set(e.from.kind, u)
		}
		for _, ref := range f.memory.refs(e.from.GroupKind) {
			if !there[ref] {
				f.memory.remove(ref)
				f.remove(e.from.kind, ref)
			}
		}
		if f.memory.list(e.from.GroupKind) && e.from.role == remembered {
			f.pending.written[crdRef(effectiveCRD)] = struct{}{}
		}
	}
}

func (f *reducer) set(k kind, u *unstructured.Unstructured) {
	ref := refOf(k, u)
	means, writes := f.memory.set(ref, newRecord(k, u))
	switch {
	case k.role == remembered:
		if means || writes {
			f.pending.written[ref] = struct{}{}
		}
	case means && k.role == feedsGuardrails:
		f.guardrails.set(ref, u)
		f.pending.guardrails[ref] = struct{}{}
	case means:
		f.pending.set[ref] = u
		delete(f.pending.remove, ref)
	case writes:
		f.pending.written[ref] = struct{}{}
	}
}

func (f *reducer) remove(k kind, ref hierarchy.Ref) {
	switch k.role {
	case remembered:
		f.pending.written[ref] = struct{}{}
	case feedsGuardrails:
		f.guardrails.remove(ref.Name)
		f.pending.guardrails[ref] = struct{}{}
		delete(f.pending.written, ref)
	default:
		delete(f.pending.set, ref)
		delete(f.pending.written, ref)
		f.pending.remove[ref] = struct{}{}
	}
}

// flush makes the next snapshot.
func (f *reducer) flush(first bool) (*Batch, []hierarchy.Problem) {
	p := f.pending
	if !first && len(p.remove)+len(p.crds)+len(p.set)+len(p.written)+len(p.guardrails) == 0 {
		return nil, nil
	}
	f.pending = newPending()
	batch := &Batch{Before: f.snapshot, First: first}
	next := f.snapshot
	if len(p.remove) > 0 {
		next = next.Without(slices.Collect(maps.Keys(p.remove))...)
	}
	var problems []hierarchy.Problem
	if objects := slices.AppendSeq(slices.Collect(maps.Values(p.crds)), maps.Values(p.set)); len(objects) > 0 {
		next, problems = next.With(objects...)
	}
	problems = append(problems, f.guardrails.take()...)
	next = next.Settled()
	f.snapshot, batch.After = next, next
	changed := p.remove
	maps.Copy(changed, p.guardrails)
	for ref := range p.set {
		changed[ref] = struct{}{}
	}
	for name := range p.crds {
		changed[crdRef(name)] = struct{}{}
	}
	batch.Changed = slices.SortedFunc(maps.Keys(changed), hierarchy.Compare)
	batch.Written = slices.SortedFunc(maps.Keys(p.written), hierarchy.Compare)
	return batch, problems
}

func refOf(k kind, u *unstructured.Unstructured) hierarchy.Ref {
	return hierarchy.NewRef(k.Group, k.Kind, u.GetNamespace(), u.GetName())
}
