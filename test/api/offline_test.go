package api

import (
	"context"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/source"
)

func TestOfflineEveryRuleAcceptsAndRefuses(t *testing.T) {
	for _, m := range corpus() {
		t.Run(m.name, func(t *testing.T) {
			judge(t, m, offline(t, m.object(t, "default", "subject")))
		})
	}
}

// offline returns what package policy/validate says against an object.
func offline(t *testing.T, u *unstructured.Unstructured) []string {
	t.Helper()
	registry, err := source.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	_, problems, known := registry.Prepare(context.Background(), u)
	if !known {
		t.Fatalf("no CRD for %s", u.GetKind())
	}
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

// judge compares a verdict with what the corpus asks for.
func judge(t *testing.T, m manifest, said []string) {
	t.Helper()
	text := strings.Join(said, "\n")
	if len(m.refused) == 0 && len(said) > 0 {
		t.Errorf("refused:\n%s", text)
	}
	for _, part := range m.refused {
		if !strings.Contains(text, part) {
			t.Errorf("the refusal does not say %q:\n%s", part, text)
		}
	}
	for _, sign := range []string{"evaluating rule", "failed rule", "no such key", "compile error", "cost"} {
		if strings.Contains(text, sign) {
			t.Errorf("a rule broke instead of refusing:\n%s", text)
		}
	}
}
