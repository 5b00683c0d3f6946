package preview

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/review"
	"github.com/attache-dev/attache/policy/source"
)

// TestApplyingTheExampleSaysLittle applies examples/shop object by object, as
// kubectl does, in orders that people use, and counts what they would have to read.
func TestApplyingTheExampleSaysLittle(t *testing.T) {
	in, err := source.New([]string{"../../examples/shop"}, source.Options{}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	empty, _ := policy.NewSnapshot(policy.Options{}).With(in.Schemas.CRDs()...)
	whole, _ := empty.With(in.Objects()...)
	var objects, again, deletions, routes, policies []review.ObjectChange
	for _, d := range in.Documents {
		objects = append(objects, review.ObjectChange{New: d.Object})
		again = append(again, review.ObjectChange{Old: d.Object, New: d.Object})
		deletions = append(deletions, review.ObjectChange{Old: d.Object})
		if strings.HasSuffix(d.Object.GetKind(), "Route") {
			routes = append(routes, objects[len(objects)-1])
		} else {
			policies = append(policies, objects[len(objects)-1])
		}
	}
	if len(objects) != 25 || len(routes) != 6 {
		t.Fatalf("%d objects, %d of them routes", len(objects), len(routes))
	}
	backwards := slices.Clone(objects)
	slices.Reverse(backwards)
	for name, test := range map[string]struct {
		world   *policy.Snapshot
		changes []review.ObjectChange
		least   int
		most    int
	}{
		"as the files are named":        {empty, objects, 1, 8},
		"routes after their policies":   {empty, append(policies, routes...), 1, 25},
		"policies before their targets": {empty, backwards, 1, 35},
		"once more":                     {whole, again, 0, 0},
		"deleted":                       {whole, deletions, 1, 20},
	} {
		t.Run(name, func(t *testing.T) {
			lines := len(told(t, test.world, test.changes))
			if lines < test.least || lines > test.most {
				t.Errorf("%d objects gave %d lines, want %d to %d", len(test.changes), lines, test.least, test.most)
			}
		})
	}
}

// told makes one change after the other, and returns what is said of them.
func told(t *testing.T, now *policy.Snapshot, changes []review.ObjectChange) []string {
	t.Helper()
	var lines []string
	for _, change := range changes {
		verdict, err := review.Review(t.Context(), now, review.Edit{Changes: []review.ObjectChange{change}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		warnings := verdict.Warnings()
		if len(warnings) > review.MaxWarnings {
			t.Errorf("%d warnings on one write: %q", len(warnings), warnings)
		}
		for _, w := range warnings {
			t.Log(w)
			if slices.Contains(lines, w) && !strings.HasPrefix(w, "and ") {
				t.Errorf("kubectl swallows what it said before: %s", w)
			}
			lines = append(lines, w)
		}
		now = verdict.After
	}
	return lines
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
