package vendors

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/profiles"
)

// trafficKind is the policy kind that is compared, as results name it.
const trafficKind = "BackendTrafficPolicy.gateway.envoyproxy.io"

// served is one rule of a route on one listener in what Envoy Gateway makes of a case.
type served struct {
	listener, route hierarchy.Ref
	rule            int
	// policy is the BackendTrafficPolicy that it applies there, merged with another one
	// or not; values are those of its fields that come out as they are written.
	policy string
	values map[string]string
}

// asWritten are the fields that come out as they are written.
var asWritten = []string{
	"timeout.tcp.connectTimeout",
	"timeout.http.connectionIdleTimeout",
	"timeout.http.maxConnectionDuration",
	"timeout.http.maxStreamDuration",
	"timeout.http.streamIdleTimeout",
	"timeout.http.requestTimeout",
	"retry.numRetries",
	"retry.numAttemptsPerPriority",
	"retry.perRetry.timeout",
	"retry.perRetry.backOff.baseInterval",
	"retry.perRetry.backOff.maxInterval",
	"retry.retryOn.httpStatusCodes",
	"retry.retryOn.triggers",
}

// valuesOf are the values of those fields. Their cases write some names in other
// capitals, which their decoder permits.
func valuesOf(object map[string]any) map[string]string {
	values := map[string]string{}
	for _, field := range asWritten {
		var value any = object
		for _, name := range strings.Split(field, ".") {
			var inner any
			for key, v := range asObject(value) {
				if strings.EqualFold(key, name) {
					inner = v
				}
			}
			value = inner
		}
		if value != nil {
			values[field] = fmt.Sprint(value)
		}
	}
	return values
}

// TestPoliciesReachRoutesAsEnvoyGatewaySays compares, in Envoy Gateway's own test data, which
// BackendTrafficPolicy reaches which rule on which listener, and the resulting timeouts and
// retries.
func TestPoliciesReachRoutesAsEnvoyGatewaySays(t *testing.T) {
	worlds, rules, values := 0, 0, 0
	differs := map[string][]string{}
	for _, w := range envoyWorlds(t) {
		if len(w.in["backendTrafficPolicies"]) == 0 {
			continue
		}
		all := servedRules(w)
		if len(all) == 0 {
			continue
		}
		worlds++
		resolution := effective.ResolveAll(snapshotOf(t, w))
		for _, want := range all {
			rules++
			values += len(want.values)
			got := ours(resolution, want)
			if got.policy != want.policy || !maps.Equal(got.values, want.values) {
				where := fmt.Sprintf("%s rule %d on %s: ", want.route, want.rule, want.listener)
				if reason := trafficDiffers[w.name]; reason != "" && !w.bearsOut(t, reason, got, want) {
					t.Errorf("%s: not for the reason that is given: %s%v, Envoy Gateway says %v", w.name, where, got, want)
				}
				differs[w.name] = append(differs[w.name], where+fmt.Sprintf("%s %v, Envoy Gateway says %s %v", got.policy, got.values, want.policy, want.values))
			}
		}
	}
	t.Logf("%d worlds with %d rules on listeners and %d values; rules differ in %d worlds", worlds, rules, values, len(differs))
	for _, name := range slices.Sorted(maps.Keys(differs)) {
		if trafficDiffers[name] == "" {
			t.Errorf("%s: %s", name, strings.Join(differs[name], "\n"))
		}
	}
	for name := range trafficDiffers {
		if differs[name] == nil {
			t.Errorf("%s does not differ any more", name)
		}
	}
}

