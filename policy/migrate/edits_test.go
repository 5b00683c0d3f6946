package migrate_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/migrate/verify"
	"github.com/attache-dev/attache/policy/request"
	"github.com/attache-dev/attache/policy/validate"
)

// edit changes the rules or the hostnames of a route at random. It returns false where it
// finds nothing to change.
type edit struct {
	name string
	make func(random *rand.Rand, route *unstructured.Unstructured, rules []any) ([]any, bool)
}

func ruleEdit(change func(random *rand.Rand, rule map[string]any) bool) func(*rand.Rand, *unstructured.Unstructured, []any) ([]any, bool) {
	return func(random *rand.Rand, _ *unstructured.Unstructured, rules []any) ([]any, bool) {
		return rules, change(random, rules[random.IntN(len(rules))].(map[string]any))
	}
}

// matchEdit changes one match of one rule.
func matchEdit(change func(random *rand.Rand, match, path map[string]any) bool) func(*rand.Rand, *unstructured.Unstructured, []any) ([]any, bool) {
	return ruleEdit(func(random *rand.Rand, rule map[string]any) bool {
		matches, _ := rule["matches"].([]any)
		if len(matches) == 0 {
			return false
		}
		match := matches[random.IntN(len(matches))].(map[string]any)
		path, _ := match["path"].(map[string]any)
		return path != nil && change(random, match, path)
	})
}

// edits are the ways in which a new side is damaged.
func edits() []edit {
	return []edit{
		{"another backend", ruleEdit(func(_ *rand.Rand, rule map[string]any) bool {
			had := rule["backendRefs"] != nil
			rule["backendRefs"] = []any{map[string]any{"name": "elsewhere", "port": int64(81)}}
			return had
		})},
		{"half to another backend", ruleEdit(func(_ *rand.Rand, rule map[string]any) bool {
			refs, _ := rule["backendRefs"].([]any)
			rule["backendRefs"] = append(refs, map[string]any{"name": "elsewhere", "port": int64(81)})
			return len(refs) > 0
		})},
		{"a rule less", func(random *rand.Rand, _ *unstructured.Unstructured, rules []any) ([]any, bool) {
			i := random.IntN(len(rules))
			return slices.Delete(rules, i, i+1), len(rules) > 1
		}},
		{"a longer path", matchEdit(func(random *rand.Rand, _, path map[string]any) bool {
			path["value"] = strings.TrimSuffix(path["value"].(string), "/") + []string{"/a", "/b", "/new", "b"}[random.IntN(4)]
			return strings.HasPrefix(path["value"].(string), "/")
		})},
		{"a shorter path", matchEdit(func(_ *rand.Rand, _, path map[string]any) bool {
			value := path["value"].(string)
			path["value"] = value[:max(1, strings.LastIndexByte(value, '/'))]
			return value != "/"
		})},
		{"another type of match", matchEdit(func(_ *rand.Rand, _, path map[string]any) bool {
			path["type"] = map[any]string{"Exact": "PathPrefix", "PathPrefix": "Exact"}[path["type"]]
			return path["type"] != ""
		})},
		{"a header", matchEdit(func(_ *rand.Rand, match, _ map[string]any) bool {
			match["headers"] = []any{map[string]any{"name": "x-team", "value": "blue"}}
			return true
		})},
		{"a method", matchEdit(func(random *rand.Rand, match, _ map[string]any) bool {
			match["method"] = []string{"GET", "POST", "HEAD"}[random.IntN(3)]
			return true
		})},
		{"another host", func(_ *rand.Rand, route *unstructured.Unstructured, rules []any) ([]any, bool) {
			names, _, _ := unstructured.NestedStringSlice(route.Object, "spec", "hostnames")
			return rules, len(names) > 0 && unstructured.SetNestedStringSlice(route.Object, []string{"elsewhere.example.org"}, "spec", "hostnames") == nil
		}},
		{"a redirect", ruleEdit(func(_ *rand.Rand, rule map[string]any) bool {
			delete(rule, "backendRefs")
			rule["filters"] = []any{map[string]any{"type": "RequestRedirect", "requestRedirect": map[string]any{"hostname": "elsewhere.example.org", "statusCode": int64(302)}}}
			return true
		})},
		{"another path for the backend", ruleEdit(func(_ *rand.Rand, rule map[string]any) bool {
			had := rule["backendRefs"] != nil && rule["filters"] == nil
			rule["filters"] = []any{map[string]any{"type": "URLRewrite", "urlRewrite": map[string]any{"path": map[string]any{"type": "ReplaceFullPath", "replaceFullPath": "/inner"}}}}
			return had
		})},
	}
}

