package preview

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/review"
	"github.com/attache-dev/attache/policy/source"
)

// TestApplyingTheExampleSaysLittle applies examples/shop object by object, as
// kubectl does, and counts what a person would have to read.
func TestApplyingTheExampleSaysLittle(t *testing.T) {
	in, err := source.New([]string{"../../examples/shop"}, source.Options{}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now, _ := policy.NewSnapshot(policy.Options{}).With(in.Schemas.CRDs()...)
	lines, texts := 0, map[string]bool{}
	for _, d := range in.Documents {
		verdict, err := review.Review(t.Context(), now, review.EditOf(nil, d.Object), nil)
		if err != nil {
			t.Fatal(err)
		}
		warnings := verdict.Warnings()
		if len(warnings) > review.MaxWarnings {
			t.Errorf("%d warnings on one write: %q", len(warnings), warnings)
		}
		for _, w := range warnings {
			t.Log(w)
			lines++
			if texts[w] {
				t.Errorf("kubectl swallows what it said before: %s", w)
			}
			texts[w] = true
		}
		now = verdict.After
	}
	if len(in.Documents) != 25 || lines == 0 || lines > 15 {
		t.Errorf("%d objects gave %d lines, want some, and at most 15", len(in.Documents), lines)
	}
}

// TestWhatARouteIsTold follows one route from its creation to its end.
func TestWhatARouteIsTold(t *testing.T) {
	in, err := source.New([]string{"../../examples/shop"}, source.Options{}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	world, _ := policy.NewSnapshot(policy.Options{}).With(in.Objects()...)
	route := func(host string) *unstructured.Unstructured {
		return object(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: new, namespace: shop}, spec: {parentRefs: [{name: edge, namespace: platform}], hostnames: [`+host+`]}}`)
	}
	good, lost := route("new.shop.example.com"), route("www.other.com")
	for name, test := range map[string]struct {
		old, object *unstructured.Unstructured
		want        []string
	}{
		"created":        {nil, good, []string{"HTTPRoute shop/new gets RateLimitPolicy key ClientIP, requestsPerSecond 500, RetryPolicy maxRetries 2", "why: kubectl effective-policy explain httproute/new -n shop"}},
		"bound nowhere":  {nil, lost, []string{"HTTPRoute shop/new is bound to no listener: hostname"}},
		"moved nowhere":  {good, lost, []string{"HTTPRoute shop/new is bound to no listener: hostname"}},
		"deleted":        {good, nil, nil},
		"nothing at all": {good, good, nil},
	} {
		t.Run(name, func(t *testing.T) {
			verdict, err := review.Review(t.Context(), world, review.EditOf(test.old, test.object), nil)
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Join(verdict.Warnings(), "\n")
			for _, want := range test.want {
				if !strings.Contains(said, want) {
					t.Errorf("got %q, want %q", said, want)
				}
			}
			if len(test.want) == 0 && said != "" {
				t.Errorf("got %q, want silence", said)
			}
		})
	}
}
