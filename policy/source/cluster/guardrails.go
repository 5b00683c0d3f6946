package cluster

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
)

// guardrailCRD is the CRD of PolicyGuardrail.
const guardrailCRD = "policyguardrails." + policy.Group

// guardrails are the compiled guardrails. They belong to the reducer.
type guardrails struct {
	compilers guardrail.Compilers
	compiled  func(name string, g *guardrail.Guardrail)
	byName    map[string]*guardrail.Guardrail
	problems  []hierarchy.Problem
}

// set compiles a guardrail. Its text is compiled once, no matter how often its status is written.
func (r *guardrails) set(ref hierarchy.Ref, u *unstructured.Unstructured) {
	g, problems := guardrail.Parse(u, r.compilers)
	for _, p := range problems {
		r.problems = append(r.problems, hierarchy.Problem{Ref: ref, Field: p.Field, Message: p.Text()})
	}
	if r.byName == nil {
		r.byName = map[string]*guardrail.Guardrail{}
	}
	r.byName[ref.Name] = g
	if r.compiled != nil {
		r.compiled(ref.Name, g)
	}
}

func (r *guardrails) remove(name string) {
	delete(r.byName, name)
	if r.compiled != nil {
		r.compiled(name, nil)
	}
}

// take returns the problems of guardrails that were added since the last call.
func (r *guardrails) take() []hierarchy.Problem {
	problems := r.problems
	r.problems = nil
	return problems
}

// list returns all guardrails, sorted by name, in a new list.
func (r *guardrails) list() []*guardrail.Guardrail {
	return slices.SortedFunc(maps.Values(r.byName), func(a, b *guardrail.Guardrail) int { return strings.Compare(a.Name, b.Name) })
}

// Guardrails returns the current guardrails, compiled, sorted by name, including those that do not
// compile, which are Broken. Once Synced, none is missing. The list belongs to the caller; when a
// guardrail is added, removed or changed, a Batch has it in Changed.
func (s *Source) Guardrails() []*guardrail.Guardrail {
	if list := s.guardrails.Load(); list != nil {
		return slices.Clone(*list)
	}
	return nil
}
