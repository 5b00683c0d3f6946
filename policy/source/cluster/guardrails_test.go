package cluster

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
)

func manifest(t testing.TB, name, expression string) *unstructured.Unstructured {
	t.Helper()
	return object(t, `{apiVersion: attache.dev/v1alpha1, kind: PolicyGuardrail, metadata: {name: `+name+`, uid: `+name+`}, spec: {cel: [{expression: "`+expression+`", message: never}]}}`)
}

func TestGuardrailsAreCompiledOnceAndKeptApartFromTheSnapshot(t *testing.T) {
	compiled := 0
	s := play(t, policy.Options{})
	s.guardrails.compilers.CEL = func(list []guardrail.Expression) ([]guardrail.Rule, []guardrail.Problem) {
		if compiled++; list[0].Expression == "broken" {
			return nil, []guardrail.Problem{{Field: "[0].expression", Line: 1, Column: 2, Message: "no such thing"}}
		}
		return make([]guardrail.Rule, 1), nil
	}
	s.tell(s.of("namespaces", opReplace), s.of("customresourcedefinitions", opReplace, seen(shippedCRD(t, guardrailCRD))))
	s.tell(answer(shippedCRD(t, guardrailCRD)))
	b := manifest(t, "b", "true")
	batch := s.tell(s.of("policyguardrails", opReplace, b, manifest(t, "a", "true")))
	if batch == nil || !batch.First {
		t.Fatal("guardrails are not waited for, or hold everything up")
	}
	ref := func(name string) hierarchy.Ref {
		return hierarchy.NewRef(guardrail.Kind.Group, guardrail.Kind.Kind, "", name)
	}
	if list := s.guardrails.list(); len(list) != 2 || list[0].Name != "a" || len(list[1].Rules) != 1 || !slices.Contains(batch.Changed, ref("b")) {
		t.Errorf("got %v, changed %v", list, batch.Changed)
	}

	reported := b.DeepCopy()
	reported.SetResourceVersion("")
	reported.Object["status"] = map[string]any{"violations": int64(3)}
	if batch := s.tell(s.of("policyguardrails", opSet, reported)); compiled != 2 || len(batch.Changed) > 0 || !slices.Equal(batch.Written, []hierarchy.Ref{ref("b")}) {
		t.Errorf("a status: compiled %d times, %v", compiled, batch)
	}

	wrong := manifest(t, "b", "broken")
	wrong.SetGeneration(2)
	batch, problems := s.apply([]event{s.of("policyguardrails", opSet, wrong)})
	if len(batch.Changed) != 1 || len(problems) != 1 || problems[0].Message != "line 1, column 2: no such thing" {
		t.Errorf("got %v and %v", batch.Changed, problems)
	}
	if list := s.guardrails.list(); list[1].Broken == "" {
		t.Error("a guardrail that does not compile is not shown as broken")
	}

	s.tell(s.of("policyguardrails", opRemove, wrong))
	if list := s.guardrails.list(); len(list) != 1 || list[0].Name != "a" {
		t.Errorf("after the deletion: %v", list)
	}
	// When the CRD goes, the guardrails go.
	s.tell(s.of("customresourcedefinitions", opRemove, seen(shippedCRD(t, guardrailCRD))))
	if list := s.guardrails.list(); len(list) != 0 {
		t.Errorf("after the CRD's deletion: %v", list)
	}
}
