package migrate_test

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/request"
)

// pathMatch is a match of a path, and nothing else, on one host.
type pathMatch struct{ host, kind, path string }

// pathMatches are the matches of HTTPRoutes.
func pathMatches(objects []*unstructured.Unstructured) []pathMatch {
	var list []pathMatch
	for _, u := range objects {
		if u.GetKind() != "HTTPRoute" {
			continue
		}
		hosts, _, _ := unstructured.NestedStringSlice(u.Object, "spec", "hostnames")
		rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
		for _, rule := range rules {
			matches, _, _ := unstructured.NestedSlice(rule.(map[string]any), "matches")
			for _, m := range matches {
				match := m.(map[string]any)
				if len(match) != 1 {
					continue
				}
				kind, _, _ := unstructured.NestedString(match, "path", "type")
				path, _, _ := unstructured.NestedString(match, "path", "value")
				for _, host := range hosts {
					list = append(list, pathMatch{host, kind, path})
				}
			}
		}
	}
	return list
}

// What is held reaches no backend by any other route (M40).
func TestWhatIsHeldReachesNobody(t *testing.T) {
	r := registry(t)
	asked := 0
	for seed := range worlds(t) {
		c := convert(t, aWorld(false).Example(seed), toNewGateway())
		snapshot, problems := kinds(r).With(prepared(t, r, c.result.Objects)...)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		side, written := routing.NewNewSide(snapshot.Graph(), hierarchy.Ref{}), pathMatches(c.result.Objects)
		for _, m := range pathMatches(c.result.Held) {
			if m.kind == "PathPrefix" && slices.Contains(written, pathMatch{m.host, "Exact", m.path}) {
				continue // another Ingress has this path alone
			}
			for _, scheme := range []string{"http", "https"} {
				asked++
				answer, place := side.Answer(&request.Request{Method: "GET", Scheme: scheme, Host: strings.Replace(m.host, "*", "any", 1), Path: m.path})
				if len(answer.Backends) > 0 {
					t.Fatalf("world %d: %s://%s%s is held, and goes to %v by %v\n%s\n%s", seed, scheme, m.host, m.path, answer.Backends, place, text(c.old), text(c.result.Objects))
				}
			}
		}
	}
	if t.Logf("%d requests", asked); asked == 0 {
		t.Error("nothing was held")
	}
}
