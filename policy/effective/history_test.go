package effective_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
)

// everything is what can be asked of a snapshot, and what follows from it.
func everything(s *policy.Snapshot) string {
	var b strings.Builder
	for _, k := range s.Kinds() {
		fmt.Fprintf(&b, "kind %s %s\n", k.Name(), k.Class)
	}
	var lines []string
	for p := range s.Policies() {
		line := fmt.Sprintf("%s %s", p.Ref, p.Kind.Name())
		for _, a := range s.Acceptances(p) {
			line += fmt.Sprintf(" [%s %s %s]", a.Target.Ref, a.Reason, a.Message)
			for _, named := range s.Named(a.Target.Ref) {
				line += " " + named.Ref.String()
			}
		}
		lines = append(lines, line)
	}
	for r := range s.Graph().Routes() {
		lines = append(lines, fmt.Sprintf("%s %v", r.Meta().Ref, s.IsRoute(r.Meta().Ref.GroupKind)))
	}
	slices.Sort(lines)
	return b.String() + strings.Join(lines, "\n") + "\n" + dump(s)
}

// history is a snapshot with the edits that led to it, and the objects that are there now.
type history struct {
	snapshot *policy.Snapshot
	objects  map[hierarchy.Ref]*unstructured.Unstructured
}

func (h *history) give(u *unstructured.Unstructured) {
	h.objects[hierarchy.RefOf(u)] = u
	h.snapshot, _ = h.snapshot.With(u)
	if u.GroupVersionKind().GroupKind() == crd.GroupKind { // whoever watches a kind anew is given its objects
		h.snapshot, _ = h.snapshot.With(h.list()...)
	}
}

func (h *history) take(ref hierarchy.Ref) {
	delete(h.objects, ref)
	h.snapshot = h.snapshot.Without(ref)
}

func (h *history) list() []*unstructured.Unstructured {
	list := make([]*unstructured.Unstructured, 0, len(h.objects))
	for _, u := range h.objects {
		list = append(list, u)
	}
	return list
}

// Earlier objects, and the edits that removed them, make no difference: objects and CRDs come and
// go, and the labels that make a CRD one of routes or of policies are taken away and given again.
// The snapshots on the way stay as they were.
func TestHistoryMakesNoDifference(t *testing.T) {
	crds := append(ourKinds(t), objects(t, queues)[0])
	queued := objects(t, queues)[1:]
	rapid.Check(t, func(r *rapid.T) {
		all := slices.Concat(crds, queued, objects(t, drawWorld(r)))
		h := &history{policy.NewSnapshot(policy.Options{}), map[hierarchy.Ref]*unstructured.Unstructured{}}
		for _, u := range all {
			h.give(u)
		}
		for range rapid.IntRange(1, 6).Draw(r, "edits") {
			before, was := h.snapshot, everything(h.snapshot)
			most := len(all)
			if rapid.Bool().Draw(r, "a CRD") {
				most = len(crds)
			}
			u := all[rapid.IntRange(0, most-1).Draw(r, "object")]
			switch rapid.IntRange(0, 3).Draw(r, "what") {
			case 0:
				h.take(hierarchy.RefOf(u))
			case 1:
				h.give(u)
			default:
				changed := u.DeepCopy()
				changed.SetLabels(nil)
				h.give(changed)
			}
			if diff := cmp.Diff(was, everything(before)); diff != "" {
				r.Fatalf("an edit changed the snapshot before it:\n%s", diff)
			}
		}
		fresh, _ := policy.NewSnapshot(policy.Options{}).With(h.list()...)
		if diff := cmp.Diff(everything(fresh), everything(h.snapshot)); diff != "" {
			r.Fatalf("-as if nothing else had been there +after the edits:\n%s", diff)
		}
	})
}