// edited is the new side with one edit of one of its routes; nil when the edit does not
// fit it or makes what the API server refuses.
func (c converted) edited(t *testing.T, r *validate.Registry, random *rand.Rand, e edit) []*unstructured.Unstructured {
	t.Helper()
	var routes []int
	for i, u := range c.result.Objects {
		if u.GetKind() == "HTTPRoute" {
			routes = append(routes, i)
		}
	}
	if len(routes) == 0 {
		return nil
	}
	at := routes[random.IntN(len(routes))]
	u := c.result.Objects[at].DeepCopy()
	rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
	rules, ok := e.make(random, u, rules)
	if !ok || unstructured.SetNestedSlice(u.Object, rules, "spec", "rules") != nil {
		return nil
	}
	if _, problems, _ := r.Prepare(t.Context(), u); len(problems) > 0 {
		return nil
	}
	objects := slices.Clone(c.result.Objects)
	objects[at] = u
	return objects
}

// newSide answers requests by objects.
func newSide(t *testing.T, r *validate.Registry, objects []*unstructured.Unstructured) *routing.NewSide {
	t.Helper()
	snapshot, _ := kinds(r).With(prepared(t, r, objects)...)
	return routing.NewNewSide(snapshot.Graph(), hierarchy.Ref{})
}

// aRequest is any request to a host, whether or not verify would think of it.
func aRequest(random *rand.Rand, host string) *request.Request {
	path := "/"
	for range random.IntN(4) {
		path = strings.TrimSuffix(path, "/") + "/" + []string{"a", "b", "ab", "docs", "new", "z", "a.b"}[random.IntN(7)]
	}
	if random.IntN(4) == 0 && path != "/" {
		path += "/"
	}
	one := &request.Request{
		Host: host, Path: path, Scheme: []string{request.SchemeHTTP, request.SchemeHTTPS}[random.IntN(2)],
		Method: []string{"GET", "GET", "POST", "HEAD", "PUT"}[random.IntN(5)],
	}
	if random.IntN(3) == 0 {
		one.Headers = []hierarchy.Header{{Name: "x-team", Value: []string{"blue", "red"}[random.IntN(2)]}}
	}
	return one
}

// TestARandomEditThatChangesAnAnswerIsFound: the new side is edited at random, and asked
// random requests before and after. When one of them is answered otherwise on a host that
// did not differ, verify finds the host different, although it asks requests of its own
// choice (M72, M97).
func TestARandomEditThatChangesAnAnswerIsFound(t *testing.T) {
	r := registry(t)
	const perWorld, perEdit = 4, 60
	found, silent := map[string]int{}, 0
	for seed := range worlds(t) {
		random := rand.New(rand.NewPCG(14, uint64(seed)))
		c := convert(t, aWorld(false).Example(seed), toNewGateway())
		equal := equalHosts(c.verify(t, r, c.result.Objects, nil))
		if len(equal) == 0 {
			continue
		}
		before := newSide(t, r, c.result.Objects)
		for range perWorld {
			e := edits()[random.IntN(len(edits()))]
			objects := c.edited(t, r, random, e)
			if objects == nil {
				continue
			}
			after := newSide(t, r, objects)
			var result *verify.Comparison
			for range perEdit {
				q := aRequest(random, equal[random.IntN(len(equal))])
				was := before.Choices(q, "")
				is := after.Choices(q, "")
				if len(was) == 1 && len(is) == 1 && len(routing.Differ(&was[0].Answer, &is[0].Answer)) == 0 || !comparedScheme(c, q) {
					continue
				}
				if result == nil {
					result = c.verify(t, r, objects, nil)
				}
				if slices.Contains(equalHosts(result), q.Host) {
					t.Fatalf("world %d, %s: %s %s://%s%s %v was %v and is %v, and no request differs\n%s\n%s", seed, e.name, q.Method, q.Scheme, q.Host, q.Path, q.Headers, was, is, text(c.old), text(objects))
				}
			}
			if result == nil {
				silent++
			} else {
				found[e.name]++
			}
		}
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(found)) {
		total += found[name]
	}
	t.Logf("%d edits change an answer, each found: %v; %d change none", total, found, silent)
	if worlds(t) >= 100 && len(found) < len(edits()) {
		t.Error("some kinds of edits changed no answer")
	}
}

// comparedScheme says whether the old side answers by the scheme of a request: by https
// where it has a certificate.
func comparedScheme(c converted, q *request.Request) bool {
	return q.Scheme == request.SchemeHTTP || slices.ContainsFunc(c.old, func(u *unstructured.Unstructured) bool {
		_, has, _ := unstructured.NestedSlice(u.Object, "spec", "tls")
		return has && q.Host == "x.example.com"
	})
}

// equalHosts are the hosts of a comparison on which no request differs.
func equalHosts(result *verify.Comparison) []string {
	var list []string
	for _, h := range result.Hosts {
		if len(h.Groups) == 0 && !strings.Contains(h.Host, "*") && strings.Contains(h.Host, ".") {
			list = append(list, h.Host)
		}
	}
	return list
}
