package request_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/request"
)

var (
	pairs = flag.Int("pairs", 4000, "how many random pairs of a world and a request to compare")
	seed  = flag.Uint64("pair-seed", 1, "seed of the first world; the next ones follow")
)

// askedOf is how many questions each world is asked.
const askedOf = 10

func TestTheIndexAgreesWithPlainLoops(t *testing.T) {
	results := map[string]int{}
	for i := range *pairs / askedOf {
		n := *seed + uint64(i)
		r := rand.New(rand.NewPCG(n, 11))
		manifests := draw(r)
		objects := parse(t, manifests)
		graph := build(t, objects)
		x := request.New(graph)
		w := &loops{graph: graph, routes: routesOf(objects)}
		for range askedOf {
			w.q = drawQuestion(r)
			want, got := strings.Join(w.answers(), "\n"), lines(x.Ask(&w.q))
			if want != got {
				t.Fatalf("world %d (-pair-seed=%d -pairs=%d), question %+v\nloops:\n%s\nindex:\n%s\n\n%s", n, n, askedOf, w.q, want, got, manifests)
			}
			for line := range strings.Lines(got) {
				fields := strings.Fields(line)
				results[fields[min(2, len(fields)-1)]]++
			}
		}
	}
	t.Logf("answers by result: %v", results)
	for _, result := range []string{"Matched", "Matched(500)", "Redirect", "NoRoute", "NoListener"} {
		if results[result] < *pairs/100 {
			t.Errorf("only %d answers are %s: the random worlds do not show much", results[result], result)
		}
	}
}

// The winner alone is the winner of the whole answer.
func TestMatchAgreesWithAsk(t *testing.T) {
	for i := range *pairs / askedOf {
		r := rand.New(rand.NewPCG(*seed+uint64(i), 13))
		x := index(t, draw(r))
		for range askedOf {
			q := drawQuestion(r)
			q.NoIsolation, q.Fallthrough = false, false
			if q.Request.Scheme == "" {
				q.Request.Scheme = "http"
			}
			for _, a := range x.Ask(&q) {
				if a.Result == request.NoListener {
					continue
				}
				one := q.Request
				one.Port = a.Port
				if q.Request.Port == 0 && a.Hit.Listener.Spec.Protocol == "TCP" {
					continue
				}
				hit, listener, ok := x.Match(a.Gateway, &one)
				if !listener || ok != (a.Result != request.NoRoute) || ok && hit != a.Hit {
					t.Fatalf("Match %+v %t %t, Ask %+v %+v", hit, listener, ok, a.Result, a.Hit)
				}
			}
		}
	}
}

func routesOf(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	var routes []*unstructured.Unstructured
	for _, u := range objects {
		if strings.HasSuffix(u.GetKind(), "Route") {
			routes = append(routes, u)
		}
	}
	return routes
}

// lines writes answers as the loops do.
func lines(answers []request.Answer) string {
	var out []string
	for i := range answers {
		a := &answers[i]
		if a.Result == request.NoListener {
			out = append(out, "NoListener")
			continue
		}
		line := fmt.Sprintf("%s:%d %s %s", a.Gateway.Name, a.Port, a.Hit.Listener.Spec.Name, a.Result)
		switch route := a.Hit.Route; {
		case route == nil:
		case a.Hit.Match < 0:
			line += " " + route.Meta().Ref.Kind + " " + route.Meta().Ref.Name
		default:
			if a.Code == 500 {
				line += "(500)"
			}
			line += fmt.Sprintf(" %s %s rule %d match %d host %q", route.Meta().Ref.Kind, route.Meta().Ref.Name, a.Hit.Rule, a.Hit.Match, a.Hit.Hostname)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
