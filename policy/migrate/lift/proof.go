package lift

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// proof compares the effective values of all routes before and after a lift (M61).
type proof struct {
	*Lifter
	// world has all but the policies of this run, before has them where annotations
	// were stated.
	world, before *policy.Snapshot
	statements    []statement.Policy
	resolved      effective.Resolution
}

// change is a path on which a lift would change a value.
type change struct {
	route hierarchy.Ref
	unit  unit
	nodes []hierarchy.Ref
	text  string
}

func (in *Lifter) newProof(before []statement.Policy) (*proof, error) {
	if in.Options.World == nil || in.Options.Stored == nil {
		return nil, &document.InputError{Message: "lifting is proved by the engine, which needs the CRDs of the policies"}
	}
	p := &proof{Lifter: in, statements: before}
	p.world, _ = in.Options.World.With(in.stored(in.Objects)...)
	p.before = in.With(p.world, before)
	p.resolved = effective.Resolve(p.before, Routes(p.before)...)
	return p, nil
}

func (in *Lifter) stored(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for _, u := range objects {
		list = append(list, in.Options.Stored(u))
	}
	return list
}

// Routes are all routes of a snapshot.
func Routes(s *policy.Snapshot) []hierarchy.Ref {
	var refs []hierarchy.Ref
	for r := range s.Graph().Routes() {
		refs = append(refs, r.Meta().Ref)
	}
	return refs
}

// With is a world with policies, as the API server would store them.
func (in *Lifter) With(world *policy.Snapshot, statements []statement.Policy) *policy.Snapshot {
	s, _ := world.With(in.stored(in.policies(statements))...)
	return s
}

// policies are those of statements. They are written by a writer of their own, so that an
// attempt leaves nothing behind.
func (in *Lifter) policies(statements []statement.Policy) []*unstructured.Unstructured {
	attempt := statement.NewWriter(in.Names)
	attempt.Write(statements)
	return attempt.Objects
}

// changes are the paths on which the effective values differ from those before; empty
// when the proof holds.
func (p *proof) changes(statements []statement.Policy) []change {
	after := p.With(p.world, statements)
	var list []change
	for _, d := range effective.Diff(p.resolved, effective.Resolve(after, Routes(after)...)) {
		c := change{route: d.Target, unit: unitOf(d.Kind, d.Path[0])}
		for _, l := range d.Parents {
			c.nodes = append(c.nodes, l.Gateway, l.ListenerSet, l.Ref)
		}
		c.nodes = append(c.nodes, hierarchy.NewRef("", "Namespace", "", d.Target.Namespace))
		c.text = fmt.Sprintf("%s %s of %s", d.Kind, d.Path.String(), d.Target)
		if len(d.Parents) > 0 {
			c.text += " on " + d.Parents[0].Ref.String()
		}
		list = append(list, c)
	}
	return list
}

// takeBack forbids the nodes above a path that would change to state the unit; false
// when none of them does.
func (l *lifting) takeBack(c *change) bool {
	found := false
	for _, node := range c.nodes {
		key := nodeUnit{node, c.unit}
		if node.IsZero() || l.notAt[key] || l.assign(c.unit).at[node] == nil || statement.JSON(l.assign(c.unit).at[node]) == statement.JSON(byUnit(l.defaults[node])[c.unit]) {
			continue
		}
		l.notAt[key], found = true, true
		l.tookBack[key] = c.text + " would change"
	}
	return found
}

// result counts policies, fields and paths before and after the lift.
func (p *proof) result(statements []statement.Policy) *Lifted {
	l := &Lifted{Digest: p.digest(), PoliciesBefore: len(p.policies(p.statements)), PoliciesAfter: len(p.policies(statements))}
	l.FieldsBefore, l.FieldsAfter = fieldsIn(p.policies(p.statements)), fieldsIn(p.policies(statements))
	for target := range p.resolved.All() {
		for range target.Paths() {
			l.Paths++
		}
	}
	return l
}

// fieldsIn counts the fields that policies state.
func fieldsIn(objects []*unstructured.Unstructured) int {
	n := 0
	for _, u := range objects {
		fields, _, _ := unstructured.NestedMap(u.Object, "spec", "default")
		n += len(fields)
	}
	return n
}

// digest is over the effective values of all paths, in their order.
func (p *proof) digest() string {
	sum := sha256.New()
	for target := range p.resolved.All() {
		for path := range target.Paths() {
			fmt.Fprintln(sum, target.Target, path.Listener.Ref, path.Rule)
			for _, k := range path.Result.Kinds {
				fmt.Fprintln(sum, k.Kind.GroupKind, statement.JSON(k.Value))
			}
		}
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
