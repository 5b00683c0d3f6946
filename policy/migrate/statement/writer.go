package statement

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
)

// Writer makes policies of statements, and remembers where each field is stated.
type Writer struct {
	names    document.Names
	statedIn map[fieldKey]finding.Became
	Objects  []*unstructured.Unstructured
}

// NewWriter makes policies whose names nobody else has.
func NewWriter(names document.Names) *Writer {
	return &Writer{names: names, statedIn: map[fieldKey]finding.Became{}}
}

// StatedOn says which policy states a field of a kind for a target.
func (w *Writer) StatedOn(target hierarchy.Ref, kind, field string) (finding.Became, bool) {
	became, ok := w.statedIn[fieldKey{target, kind, field}]
	return became, ok
}

// Write makes the objects of statements: one policy for each 16 targets.
func (w *Writer) Write(list []Policy) {
	taken := map[string]bool{}
	for _, s := range list {
		targets := s.Targets
		for n := 0; len(targets) > 0; n++ {
			some := targets[:min(mostTargets, len(targets))]
			targets = targets[len(some):]
			spec := map[string]any{"default": s.Fields}
			if len(some) == 1 {
				spec["targetRef"] = targetOf(some[0])
			} else {
				var refs []any
				for _, ref := range some {
					refs = append(refs, targetOf(ref))
				}
				spec["targetRefs"] = refs
			}
			name := w.freePolicy(taken, s.Kind, s.Namespace, document.Numbered(s.Name, n))
			for _, ref := range some {
				w.noteWritten(s, name, ref)
			}
			w.Objects = append(w.Objects, document.New(document.PolicyAPI, s.Kind, s.Namespace, name, nil, nil, spec))
		}
	}
}

// freePolicy is a name that no other policy of the kind has.
func (w *Writer) freePolicy(taken map[string]bool, kind, namespace, wanted string) string {
	name := w.names.Free(kind, namespace, wanted)
	for n := 1; taken[kind+" "+namespace+"/"+name]; n++ {
		name = w.names.Free(kind, namespace, document.Numbered(wanted+"-more", n-1))
	}
	taken[kind+" "+namespace+"/"+name] = true
	return name
}

// noteWritten remembers where a field of a target is stated, for the findings.
func (w *Writer) noteWritten(s Policy, name string, target hierarchy.Ref) {
	for field := range s.Fields {
		w.statedIn[fieldKey{target, s.Kind, field}] = finding.Became{Kind: s.Kind, Namespace: s.Namespace, Name: name, Field: field}
	}
}

// mostTargets is how many targets a policy can have.
const mostTargets = 16

// fieldKey is one field of a kind stated for one target.
type fieldKey struct {
	target      hierarchy.Ref
	kind, field string
}
