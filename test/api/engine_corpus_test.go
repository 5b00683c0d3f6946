package api

// selectors are targets by label, and Namespaces as targets.
func selectors() []manifest {
	is := func(name, selector string, refused ...string) manifest {
		return manifest{name: "selector " + name, kind: timeout, spec: "targetSelectors: [{" + selector + "}]\ndefault: {request: 30s}", refused: refused}
	}
	const routes = "group: gateway.networking.k8s.io, kind: HTTPRoute"
	return []manifest{
		is("of all", routes),
		is("of a label", routes+", matchLabels: {tier: web, example.com/team: a.b_c}"),
		is("of expressions", routes+", matchExpressions: [{key: tier, operator: In, values: [web, api]}, {key: x, operator: Exists}, {key: yy, operator: NotIn, values: [z]}, {key: w, operator: DoesNotExist}]"),
		is("of Namespaces", `group: "", kind: Namespace, matchLabels: {env: prod}`),
		is("of a rule", routes+", sectionName: pay"),
		is("with a section of a Namespace", `group: "", kind: Namespace, sectionName: x`, "spec.targetSelectors[0].sectionName", "a Namespace has no sections: remove sectionName"),
		is("with a section of a GatewayClass", "group: gateway.networking.k8s.io, kind: GatewayClass, sectionName: x", "a GatewayClass has no sections: remove sectionName"),
		is("of Namespaces in the wrong group", "group: gateway.networking.k8s.io, kind: Namespace", `Namespace is a kind of the core group: write group: ""`),
		is("of a kind in lower case", "group: gateway.networking.k8s.io, kind: httproute", `"httproute" is not how the kind is spelled: write HTTPRoute`),
		is("with a version", "group: gateway.networking.k8s.io/v1, kind: HTTPRoute", "carries a version: write group: gateway.networking.k8s.io"),
		is("with namespaces", routes+", namespaces: {from: All}", "unknown field", "namespaces"),
		is("of a key that is none", routes+`, matchLabels: {"a b": c}`, "matchLabels has a key that no label can have"),
		is("of a value that is none", routes+`, matchLabels: {a: "b c"}`, `"b c" is not the value of a label`),
		is("of an operator that is none", routes+", matchExpressions: [{key: a, operator: Like}]", "Unsupported value", "Like"),
		is("In without values", routes+", matchExpressions: [{key: a, operator: In}]", "In and NotIn need values: list at least one, or write operator: Exists"),
		is("Exists with values", routes+", matchExpressions: [{key: a, operator: Exists, values: [b]}]", "Exists and DoesNotExist take no values: remove values, or write operator: In"),
		is("of an expression's key that is none", routes+`, matchExpressions: [{key: "a b", operator: Exists}]`, `"a b" is not the key of a label`),
		{name: "no selector", kind: retry, spec: "targetSelectors: []\ndefault: {maxRetries: 1}", refused: []string{"targetSelectors is empty: list 1 to 16 selectors, or write targetRef"}},
		{name: "selector and name", kind: rate, spec: route + "targetSelectors: [{" + routes + "}]\ndefault: {requestsPerSecond: 1}",
			refused: []string{"targetSelectors and targetRef are both set: write one of them"}},
		{name: "target Namespace", kind: timeout, spec: `targetRef: {group: "", kind: Namespace, name: shop}` + "\ndefault: {request: 30s}"},
		{name: "section of a Namespace", kind: timeout, spec: `targetRef: {group: "", kind: Namespace, name: shop, sectionName: x}` + "\ndefault: {request: 30s}",
			refused: []string{"spec.targetRef.sectionName", "a Namespace has no sections: remove sectionName"}},
		{name: "namespace of a Namespace", kind: timeout, spec: `targetRef: {group: "", kind: Namespace, name: shop, namespace: x}` + "\ndefault: {request: 30s}",
			refused: []string{"spec.targetRef.namespace", "a Namespace is in no namespace: remove namespace"}},
	}
}

