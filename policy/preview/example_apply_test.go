package preview

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/review"
	"github.com/attache-dev/attache/policy/source"
)

// most is how many lines of warnings a person reads when they apply examples/shop.
const most = 15

// shopByFile are the objects of the example by the files that they are in, in the order
// of their names, and a world that knows their kinds.
func shopByFile(t *testing.T) (files [][]*unstructured.Unstructured, empty *policy.Snapshot) {
	t.Helper()
	in, err := source.New([]string{"../../examples/shop"}, source.Options{}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last, objects := "", 0
	for _, d := range in.Documents {
		if d.File != last {
			files, last = append(files, nil), d.File
		}
		files[len(files)-1] = append(files[len(files)-1], d.Object)
		objects++
	}
	if objects != 25 || len(files) != 8 {
		t.Fatalf("%d objects in %d files", objects, len(files))
	}
	empty, _ = policy.NewSnapshot(policy.Options{}).With(in.Schemas.CRDs()...)
	return files, empty
}

// TestApplyingTheExampleSaysLittle writes examples/shop object by object, as kubectl does, and
// counts the lines that people have to read.
func TestApplyingTheExampleSaysLittle(t *testing.T) {
	files, empty := shopByFile(t)
	objects := slices.Concat(files...)
	whole, _ := empty.With(objects...)
	backwards := slices.Clone(objects)
	slices.Reverse(backwards)
	for name, test := range map[string]struct {
		world   *policy.Snapshot
		objects []*unstructured.Unstructured
		change  func(*unstructured.Unstructured) review.ObjectChange
		least   int
		most    int
	}{
		"as the files are named":        {empty, objects, created, 1, 6},
		"policies before their targets": {empty, backwards, created, 8, most},
		"once more":                     {whole, objects, same, 0, 0},
		"deleted":                       {whole, objects, deleted, 1, most},
		"deleted from the end":          {whole, backwards, deleted, 13, 13}, // each policy gives something up
	} {
		t.Run(name, func(t *testing.T) {
			changes := make([]review.ObjectChange, len(test.objects))
			for i, u := range test.objects {
				changes[i] = test.change(u)
			}
			lines := told(t, test.world, changes)
			t.Log(strings.Join(lines, "\n"))
			if len(lines) < test.least || len(lines) > test.most {
				t.Errorf("%d objects gave %d lines, want %d to %d", len(changes), len(lines), test.least, test.most)
			}
		})
	}
}

func created(u *unstructured.Unstructured) review.ObjectChange { return review.ObjectChange{New: u} }
func deleted(u *unstructured.Unstructured) review.ObjectChange { return review.ObjectChange{Old: u} }
func same(u *unstructured.Unstructured) review.ObjectChange {
	return review.ObjectChange{Old: u, New: u}
}

// TestInWhateverOrderTheExampleIsAppliedItSaysLittle applies its files in any order. Namespaces
// come first: an API server accepts no object in a namespace that does not exist.
func TestInWhateverOrderTheExampleIsAppliedItSaysLittle(t *testing.T) {
	files, empty := shopByFile(t)
	rapid.Check(t, func(r *rapid.T) {
		order := rapid.Permutation(files[1:]).Draw(r, "files")
		var changes []review.ObjectChange
		for _, u := range slices.Concat(append([][]*unstructured.Unstructured{files[0]}, order...)...) {
			changes = append(changes, created(u))
		}
		if lines := told(t, empty, changes); len(lines) > most {
			r.Errorf("%d lines, want %d at most:\n%s", len(lines), most, strings.Join(lines, "\n"))
		}
	})
}

// TestDeletingThePoliciesOfTheExampleSaysLittle deletes its policies one by one, in any
// order: no more than a line for each.
func TestDeletingThePoliciesOfTheExampleSaysLittle(t *testing.T) {
	files, empty := shopByFile(t)
	whole, _ := empty.With(slices.Concat(files...)...)
	policies := slices.DeleteFunc(slices.Concat(files...), func(u *unstructured.Unstructured) bool { return !strings.HasSuffix(u.GetKind(), "Policy") })
	rapid.Check(t, func(r *rapid.T) {
		var changes []review.ObjectChange
		for _, u := range rapid.Permutation(policies).Draw(r, "policies") {
			changes = append(changes, deleted(u))
		}
		lines := told(t, whole, changes)
		if len(lines) > len(policies) || len(lines) > most {
			r.Errorf("%d policies gave %d lines:\n%s", len(policies), len(lines), strings.Join(lines, "\n"))
		}
	})
}

// told makes one change after the other, and returns what kubectl prints of them. It
// prints the same text once: what an object waits for is said of that, not of the
// object, and nothing else may be lost.
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
			switch {
			case !slices.Contains(lines, w):
				lines = append(lines, w)
			case !strings.HasSuffix(w, "policies on it have no effect"):
				t.Errorf("kubectl swallows what it said before: %s", w)
			}
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
