package hierarchy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	"github.com/attache-dev/attache/hierarchy/injected"
)

func decodeOne(t testing.TB, manifest string) hierarchy.Object {
	t.Helper()
	return decoded(t, manifest)[0]
}

// problemLines are the problems of one manifest, as "field: message".
func problemLines(t testing.TB, manifest string) []string {
	t.Helper()
	_, problems := decode.Object(parse(t, manifest)[0], isRoute)
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Field+": "+p.Message)
	}
	return lines
}

// R1: an object is the same object through every served version.
func TestEveryVersionIsTheSameObject(t *testing.T) {
	for _, c := range []struct{ kind, versions string }{
		{"Gateway", "v1 v1beta1"}, {"GatewayClass", "v1 v1beta1"}, {"HTTPRoute", "v1 v1beta1"}, {"GRPCRoute", "v1"},
		{"TLSRoute", "v1 v1alpha2 v1alpha3"}, {"TCPRoute", "v1 v1alpha2"}, {"UDPRoute", "v1 v1alpha2"},
		{"ListenerSet", "v1"}, {"ReferenceGrant", "v1 v1beta1"},
	} {
		for _, version := range []string{"v1", "v1beta1", "v1alpha2", "v1alpha3"} {
			o := decodeOne(t, fmt.Sprintf("apiVersion: gateway.networking.k8s.io/%s\nkind: %s\nmetadata: {name: a, namespace: b}\nspec: {gatewayClassName: c, parentRef: {name: g}}", version, c.kind))
			if want := hierarchy.NewRef(hierarchy.Group, c.kind, "b", "a"); o.Meta().Ref != want {
				t.Errorf("%s %s decodes to %v", version, c.kind, o.Meta().Ref)
			}
		}
	}
}

func TestWhatIsNotPartOfTheHierarchyIsIgnored(t *testing.T) {
	for _, manifest := range []string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: a}",
		"apiVersion: v1\nkind: Gateway\nmetadata: {name: a}",
		"apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {name: a}",
		"apiVersion: example.com/v1\nkind: HTTPRoute\nmetadata: {name: a}",
		"apiVersion: a/b/c\nkind: HTTPRoute",
		"{}",
	} {
		o, problems := decode.Object(parse(t, manifest)[0], isRoute)
		if o != nil || len(problems) > 0 {
			t.Errorf("%s: decoded to %v with problems %v", manifest, o, problems)
		}
	}
	if o, problems := decode.Object(nil, nil); o != nil || problems != nil {
		t.Errorf("nil decoded to %v, %v", o, problems)
	}
	queue := "apiVersion: queue.example.com/v1\nkind: QueueRoute\nmetadata: {name: a}"
	if o, _ := decode.Object(parse(t, queue)[0], nil); o != nil {
		t.Errorf("a custom kind decoded although nobody said it is a route: %v", o)
	}
	if _, ok := decodeOne(t, queue).(*hierarchy.Route); !ok {
		t.Error("a custom route kind is not a Route")
	}
}

