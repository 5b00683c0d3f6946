package exporters_test

import (
	"fmt"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// drawInput draws a route as an exporter gets it.
func drawInput(t *rapid.T, exporter export.Registration) export.Input {
	kind := rapid.SampledFrom([]string{"HTTPRoute", "HTTPRoute", "HTTPRoute", "HTTPRoute", "HTTPRoute", "HTTPRoute", "HTTPRoute", "GRPCRoute", "TLSRoute"}).Draw(t, "kind")
	in := export.Input{
		Route: hierarchy.NewRef(hierarchy.Group, kind, "shop", "a.route"), UID: "1", Version: "v1",
		Fields: export.StandardFields{
			Timeouts: true, Retry: rapid.Bool().Draw(t, "retry in CRD"),
			MinAttempts: rapid.Int64Range(0, 1).Draw(t, "minimum"), FiltersMax: 16,
		},
		Parameters: export.Parameters{Version: "1.9.1", RefuseHidden: rapid.IntRange(0, 5).Draw(t, "refuse hidden") == 5},
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "rules") {
		in.Rules = append(in.Rules, drawRule(t, i, kind))
	}
	controllers := controllersOf(exporter.Name())
	shared := make([]*export.Effective, len(in.Rules))
	listeners := rapid.IntRange(1, 3).Draw(t, "listeners")
	for l := range listeners {
		controller := rapid.SampledFrom(controllers).Draw(t, "controller")
		gateway := hierarchy.GatewayRef("infra", "gateway")
		listener := &hierarchy.Listener{Ref: gateway.WithSection("l" + strconv.Itoa(l)), Gateway: gateway, Class: hierarchy.NewRef(hierarchy.Group, "GatewayClass", "", "edge")}
		consent := rapid.IntRange(0, 3).Draw(t, "consent") > 0
		for i := range in.Rules {
			switch {
			case shared[i] == nil && i > 0 && rapid.Bool().Draw(t, "as the first rule"):
				shared[i] = shared[0]
			case shared[i] == nil || rapid.IntRange(0, 15).Draw(t, "own") == 15:
				shared[i] = drawEffective(t)
			}
			in.Paths = append(in.Paths, export.Path{
				Listener: listener, Controller: controller,
				Rule: i, Hostnames: rapid.IntRange(1, 2).Draw(t, "hostnames"), Consent: consent, Effective: shared[i],
			})
		}
	}
	if exporter.Name() == export.EnvoyGateway {
		in.Foreign = drawForeign(t, in)
	}
	return in
}

func controllersOf(name string) []string {
	var list []string
	for _, p := range export.Planes() {
		if p.Exporter == name {
			list = append(list, p.Controller)
		}
	}
	if name == export.Standard {
		list = append(list, "example.com/unknown")
	}
	return list
}

func drawRule(t *rapid.T, i int, kind string) export.Rule {
	rule := export.Rule{Matches: rapid.IntRange(1, 2).Draw(t, "matches"), Answers: rapid.IntRange(0, 9).Draw(t, "answers") == 9}
	rule.Filters = rapid.SampledFrom([]int{0, 0, 1, 2, 15, 16}).Draw(t, "filters")
	if rapid.Bool().Draw(t, "named") {
		rule.Name = "rule-" + strconv.Itoa(i)
	} else {
		rule.Hash = fmt.Sprintf("%08d", i)
	}
	if kind != "HTTPRoute" {
		return rule
	}
	rule.Inline = map[string]any{}
	timeouts := map[string]any{}
	if rapid.IntRange(0, 2).Draw(t, "states request") == 0 {
		timeouts["request"] = rapid.SampledFrom(times).Draw(t, "own request")
	}
	if rapid.IntRange(0, 3).Draw(t, "states backend") == 0 {
		timeouts["backendRequest"] = rapid.SampledFrom(times).Draw(t, "own backend")
	}
	if len(timeouts) > 0 {
		rule.Inline["timeouts"] = timeouts
	}
	if rapid.IntRange(0, 3).Draw(t, "states retry") == 0 {
		rule.Inline["retry"] = map[string]any{"attempts": rapid.Int64Range(0, 3).Draw(t, "own attempts"), "codes": []any{int64(503)}}
	}
	return rule
}

var (
	times = []string{"0s", "1ms", "1s", "2s", "10s", "1m30s", "90s", "2h"}
	rates = []string{"1", "10", "500m", "333m", "10400m", "100u", "1n", "1500m", "5000000000", "1k"}
	keys  = []string{"All", "ClientIP", "Header:x-tenant", "Header:X_Tenant", "Header:$evil;"}
	on    = []string{"5xx", "gateway-error", "connect-failure", "reset", "refused-stream", "retriable-4xx", "429", "503", "500", "501", "cancelled", "unavailable"}
)

// maybe puts a drawn value into an object now and then.
func maybe[V any](t *rapid.T, object map[string]any, name string, g *rapid.Generator[V]) {
	if rapid.Bool().Draw(t, "has "+name) {
		object[name] = g.Draw(t, name)
	}
}

func drawEffective(t *rapid.T) *export.Effective {
	e := &export.Effective{Values: map[string]map[string]any{}, Forced: map[field.Field]bool{}, Invalid: map[string]string{}}
	timeouts := map[string]any{}
	for _, name := range []string{"request", "backend", "connect", "idle"} {
		maybe(t, timeouts, name, rapid.SampledFrom(times))
	}
	// The engine's at-most holds for every path.
	if lasting(timeouts["request"]) > 0 && lasting(timeouts["backend"]) > lasting(timeouts["request"]) {
		timeouts["backend"] = timeouts["request"]
	}
	retry := map[string]any{}
	maybe(t, retry, "maxRetries", rapid.Int64Range(0, 4))
	maybe(t, retry, "retryOn", rapid.Map(rapid.SliceOfNDistinct(rapid.SampledFrom(on), 1, 5, rapid.ID), func(words []string) any {
		list := make([]any, len(words))
		for i, w := range words {
			list[i] = w
		}
		return list
	}))
	maybe(t, retry, "backoffPolicy", rapid.SampledFrom([]string{"exponential", "constant"}))
	for _, name := range []string{"backoffBase", "backoffMax", "perTryTimeout"} {
		maybe(t, retry, name, rapid.SampledFrom(times))
	}
	for policy, value := range map[string]map[string]any{field.TimeoutPolicy: timeouts, field.RetryPolicy: retry, field.RateLimitPolicy: drawLimits(t)} {
		if len(value) == 0 || rapid.IntRange(0, 3).Draw(t, "without "+policy) == 0 {
			continue
		}
		e.Values[policy] = value
		if rapid.IntRange(0, 30).Draw(t, "invalid "+policy) == 30 {
			e.Invalid[policy] = "they contradict each other"
		}
		for name := range value {
			e.Forced[field.Field{Policy: policy, Name: name}] = rapid.IntRange(0, 3).Draw(t, "forced") == 0
		}
	}
	return e
}

func drawLimits(t *rapid.T) map[string]any {
	value := map[string]any{}
	more := func(limit map[string]any) {
		maybe(t, limit, "burst", rapid.Int64Range(0, 100))
		maybe(t, limit, "key", rapid.SampledFrom(keys))
		maybe(t, limit, "counter", rapid.SampledFrom([]string{"Rule", "Route", "Gateway"}))
	}
	switch rapid.IntRange(0, 3).Draw(t, "limit") {
	case 0:
		value["mode"] = "Disabled"
	case 1, 2:
		value["requestsPerSecond"] = rapid.SampledFrom(rates).Draw(t, "rate")
		more(value)
	}
	named := map[string]any{}
	for i := range rapid.IntRange(0, 10).Draw(t, "named limits") / 3 * 3 {
		limit := map[string]any{"requests": rapid.Int64Range(1, 5000).Draw(t, "requests")}
		maybe(t, limit, "per", rapid.SampledFrom([]string{"1s", "10s", "1m", "7m", "1h", "24h", "168h"}))
		more(limit)
		named["limit-"+strconv.Itoa(i)] = limit
	}
	if len(named) > 0 {
		value["limits"] = named
	}
	return value
}

// foreignSpecs are policies that others have attached.
var foreignSpecs = []map[string]any{
	{"retry": map[string]any{"numRetries": int64(5)}},
	{"retry": map[string]any{"perRetry": map[string]any{"backOff": map[string]any{"baseInterval": "1s"}}}},
	{"timeout": map[string]any{"tcp": map[string]any{"connectTimeout": "0s"}}},
	{"timeout": map[string]any{"http": map[string]any{"streamIdleTimeout": "1m"}}, "useClientProtocol": true},
	{"rateLimit": map[string]any{"local": map[string]any{"rules": []any{map[string]any{"limit": map[string]any{"requests": int64(3), "unit": "Hour"}}}}}},
	{"rateLimit": map[string]any{"global": map[string]any{"rules": []any{map[string]any{"shared": true, "limit": map[string]any{"requests": int64(3), "unit": "Hour"}}}}}},
	{"rateLimit": map[string]any{"type": "Global", "global": map[string]any{"rules": []any{map[string]any{"limit": map[string]any{"requests": int64(3), "unit": "Hour"}}}}}},
}

func drawForeign(t *rapid.T, in export.Input) []export.Foreign {
	gateway := hierarchy.GatewayRef("infra", "gateway")
	places := []hierarchy.Ref{in.Route, gateway, gateway.WithSection("l0"), gateway.WithSection("l1")}
	for _, r := range in.Rules {
		if r.Name != "" {
			places = append(places, in.Route.WithSection(r.Name))
		}
	}
	var list []export.Foreign
	for i := range rapid.IntRange(0, 3).Draw(t, "foreign") {
		place := rapid.SampledFrom(places).Draw(t, "place")
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "BackendTrafficPolicy"}}
		u.SetNamespace(place.Namespace)
		u.SetName("foreign-" + strconv.Itoa(i))
		u.SetCreationTimestamp(metav1.NewTime(time.Unix(rapid.Int64Range(1, 3).Draw(t, "age"), 0)))
		u.Object["spec"] = rapid.SampledFrom(foreignSpecs).Draw(t, "spec")
		list = append(list, export.Foreign{Object: u, Target: place})
	}
	return list
}
