package oracle

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// world is a set of objects. All routes are in namespace shop, Gateways in infra,
// which is the platform's.
type world struct {
	seed    uint64
	random  *rand.Rand
	objects []*unstructured.Unstructured
	markers int
}

type object = map[string]any

const gatewayGroup = "gateway.networking.k8s.io"

// newWorld draws a world. The same seed gives the same one.
func newWorld(seed uint64) *world {
	w := &world{seed: seed, random: rand.New(rand.NewPCG(seed, 1))}
	w.add("gateway.networking.k8s.io/v1", "GatewayClass", "", "edge", object{"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"})
	for _, namespace := range []string{"infra", "shop"} {
		w.add("v1", "Namespace", "", namespace, nil)
	}
	w.service("backend")
	w.add(gatewayGroup+"/v1", "Gateway", "infra", "public", object{"gatewayClassName": "edge", "listeners": w.listeners()})
	for i := range 3 + w.random.IntN(4) {
		w.route(i)
	}
	w.ours("GatewayClass", "infra", "edge", "")
	w.both("Gateway", "infra", "public", "")
	w.both("Gateway", "infra", "public", "l0")
	return w
}

func (w *world) add(version, kind, namespace, name string, spec object) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: object{"apiVersion": version, "kind": kind, "metadata": object{"name": name}}}
	if namespace != "" {
		u.SetNamespace(namespace)
	}
	if spec != nil {
		u.Object["spec"] = spec
	}
	w.objects = append(w.objects, u)
	return u
}

func (w *world) service(name string) {
	w.add("v1", "Service", "shop", name, object{"clusterIP": "192.0.2.7", "ports": []any{object{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}}})
	slice := w.add("discovery.k8s.io/v1", "EndpointSlice", "shop", name, nil)
	slice.SetLabels(map[string]string{"kubernetes.io/service-name": name})
	slice.Object["addressType"] = "IPv4"
	slice.Object["ports"] = []any{object{"name": "http", "port": 80, "protocol": "TCP"}}
	slice.Object["endpoints"] = []any{object{"addresses": []any{"192.0.2.8"}, "conditions": object{"ready": true}}}
}

func (w *world) listeners() []any {
	var list []any
	for i := range 1 + w.random.IntN(2) {
		list = append(list, object{"name": fmt.Sprintf("l%d", i), "port": 8080 + i, "protocol": "HTTP", "allowedRoutes": object{"namespaces": object{"from": "All"}}})
	}
	return list
}

func (w *world) one(in int) bool { return w.random.IntN(in) == 0 }

func pick[T any](w *world, from ...T) T { return from[w.random.IntN(len(from))] }

// route is an HTTPRoute, or now and then a GRPCRoute, with policies on it and on
// its rules.
func (w *world) route(i int) {
	name, kind := fmt.Sprintf("r%d", i), "HTTPRoute"
	if w.one(6) {
		kind = "GRPCRoute"
	}
	parent := object{"name": "public", "namespace": "infra"}
	if w.one(3) {
		parent["sectionName"] = "l0"
	}
	hostnames := []any{name + ".example"}
	if w.one(3) {
		hostnames = append(hostnames, name+".example.org")
	}
	var rules []any
	named := w.random.IntN(3) // all, some, or none have names
	for r := range 1 + w.random.IntN(3) {
		rule := w.rule(kind, r)
		if named == 0 || named == 1 && w.one(2) {
			rule["name"] = fmt.Sprintf("rule-%d", r)
		}
		rules = append(rules, rule)
	}
	u := w.add(gatewayGroup+"/v1", kind, "shop", name, object{"parentRefs": []any{parent}, "hostnames": hostnames, "rules": rules})
	if w.one(2) {
		u.SetLabels(map[string]string{"attache.dev/inject": "true"})
	}
	w.both(kind, "shop", name, "")
	for _, rule := range rules {
		if section, _ := rule.(object)["name"].(string); section != "" {
			w.both(kind, "shop", name, section)
		}
	}
}

func (w *world) rule(kind string, r int) object {
	backends := []any{object{"name": "backend", "port": 80}}
	if kind == "GRPCRoute" {
		return object{"matches": []any{object{"method": object{"service": fmt.Sprintf("s%d", r)}}}, "backendRefs": backends}
	}
	matches := []any{object{"path": object{"type": "PathPrefix", "value": fmt.Sprintf("/a%d", r)}}}
	if w.one(4) {
		matches = append(matches, object{"path": object{"type": "PathPrefix", "value": fmt.Sprintf("/b%d", r)}})
	}
	rule := object{"matches": matches, "backendRefs": backends}
	if w.one(12) {
		delete(rule, "backendRefs")
		rule["filters"] = []any{object{"type": "RequestRedirect", "requestRedirect": object{"hostname": "elsewhere.example"}}}
		return rule
	}
	w.ownWords(rule)
	return rule
}

// ownWords are what a route's owner states, in values that nobody else uses.
func (w *world) ownWords(rule object) {
	timeouts := object{}
	if w.one(4) {
		timeouts["request"] = pick(w, "61s", "62s")
	}
	if w.one(6) {
		timeouts["backendRequest"] = pick(w, "11s", "12s")
	}
	if len(timeouts) > 0 {
		rule["timeouts"] = timeouts
	}
	if w.one(6) {
		retry := object{"attempts": pick(w, 7, 8)}
		if w.one(2) {
			retry["codes"] = []any{507}
		}
		if w.one(2) {
			retry["backoff"] = "33ms"
		}
		rule["retry"] = retry
	}
}