func TestMetadataIsKept(t *testing.T) {
	meta := decodeOne(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata:
  name: edge
  uid: 4f7a
  generation: 3
  creationTimestamp: "2026-01-31T12:00:00Z"
  labels: {tier: web}
spec: {controllerName: example.com/gateway, parametersRef: {group: example.com, kind: Config, name: c, namespace: infra}}
`).Meta()
	want := hierarchy.Meta{
		Ref: hierarchy.GatewayClassRef("edge"), UID: "4f7a", Generation: 3,
		Created: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Labels: map[string]string{"tier": "web"},
	}
	if diff := cmp.Diff(want, *meta); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

// R13, R15, R19, R54: a manifest has not passed an API server, so Decode sets defaults.
func TestAGatewayIsDefaulted(t *testing.T) {
	g := decodeOne(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g, namespace: infra}
spec:
  gatewayClassName: edge
  infrastructure: {parametersRef: {group: example.com, kind: Config, name: c}}
  tls:
    backend: {clientCertificateRef: {name: client}}
    frontend:
      default: {validation: {caCertificateRefs: [{group: "", kind: ConfigMap, name: ca, namespace: pki}]}}
      perPort: [{port: 443, tls: {validation: {caCertificateRefs: [{group: "", kind: Secret, name: ca}]}}}]
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}, {name: cert, namespace: pki}]}}
  - {name: tls, port: 8443, protocol: TLS, tls: {}}
  - {name: pass, port: 8444, protocol: TLS, tls: {mode: Passthrough}}
  - {name: kinds, port: 81, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}, {group: "", kind: Odd}], namespaces: {from: All}}}
`).(*hierarchy.Gateway)
	same := hierarchy.From{From: "Same"}
	secret := func(namespace, name string) hierarchy.Ref { return hierarchy.NewRef("", "Secret", namespace, name) }
	want := []hierarchy.ListenerSpec{
		{Name: "http", Port: 80, Protocol: "HTTP", Namespaces: same},
		{Name: "https", Port: 443, Protocol: "HTTPS", TLSMode: "Terminate", Namespaces: same, Certificates: []hierarchy.Reference{
			{To: secret("infra", "cert"), Field: "spec.listeners[1].tls.certificateRefs[0]"},
			{To: secret("pki", "cert"), Field: "spec.listeners[1].tls.certificateRefs[1]"},
		}},
		{Name: "tls", Port: 8443, Protocol: "TLS", TLSMode: "Terminate", Namespaces: same},
		{Name: "pass", Port: 8444, Protocol: "TLS", TLSMode: "Passthrough", Namespaces: same},
		{Name: "kinds", Port: 81, Protocol: "HTTP", Namespaces: hierarchy.From{From: "All"}, Kinds: []schema.GroupKind{{Group: hierarchy.Group, Kind: "HTTPRoute"}, {Kind: "Odd"}}},
	}
	if diff := cmp.Diff(want, g.Listeners); diff != "" {
		t.Errorf("listeners (-want +got):\n%s", diff)
	}
	if g.AllowedListeners.From != "None" {
		t.Errorf("allowedListeners is %q, want None", g.AllowedListeners.From)
	}
	if diff := cmp.Diff(&hierarchy.Reference{To: hierarchy.NewRef("example.com", "Config", "infra", "c"), Field: "spec.infrastructure.parametersRef"}, g.Parameters); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]hierarchy.Reference{
		{To: secret("infra", "client"), Field: "spec.tls.backend.clientCertificateRef"},
		{To: hierarchy.NewRef("", "ConfigMap", "pki", "ca"), Field: "spec.tls.frontend.default.validation.caCertificateRefs[0]"},
		{To: secret("infra", "ca"), Field: "spec.tls.frontend.perPort[0].tls.validation.caCertificateRefs[0]"},
	}, g.References); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
}