// trafficDiffers are the worlds in which Envoy Gateway applies another policy, or other
// values, with the reason. One that is not here fails the test, and so does one here that
// is gone.
var trafficDiffers = map[string]string{
	"backendtrafficpolicy-buffer-limit-out-of-range-error":                          refusedPolicy,
	"backendtrafficpolicy-buffer-limit-with-invalid-value":                          refusedPolicy,
	"backendtrafficpolicy-request-buffer-out-of-range-error":                        refusedPolicy,
	"backendtrafficpolicy-with-bandwidth-invalid-limit":                             refusedPolicy,
	"backendtrafficpolicy-with-circuitbreakers-error":                               refusedPolicy,
	"backendtrafficpolicy-with-loadbalancer-invalid-consistent-hash-table-size":     refusedPolicy,
	"backendtrafficpolicy-with-local-ratelimit-invalid-limit-unit":                  refusedPolicy,
	"backendtrafficpolicy-with-local-ratelimit-invalid-multiple-route-level-limits": refusedPolicy,
	"backendtrafficpolicy-with-ratelimit-invalid-distinct-invert":                   refusedPolicy,
	"backendtrafficpolicy-with-ratelimit-invalid-regex":                             refusedPolicy,
	"backendtrafficpolicy-with-response-override-invalid-valueref":                  refusedPolicy,
	"backendtrafficpolicy-with-response-override-merged-invalid-valueref":           refusedPolicy,
	"backendtrafficpolicy-with-retries":                                             refusedPolicy,
	"backendtrafficpolicy-with-timeout-error":                                       refusedPolicy,
	"httproute-and-backendtrafficpolicy-with-timeout-error":                         refusedPolicy,

	"backendtrafficpolicy-override-replace":                    emptyPolicy,
	"backendtrafficpolicy-status-conditions":                   emptyPolicy,
	"backendtrafficpolicy-status-conditions-truncated":         emptyPolicy,
	"backendtrafficpolicy-with-routing-type-mergetype-unset":   emptyPolicy,
	"mergebackends-http-gateway-traffic-route-mergetype-unset": emptyPolicy,
	"mergebackends-http-rule-level-shields-route-level":        emptyPolicy,

	"backendtrafficpolicy-dns-lookup-family": oneName,
}

// The reasons.
const (
	refusedPolicy = "Envoy Gateway refuses the policy for what one of its fields says, and applies none; what fields of others mean is not known here"
	emptyPolicy   = "a policy that states nothing is the most specific one there; here a layer with nothing in it is not there (semantics 3)"
	oneName       = "two policies of the case have one namespace and name, which no cluster holds; here the last of them counts"
)

// bearsOut says whether the data of a case bear out why a rule differs.
func (w envoyWorld) bearsOut(t *testing.T, reason string, got, want served) bool {
	switch reason {
	case refusedPolicy: // they say of the policy that applies here that they do not accept it
		return slices.ContainsFunc(w.out["backendTrafficPolicies"], func(u *unstructured.Unstructured) bool {
			return placeOf(u) == got.policy && strings.Contains(fmt.Sprint(conditionsOf(u)), "map[reason:Invalid status:False type:Accepted]")
		})
	case emptyPolicy:
		// The policy that applies there states nothing, or that on another rule does, which
		// comes to the same and shares the scope.
		return slices.ContainsFunc(w.in["backendTrafficPolicies"], func(u *unstructured.Unstructured) bool {
			spec, _, _ := unstructured.NestedMap(u.Object, "spec")
			for _, name := range []string{"targetRef", "targetRefs", "targetSelectors", "mergeType"} {
				delete(spec, name)
			}
			return len(spec) == 0 && (placeOf(u) == want.policy || placeOf(u) == got.policy)
		})
	case oneName: // with any other of that name alone, the rule comes out as they say
		return w.withOneOf(want.policy, func(alone envoyWorld) bool {
			got := ours(effective.ResolveAll(snapshotOf(t, alone)), want)
			return got.policy == want.policy && maps.Equal(got.values, want.values)
		})
	}
	return false
}

// withOneOf says whether something is so in a case that has one alone of the policies of a
// name; false where the name is one policy's.
func (w envoyWorld) withOneOf(place string, so func(alone envoyWorld) bool) bool {
	const kind = "backendTrafficPolicies"
	same := func(u *unstructured.Unstructured) bool { return placeOf(u) == place }
	others := slices.DeleteFunc(slices.Clone(w.in[kind]), same)
	if len(w.in[kind])-len(others) < 2 {
		return false
	}
	return slices.ContainsFunc(w.in[kind], func(u *unstructured.Unstructured) bool {
		alone := w
		alone.in = maps.Clone(w.in)
		alone.in[kind] = append(slices.Clone(others), u)
		return same(u) && so(alone)
	})
}

