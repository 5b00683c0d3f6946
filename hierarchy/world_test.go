package hierarchy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
)

// isRoute knows one kind of route that is not Gateway API's.
func isRoute(gk schema.GroupKind) bool {
	return gk == schema.GroupKind{Group: "queue.example.com", Kind: "QueueRoute"}
}

// parse reads manifests as a person would write them: undefaulted, separated
// by "---".
func parse(t testing.TB, manifests string) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for doc := range strings.SplitSeq(manifests, "\n---\n") {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		objects = append(objects, u)
	}
	return objects
}

// decoded reads manifests that have no problems.
func decoded(t testing.TB, manifests string) []hierarchy.Object {
	t.Helper()
	var objects []hierarchy.Object
	for _, u := range parse(t, manifests) {
		o, problems := decode.Object(u, isRoute)
		if len(problems) > 0 || o == nil {
			t.Fatalf("decoding %s %s: %v, problems %v", u.GetKind(), u.GetName(), o, problems)
		}
		objects = append(objects, o)
	}
	return objects
}

func build(t testing.TB, manifests string) *hierarchy.Graph {
	t.Helper()
	return hierarchy.Build(decoded(t, manifests))
}

func routeRef(kind, namespace, name string) hierarchy.Ref {
	return hierarchy.NewRef(hierarchy.Group, kind, namespace, name)
}

// listenerName is how the tests write a listener.
func listenerName(l *hierarchy.Listener) string { return l.Ref.String() }

// outcome is one Binding in one line: parent, reason, listeners with the
// hostnames they share with the route; a listener that is bound but not active
// is in parentheses.
func outcome(b hierarchy.Binding) string {
	s := b.Parent.Ref.String()
	if b.Parent.Port != 0 {
		s += fmt.Sprintf(":%d", b.Parent.Port)
	}
	s += " " + b.Reason
	for _, l := range b.Listeners {
		name := l.Listener.Spec.Name
		if len(l.Hostnames) > 0 {
			name += "=" + strings.Join(l.Hostnames, ",")
		}
		if !l.Active {
			name = "(" + name + ")"
		}
		s += " " + name
	}
	return s
}

func outcomes(g *hierarchy.Graph, route hierarchy.Ref) []string {
	var lines []string
	for _, b := range g.Bindings(route) {
		lines = append(lines, outcome(b))
	}
	return lines
}

// wantOutcomes checks the bindings of a route.
func wantOutcomes(t testing.TB, g *hierarchy.Graph, route hierarchy.Ref, want ...string) {
	t.Helper()
	if got := outcomes(g, route); !slices.Equal(got, want) {
		t.Errorf("bindings of %s:\n got %s\nwant %s", route, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// wantMessage checks the message of a route's first binding.
func wantMessage(t testing.TB, g *hierarchy.Graph, route hierarchy.Ref, want string) {
	t.Helper()
	bindings := g.Bindings(route)
	if len(bindings) == 0 {
		t.Errorf("%s has no bindings", route)
		return
	}
	if got := bindings[0].Message; got != want {
		t.Errorf("message of %s:\n got %s\nwant %s", route, got, want)
	}
}