// R43, R51, R53, R54: rules, with every backend that they send requests to.
func TestTheRulesOfARoute(t *testing.T) {
	r := decodeOne(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: shop}
spec:
  rules:
  - name: pay
    matches: [{path: {value: /pay}}]
    timeouts: {request: 10s}
    retry: {attempts: 3, codes: [500]}
    sessionPersistence: null
    filters:
    - {type: RequestMirror, requestMirror: {backendRef: {name: mirror, port: 80}}}
    - {type: ExternalAuth, externalAuth: {protocol: GRPC, backendRef: {name: auth, namespace: infra}}}
    - {type: ExtensionRef, extensionRef: {group: example.com, kind: Filter, name: f}}
    backendRefs:
    - {name: pay, port: 80}
    - {group: example.com, kind: Bucket, name: b, filters: [{type: RequestMirror, requestMirror: {backendRef: {name: deep}}}]}
  - {}
`).(*hierarchy.Route)
	service := func(namespace, name, field string) hierarchy.Reference {
		return hierarchy.Reference{To: hierarchy.NewRef("", "Service", namespace, name), Field: "spec.rules[0]." + field}
	}
	want := []hierarchy.Rule{{
		Name: "pay",
		Inline: map[string]any{
			"timeouts": map[string]any{"request": "10s"},
			"retry":    map[string]any{"attempts": int64(3), "codes": []any{int64(500)}},
		},
		Matches: []hierarchy.Match{{PathType: "PathPrefix", Path: "/pay"}},
		Filters: []hierarchy.Filter{
			{Type: "RequestMirror", Other: map[string]any{"requestMirror": map[string]any{"backendRef": map[string]any{"name": "mirror", "port": int64(80)}}}},
			{Type: "ExternalAuth", Other: map[string]any{"externalAuth": map[string]any{"protocol": "GRPC", "backendRef": map[string]any{"name": "auth", "namespace": "infra"}}}},
			{Type: "ExtensionRef", Other: map[string]any{"extensionRef": map[string]any{"group": "example.com", "kind": "Filter", "name": "f"}}},
		},
		Forwards: []hierarchy.Forward{
			{Backend: 2, Port: 80, Weight: 1},
			{Backend: 3, Weight: 1, Filters: []hierarchy.Filter{{Type: "RequestMirror", Other: map[string]any{"requestMirror": map[string]any{"backendRef": map[string]any{"name": "deep"}}}}}},
		},
		Backends: []hierarchy.Reference{
			service("shop", "mirror", "filters[0].requestMirror.backendRef"),
			service("infra", "auth", "filters[1].externalAuth.backendRef"),
			service("shop", "pay", "backendRefs[0]"),
			{To: hierarchy.NewRef("example.com", "Bucket", "shop", "b"), Field: "spec.rules[0].backendRefs[1]"},
			service("shop", "deep", "backendRefs[1].filters[0].requestMirror.backendRef"),
		},
		Extensions: []hierarchy.Reference{{To: hierarchy.NewRef("example.com", "Filter", "shop", "f"), Field: "spec.rules[0].filters[2].extensionRef"}},
	}, {Matches: []hierarchy.Match{{PathType: "PathPrefix", Path: "/"}}, Hash: injected.MatchesHash(nil)}}
	// YAML reads numbers as floats; the copy keeps them as they were read.
	floats := cmp.Transformer("numbers", func(v any) any {
		if f, ok := v.(float64); ok {
			return int64(f)
		}
		return v
	})
	if diff := cmp.Diff(want, r.Rules, cmp.FilterValues(func(a, b any) bool { _, x := a.(float64); _, y := b.(float64); return x || y }, floats)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// R54.
func TestOnlyAnHTTPRouteHasARuleThatNobodyWrote(t *testing.T) {
	for kind, want := range map[string]int{"HTTPRoute": 1, "GRPCRoute": 0, "TLSRoute": 0, "TCPRoute": 0, "UDPRoute": 0} {
		r := decodeOne(t, "apiVersion: gateway.networking.k8s.io/v1\nkind: "+kind+"\nmetadata: {name: r, namespace: shop}\nspec: {}").(*hierarchy.Route)
		if len(r.Rules) != want {
			t.Errorf("%s has %d rules, want %d", kind, len(r.Rules), want)
		}
	}
}

func TestNothingOfTheInputIsKept(t *testing.T) {
	u := parse(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: shop, labels: {a: b}}
spec: {hostnames: [a.example.com], rules: [{timeouts: {request: 10s}, retry: {codes: [500, 503]}}]}
`)[0]
	before := u.DeepCopy()
	r := mustDecode(t, u).(*hierarchy.Route)
	if diff := cmp.Diff(before.Object, u.Object); diff != "" {
		t.Errorf("the input changed (-before +after):\n%s", diff)
	}
	reference := mustDecode(t, before).(*hierarchy.Route)
	rule := u.Object["spec"].(map[string]any)["rules"].([]any)[0].(map[string]any)
	rule["timeouts"].(map[string]any)["request"] = "1s"
	rule["retry"].(map[string]any)["codes"].([]any)[0] = 502.0
	u.Object["spec"].(map[string]any)["hostnames"].([]any)[0] = "b.example.com"
	u.Object["metadata"].(map[string]any)["labels"].(map[string]any)["a"] = "c"
	if diff := cmp.Diff(reference.Rules, r.Rules); diff != "" {
		t.Errorf("the rules changed with the input:\n%s", diff)
	}
	if r.Hostnames[0] != "a.example.com" || r.Meta().Labels["a"] != "b" {
		t.Errorf("hostnames %v and labels %v changed with the input", r.Hostnames, r.Meta().Labels)
	}
}

