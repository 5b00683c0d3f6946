package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/test/worldtest"
)

// TestAnswersAreAtMostSoLarge: one route with a different result on each of its thousand paths.
// Questions about a part of it are answered; a question whose answer is too large is refused with
// a hint what to ask.
func TestAnswersAreAtMostSoLarge(t *testing.T) {
	var b strings.Builder
	var listeners, rules []string
	for i := range 64 {
		listeners = append(listeners, fmt.Sprintf("{name: l%d, port: %d, protocol: HTTP}", i, 1000+i))
		fmt.Fprintf(&b, "---\n{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: l%d, namespace: a}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: g, sectionName: l%d}, override: {connect: %ds}}}\n", i, i, 1+i)
	}
	for i := range 16 {
		rules = append(rules, fmt.Sprintf("{name: r%d}", i))
		fmt.Fprintf(&b, "---\n{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: r%d, namespace: a}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: large, sectionName: r%d}, default: {request: %ds}}}\n", i, i, 100+i)
	}
	world := "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g, namespace: a}, spec: {gatewayClassName: c, listeners: [" + strings.Join(listeners, ", ") + "]}}\n" +
		"---\n{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: large, namespace: a}, spec: {parentRefs: [{name: g}], rules: [" + strings.Join(rules, ", ") + "]}}\n" + b.String()
	h, _ := handlerOf(worldtest.Snapshot(t, world))
	c := enter(t, h)
	for _, question := range []string{"summary", "map", "tree", "tree?parent=gateway/a/g", "routes", "policies", "search?q=large", "describe?target=httproute/a/large",
		"bindings?target=httproute/a/large", "reverse?policy=timeoutpolicy/a/r0", "effective?target=httproute/a/large&rule=r3&listener=l5"} {
		w := c.send(request(http.MethodGet, "/api/v1/"+question, nil))
		if w.Code != http.StatusOK || w.Body.Len() > view.MaxAnswer {
			t.Errorf("%s: HTTP %d, %d bytes", question, w.Code, w.Body.Len())
		}
	}
	w := c.send(request(http.MethodGet, "/api/v1/effective?target=httproute/a/large", nil))
	if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), "ask for one rule, one listener or one namespace") {
		t.Errorf("all of it: HTTP %d, %d bytes: %.200s", w.Code, w.Body.Len(), w.Body)
	}
	var table struct {
		Total int
		Paths int
		Rows  []struct {
			ID     string
			Scopes []struct{ Paths int }
			Left   int
		}
	}
	c.get("routes", &table)
	if table.Total != 1 || len(table.Rows) != 1 || table.Paths != 64*16 {
		t.Fatalf("the table has %d rows of %d, with %d paths", len(table.Rows), table.Total, table.Paths)
	}
	if row := table.Rows[0]; len(row.Scopes) == 0 || row.Left == 0 || len(row.Scopes)+row.Left != 64*16 {
		t.Errorf("%d results are shown, and %d counted", len(row.Scopes), row.Left)
	}
}
