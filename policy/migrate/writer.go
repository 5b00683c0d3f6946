package migrate

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
)

// writer makes policies of statements, and remembers where each field is stated.
type writer struct {
	names    existing
	statedIn map[fieldKey]Became
	objects  []*unstructured.Unstructured
}

// newWriter makes policies whose names nobody else has.
func newWriter(names existing) *writer { return &writer{names: names, statedIn: map[fieldKey]Became{}} }

// statedOn says which policy states a field of a kind for a target.
func (w *writer) statedOn(target hierarchy.Ref, kind, field string) (Became, bool) {
	became, ok := w.statedIn[fieldKey{target, kind, field}]
	return became, ok
}

// write makes the objects of statements: one policy for each 16 targets.
func (w *writer) write(list []statement) {
	taken := map[string]bool{}
	for _, s := range list {
		targets := s.targets
		for n := 0; len(targets) > 0; n++ {
			some := targets[:min(mostTargets, len(targets))]
			targets = targets[len(some):]
			spec := map[string]any{"default": s.fields}
			if len(some) == 1 {
				spec["targetRef"] = targetOf(some[0])
			} else {
				var refs []any
				for _, ref := range some {
					refs = append(refs, targetOf(ref))
				}
				spec["targetRefs"] = refs
			}
			name := w.freePolicy(taken, s.kind, s.namespace, numbered(s.name, n))
			for _, ref := range some {
				w.noteWritten(s, name, ref)
			}
			w.objects = append(w.objects, object(policyAPI, s.kind, s.namespace, name, nil, nil, spec))
		}
	}
}

// freePolicy is a name that no other policy of the kind has.
func (w *writer) freePolicy(taken map[string]bool, kind, namespace, wanted string) string {
	name := w.names.free(kind, namespace, wanted)
	for n := 1; taken[kind+" "+namespace+"/"+name]; n++ {
		name = w.names.free(kind, namespace, numbered(wanted+"-more", n-1))
	}
	taken[kind+" "+namespace+"/"+name] = true
	return name
}

// noteWritten remembers where a field of a target is stated, for the findings.
func (w *writer) noteWritten(s statement, name string, target hierarchy.Ref) {
	for field := range s.fields {
		w.statedIn[fieldKey{target, s.kind, field}] = Became{Kind: s.kind, Namespace: s.namespace, Name: name, Field: field}
	}
}

// mostTargets is how many targets a policy can have.
const mostTargets = 16

// fieldKey is one field of a kind stated for one target.
type fieldKey struct {
	target      hierarchy.Ref
	kind, field string
}