func mustDecode(t testing.TB, u *unstructured.Unstructured) hierarchy.Object {
	t.Helper()
	o, problems := decode.Object(u, isRoute)
	if o == nil || len(problems) > 0 {
		t.Fatalf("decoded to %v, %v", o, problems)
	}
	return o
}

const routeHead = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: shop}\n"

const gatewayHead = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: infra}\n"

// A problem says where it is and what to write instead.
func TestProblemsSayWhatToWriteInstead(t *testing.T) {
	const writeText = "; write text; put it in quotes if it looks like something else"
	const writeObject = `; write an object: fields of the form "name: value" below it`
	const writeEntry = `; write an object: fields of the form "name: value"`
	const writeList = `; write a list: "- " before every entry`
	for _, c := range []struct {
		manifest string
		want     []string
	}{
		{"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute", []string{"metadata.name: is missing; an object without a name cannot be referred to"}},
		{"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: [a]", []string{"metadata: is a list" + writeObject}},
		{"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: 80}", []string{"metadata.name: is a number" + writeText}},
		{"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, labels: {a: yes}, generation: new, creationTimestamp: yesterday}", []string{
			"metadata.generation: is text; write a number, without quotes",
			"metadata.labels.a: is true or false (to YAML, so are yes, no, on and off)" + writeText,
			`metadata.creationTimestamp: "yesterday" is not a time; write for example 2026-01-31T12:00:00Z`,
		}},
		{routeHead + "spec: text", []string{"spec: is text" + writeObject}},
		{routeHead + "spec: {parentRefs: {name: g}, hostnames: a.example.com, rules: [x]}", []string{
			"spec.parentRefs: is an object" + writeList,
			"spec.hostnames: is text" + writeList,
			"spec.rules[0]: is text" + writeEntry,
		}},
		{routeHead + "spec: {hostnames: [a.example.com, 7], parentRefs: [g, {port: 80}, {name: g, port: 70000}, {name: g, kind: ''}, {name: g, port: 80.5}]}", []string{
			"spec.parentRefs[0]: is text" + writeEntry,
			`spec.parentRefs[1].name: is missing; write for example "name: my-gateway"`,
			"spec.parentRefs[2].port: is 70000; write a port number from 1 to 65535",
			"spec.parentRefs[3].kind: is missing; write the kind that the reference names",
			"spec.parentRefs[4].port: is a number; write a whole number",
			"spec.hostnames[1]: is a number" + writeText,
		}},
		{routeHead + "spec: {rules: [{name: [], backendRefs: [{}], filters: [{requestMirror: {backendRef: []}}]}]}", []string{
			"spec.rules[0].name: is a list" + writeText,
			"spec.rules[0].filters[0].requestMirror.backendRef: is a list" + writeObject,
			`spec.rules[0].backendRefs[0].name: is missing; write for example "name: my-service"`,
		}},
		{gatewayHead + "spec: {listeners: [{port: 80, protocol: HTTP}, {name: a, port: '80'}, {name: a, protocol: HTTP}]}", []string{
			`spec.gatewayClassName: is missing; write for example "gatewayClassName: edge"`,
			`spec.listeners[0].name: is missing; write for example "name: https"`,
			"spec.listeners[1].port: is text; write a number, without quotes",
			`spec.listeners[1].protocol: is missing; write for example "protocol: HTTPS"`,
			`spec.listeners[2].name: "a" is the name of an earlier listener too; give every listener its own`,
		}},
		// R13: None is for ListenerSets only.
		{gatewayHead + "spec: {gatewayClassName: c, listeners: [{name: a, protocol: HTTP, allowedRoutes: {namespaces: {from: None}}}]}", []string{
			`spec.listeners[0].allowedRoutes.namespaces.from: "None" is not one of [All Same Selector]; nothing is admitted`,
		}},
		// R15: a Selector without a selector selects nothing, and says so.
		{gatewayHead + "spec: {gatewayClassName: c, listeners: [{name: a, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector}}}]}", []string{
			"spec.listeners[0].allowedRoutes.namespaces.selector: is missing although from is Selector; nothing is selected. Write {} to select every namespace",
		}},
		{gatewayHead + "spec: {gatewayClassName: c, allowedListeners: {namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Like}]}}}}", []string{
			"spec.allowedListeners.namespaces.selector.matchExpressions[0].operator: is not one of In, NotIn, Exists, DoesNotExist",
		}},
		{"apiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\nmetadata: {name: s, namespace: shop}\nspec: {}", []string{
			"spec.parentRef: is missing; write the name of the Gateway that the listeners join",
		}},
		{"apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: s, namespace: shop}\nspec: {from: [{kind: HTTPRoute}], to: [{}]}", []string{
			`spec.from[0].namespace: is missing; write for example "namespace: shop"`,
			`spec.to[0].kind: is missing; write for example "kind: Service"`,
		}},
	} {
		if got := problemLines(t, c.manifest); !slices.Equal(got, c.want) {
			t.Errorf("%s\nproblems (-want +got):\n%s", c.manifest, cmp.Diff(c.want, got))
		}
	}
}