// both puts policies of ours and of a stranger on a target, now and then.
func (w *world) both(kind, namespace, name, section string) {
	w.ours(kind, namespace, name, section)
	chance := 5
	if kind == "Gateway" {
		chance = 2
	}
	if w.one(chance) {
		w.foreign(kind, namespace, name, section)
	}
}

// ours attaches policies of our kinds.
func (w *world) ours(kind, namespace, name, section string) {
	for _, policy := range []struct {
		kind string
		draw func() object
	}{{"TimeoutPolicy", w.timeouts}, {"RetryPolicy", w.retries}, {"RateLimitPolicy", w.limits}} {
		if !w.one(4) {
			continue
		}
		ref := object{"group": gatewayGroup, "kind": kind, "name": name}
		if section != "" {
			ref["sectionName"] = section
		}
		spec := object{"targetRef": ref}
		block := policy.draw()
		if len(block) == 0 {
			continue
		}
		spec[pick(w, "default", "default", "override")] = block
		w.add("attache.dev/v1alpha1", policy.kind, namespace, strings.ToLower(strings.Join([]string{policy.kind, kind, name, section}, "-")+"x"), spec)
	}
}

func (w *world) timeouts() object {
	block := object{}
	if w.one(2) {
		block["request"] = pick(w, "0s", "2s", "3s", "90s")
	}
	if w.one(3) {
		block["backend"] = pick(w, "0s", "500ms", "1s")
	}
	if w.one(4) {
		block["connect"] = pick(w, "0s", "4s", "5s")
	}
	if w.one(4) {
		block["idle"] = pick(w, "0s", "40s", "50s")
	}
	return block
}

func (w *world) retries() object {
	block := object{}
	if w.one(2) {
		block["maxRetries"] = pick(w, 0, 1, 3)
	}
	if w.one(2) {
		block["retryOn"] = pick(w, []any{"5xx"}, []any{"gateway-error", "connect-failure"}, []any{"500", "503"}, []any{"reset", "504", "cancelled"}, []any{"connect-failure"})
	}
	if block["maxRetries"] == 0 {
		return block
	}
	if w.one(3) {
		block["backoffBase"] = pick(w, "0s", "100ms", "200ms")
	}
	if w.one(4) {
		block["backoffMax"] = pick(w, "300ms", "1s")
	}
	if w.one(6) {
		block["backoffPolicy"] = pick(w, "constant", "exponential")
	}
	if w.one(4) {
		block["perTryTimeout"] = pick(w, "0s", "700ms", "1500ms")
	}
	return block
}

func (w *world) limits() object {
	if w.one(6) {
		return object{"mode": "Disabled"}
	}
	block := object{"requestsPerSecond": pick(w, "10", "500m", "1500m", "2")}
	if w.one(3) {
		block["burst"] = pick(w, 5, 50)
	}
	if w.one(2) {
		block["key"] = pick(w, "All", "ClientIP", "Header:x-tenant")
	}
	if w.one(4) {
		block["counter"] = pick(w, "Rule", "Route", "Gateway")
	}
	return block
}

// foreign attaches a stranger's BackendTrafficPolicy. Its values are its own, and
// maxStreamDuration, which we never write, tells each from every other.
func (w *world) foreign(kind, namespace, name, section string) {
	w.markers++
	ref := object{"group": gatewayGroup, "kind": kind, "name": name}
	if section != "" {
		ref["sectionName"] = section
	}
	http := object{"maxStreamDuration": fmt.Sprintf("%ds", 3000+w.markers)}
	if w.one(3) {
		http["requestTimeout"] = fmt.Sprintf("%ds", 200+w.markers)
	}
	spec := object{"targetRefs": []any{ref}, "timeout": object{"http": http}}
	if w.one(4) {
		spec["timeout"].(object)["tcp"] = object{"connectTimeout": fmt.Sprintf("%ds", 20+w.markers)}
	}
	if w.one(3) {
		spec["retry"] = pick(w,
			object{"numRetries": 9},
			object{"numRetries": 10, "perRetry": object{"timeout": "13s"}},
			object{"perRetry": object{"backOff": object{"baseInterval": "44ms", "maxInterval": "440ms"}}})
	}
	if w.one(3) {
		limit := object{"limit": object{"requests": 77, "unit": "Hour"}}
		if w.one(2) {
			limit["clientSelectors"] = []any{object{"headers": []any{object{"name": "x-vip", "value": "yes"}}}}
		}
		spec["rateLimit"] = object{"local": object{"rules": []any{limit}}}
	}
	if kind != "Gateway" && w.one(3) {
		spec["mergeType"] = pick(w, "JSONMerge", "StrategicMerge")
	}
	w.add("gateway.envoyproxy.io/v1alpha1", "BackendTrafficPolicy", namespace, strings.ToLower(strings.Join([]string{"theirs", kind, name, section}, "-")+"x"), spec)
}

// manifest is the objects as YAML documents, those that pass.
func manifest(objects []*unstructured.Unstructured, pass func(*unstructured.Unstructured) bool) string {
	var out strings.Builder
	for _, u := range objects {
		if !pass(u) {
			continue
		}
		text, err := json.Marshal(u.Object)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&out, "---\n%s\n", text)
	}
	return out.String()
}