func placeOf(u *unstructured.Unstructured) string { return u.GetNamespace() + "/" + u.GetName() }

// conditionsOf are the conditions in the status of a policy, without what varies.
func conditionsOf(u *unstructured.Unstructured) []map[string]any {
	var list []map[string]any
	ancestors, _, _ := unstructured.NestedSlice(u.Object, "status", "ancestors")
	for _, a := range ancestors {
		conditions, _, _ := unstructured.NestedSlice(asObject(a), "conditions")
		for _, c := range conditions {
			c := asObject(c)
			list = append(list, map[string]any{"type": c["type"], "status": c["status"], "reason": c["reason"]})
		}
	}
	return list
}

// servedRules reads the rules on listeners out of what comes out of a case.
func servedRules(w envoyWorld) []served {
	found := map[string]served{}
	for _, gateway := range w.xds {
		listeners, _, _ := unstructured.NestedSlice(asObject(gateway), "http")
		for _, l := range listeners {
			listener := refOf(asObject(asObject(l)["metadata"]))
			routes, _, _ := unstructured.NestedSlice(asObject(l), "routes")
			for _, r := range routes {
				one := asObject(r)
				name, _ := one["name"].(string)
				parts := strings.Split(name, "/") // httproute/NAMESPACE/NAME/rule/INDEX/match/…
				if len(parts) < 5 || parts[3] != "rule" {
					continue
				}
				index, err := strconv.Atoi(parts[4])
				if err != nil {
					continue
				}
				metadata := asObject(one["metadata"])
				s := served{listener: listener, route: refOf(metadata).Object(), rule: index, values: map[string]string{}}
				policies, _, _ := unstructured.NestedSlice(metadata, "policies")
				for _, p := range policies {
					if p := asObject(p); p["kind"] == "BackendTrafficPolicy" {
						s.policy = fmt.Sprint(p["namespace"], "/", p["name"])
					}
				}
				s.values = valuesOf(asObject(one["traffic"]))
				found[fmt.Sprint(s.listener, s.route, s.rule)] = s
			}
		}
	}
	var all []served
	for _, key := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[key])
	}
	return all
}

// ours is the same as we say it.
func ours(resolution effective.Resolution, at served) served {
	out := served{values: map[string]string{}}
	e := resolution.Get(at.route)
	if e == nil {
		return out
	}
	for _, scope := range e.Scopes {
		here := slices.ContainsFunc(scope.Parents, func(l *hierarchy.Listener) bool {
			return l.Gateway == at.listener.Object() && l.Ref.Section == at.listener.Section
		})
		m, applies := scope.Result.Kind(trafficKind)
		if !here || !applies || !scope.Rules.Has(at.rule) {
			continue
		}
		lead := slices.MaxFunc(m.Contributions(), func(a, b effective.Contribution) int { return int(a.Attachment.Level) - int(b.Attachment.Level) })
		out.policy = lead.Attachment.Policy.Ref.Place()
		out.values = valuesOf(m.Value)
	}
	return out
}

func asObject(value any) map[string]any {
	object, _ := value.(map[string]any)
	return object
}

// refOf is the object that metadata of what comes out names.
func refOf(metadata map[string]any) hierarchy.Ref {
	text := func(key string) string { s, _ := metadata[key].(string); return s }
	return hierarchy.NewRef(hierarchy.Group, text("kind"), text("namespace"), text("name")).WithSection(text("sectionName"))
}

// snapshotOf is a case as the engine sees it, with the CRD of the policies.
func snapshotOf(t testing.TB, w envoyWorld) *policy.Snapshot {
	t.Helper()
	text, err := fs.ReadFile(Files(t, EnvoyGateway), path.Join("charts/gateway-helm/charts/crds/crds/generated", "gateway.envoyproxy.io_backendtrafficpolicies.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	crd := map[string]any{}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	known, err := profiles.Read(nil)
	if err != nil {
		t.Fatal(err)
	}
	objects := append([]*unstructured.Unstructured{{Object: crd}}, all(w.in)...)
	snapshot, _ := policy.NewSnapshot(policy.Options{Profiles: known, AssumeClasses: true}).With(objects...)
	return snapshot
}