// One bad entry hides nothing else.
func TestWhatCanBeReadIsKept(t *testing.T) {
	o, problems := decode.Object(parse(t, routeHead+"spec: {parentRefs: [7, {name: g}], hostnames: [7, a.example.com], rules: [7, {name: pay}]}")[0], nil)
	if len(problems) != 3 {
		t.Errorf("%d problems, want 3: %v", len(problems), problems)
	}
	r := o.(*hierarchy.Route)
	if len(r.Parents) != 1 || r.Parents[0].Index != 1 || len(r.Hostnames) != 1 || len(r.Rules) != 1 || r.Rules[0].Name != "pay" {
		t.Errorf("parents %v, hostnames %v, rules %v", r.Parents, r.Hostnames, r.Rules)
	}
	for _, p := range problems {
		if p.Ref != routeRef("HTTPRoute", "shop", "r") {
			t.Errorf("the problem at %s is said to be of %v", p.Field, p.Ref)
		}
	}
}

// A gate that cannot be understood is closed.
func TestAGateThatCannotBeUnderstoodIsClosed(t *testing.T) {
	for _, gate := range []string{"{from: None}", "{from: Selector}", "{from: Selector, selector: {matchLabels: {tier: 7}}}", "{from: Selector, selector: {matchLabels: {'a b': c}}}", "{from: everyone}"} {
		var objects []hierarchy.Object
		for _, u := range parse(t, gatewayHead+"spec: {gatewayClassName: c, listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: "+gate+"}}]}\n---\n"+routeIn("infra", "HTTPRoute", "g")) {
			o, _ := decode.Object(u, nil)
			objects = append(objects, o)
		}
		wantOutcomes(t, hierarchy.Build(objects), routeRef("HTTPRoute", "infra", "r"), "Gateway infra/g NotAllowedByListeners")
	}
}