// limits are a limit as one thing, and several of them.
func limits() []manifest {
	is := func(name, value string, refused ...string) manifest {
		return manifest{name: "limits: " + name, kind: rate, spec: route + value, refused: refused}
	}
	const withoutRate = "states burst, key, counter or mode without the rate: a limit is one thing and is taken whole, so write requestsPerSecond beside them, or mode: Disabled"
	nine := "default: {limits: {"
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"} {
		nine += name + ": {requests: 1}, "
	}
	return []manifest{
		is("one, switched off", "default: {mode: Disabled}"),
		is("a burst without the rate", "default: {burst: 5}", "spec.default: ", "default "+withoutRate),
		is("a key without the rate", "override: {key: ClientIP, mode: Enforce}", "spec.override: ", "override "+withoutRate),
		is("by name", "default: {limits: {per-client: {requests: 100, per: 1m, burst: 5, key: ClientIP, counter: Route, mode: Enforce}, all: {requests: 5}}}"),
		is("by name, switched off", "default: {limits: {per-client: {mode: Disabled}}}"),
		is("beside the unnamed one", "override: {requestsPerSecond: 5, limits: {a: {requests: 1}}}"),
		is("none by name", "default: {limits: {}}", "spec.default.limits"),
		is("by an invalid name", "default: {limits: {Per_Client: {requests: 1}}}", "a limit has an invalid name: write at most 63 lower-case letters, digits and dashes, such as per-client"),
		is("by name without requests", "default: {limits: {a: {per: 1s}}}", "the limit says not how many requests: write requests, such as requests: 100, or mode: Disabled"),
		is("of no requests", "default: {limits: {a: {requests: 0}}}", "spec.default.limits", "greater than or equal to 1"),
		is("per nothing", "default: {limits: {a: {requests: 1, per: 0s}}}", "per must be longer than 0s, such as 1s or 1m"),
		is("nine", nine+"}}", "default.limits has more than 8 names: keep at most 8 in one block"),
		is("off beyond their own maximum", "default: {mode: Disabled}\nbounds: {requestsPerSecond: {max: 5}}",
			"spec.default.mode: ", "default.mode: Disabled switches the limit off, which is above bounds.requestsPerSecond.max of the same policy: write a rate, or remove the bound"),
	}
}

// choices are bounds that list the values allowed.
func choices() []manifest {
	is := func(name, kind, value string, refused ...string) manifest {
		return manifest{name: "oneOf: " + name, kind: kind, spec: route + value, refused: refused}
	}
	out := []manifest{
		is("key and counter", rate, `bounds: {key: {oneOf: [All, ClientIP, "Header:x-tenant"]}, counter: {oneOf: [Route]}}`),
		is("with max", timeout, "bounds: {request: {max: 1s, oneOf: [1s]}}", "spec.bounds.request.oneOf", "oneOf says everything: remove min and max, or oneOf"),
		is("empty", timeout, "bounds: {request: {oneOf: []}}", "spec.bounds.request.oneOf"),
		is("of a key that is none", rate, "bounds: {key: {oneOf: [clientip]}}", "oneOf has what is no key: write All, ClientIP or Header:<name>"),
		is("of a counter that is none", rate, "bounds: {counter: {oneOf: [Cluster]}}", "Unsupported value"),
		is("min of a key", rate, "bounds: {key: {min: All, oneOf: [All]}}", "unknown field"),
	}
	for _, block := range []string{"default", "override"} {
		in := func(kind, field, list, value, other string) {
			spec := func(v string) string {
				more := ""
				if kind == rate && field != "requestsPerSecond" {
					more = "requestsPerSecond: 1, "
				}
				return block + ": {" + more + field + ": " + v + "}\nbounds: {" + field + ": {oneOf: " + list + "}}"
			}
			out = append(out, is(block+"."+field+" in", kind, spec(value)),
				is(block+"."+field+" out", kind, spec(other), "spec."+block+"."+field+": ", block+"."+field+" is not in bounds."+field+".oneOf of the same policy: write one of them, or add it"))
		}
		for _, field := range []string{"request", "backend", "connect", "idle"} {
			in(timeout, field, "[60s, 10s]", "1m", "61s")
		}
		in(retry, "maxRetries", "[0, 3]", "3", "1")
		in(retry, "perTryTimeout", "[60s]", "1m", "61s")
		in(rate, "requestsPerSecond", "[1k, 5]", "1000", "6")
		in(rate, "burst", "[1, 2]", "2", "3")
		in(rate, "key", "[All]", "All", "ClientIP")
		in(rate, "counter", "[Route]", "Route", "Rule")
	}
	return out
}
