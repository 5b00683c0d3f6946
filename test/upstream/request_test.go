package upstream_test

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	"github.com/attache-dev/attache/policy/request"
	"github.com/attache-dev/attache/test/upstream"
)

// tested are the tests of upstream's that ask which backend a request goes to.
var tested = []string{"HTTPRoute", "GRPC", "GatewayHTTPListenerIsolation", "ListenerSet"}

// outside are tests whose outcome is not a matter of the objects that are
// looked at here, with what it depends on.
var outside = map[string]string{
	"HTTPRouteInvalidBackendRefUnknownKind": "which kinds of backends a data plane knows",
	"HTTPRouteInvalidNonExistentBackendRef": "which Services exist",
	"HTTPRouteCORS":                         "what a filter does",
	"HTTPRouteTimeoutRequest":               "time",
	"HTTPRouteTimeoutBackendRequest":        "time",
	"HTTPRouteReferenceGrant":               "a grant that is deleted in between",
}

func TestUpstreamsRequestTables(t *testing.T) {
	if testing.Short() {
		t.Skip("the suite's module is downloaded when it is not there")
	}
	suite, err := upstream.Read(tested...)
	if err != nil {
		t.Fatal(err)
	}
	cases, left := 0, map[string]bool{}
	for _, test := range suite.Tests {
		if outside[test.Name] != "" {
			left[test.Name] = true
			continue
		}
		t.Run(test.Name, func(t *testing.T) {
			x := request.New(graphOf(t, suite, append([]string{upstream.Base}, test.Manifests...)))
			for i := range test.Cases {
				cases++
				check(t, x, &test.Cases[i])
			}
		})
	}
	t.Logf("%d cases of %d tests; nothing read of %q", cases, len(suite.Tests), suite.Skipped)
	for name := range outside {
		if !left[name] {
			t.Errorf("%s is left out and is not there", name)
		}
	}
	if cases < 150 {
		t.Errorf("only %d cases were read", cases)
	}
}

// graphOf reads manifests; kinds that are not of Gateway API are passed over.
func graphOf(t *testing.T, suite *upstream.Suite, names []string) *hierarchy.Graph {
	t.Helper()
	var objects []hierarchy.Object
	for _, name := range names {
		text, err := suite.Manifest(name)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range strings.SplitSeq(text, "\n---") {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if object, problems := decode.Object(u, nil); len(problems) > 0 {
				t.Fatalf("%s: %v", name, problems)
			} else if object != nil {
				objects = append(objects, object)
			}
		}
	}
	return hierarchy.Build(objects)
}

// questionOf is a case as a question: the port is that of the address.
func questionOf(t *testing.T, g *hierarchy.Graph, c *upstream.Case) *request.Question {
	t.Helper()
	namespace, name, _ := strings.Cut(c.Gateway, "/")
	q := &request.Question{Gateway: hierarchy.GatewayRef(namespace, name)}
	object, ok := g.Get(q.Gateway)
	if !ok {
		t.Fatalf("no Gateway %s", c.Gateway)
	}
	listener := listenerOf(object.(*hierarchy.Gateway), c)
	host := c.Host
	if host == "" {
		host = "address.invalid"
	}
	scheme := map[string]string{"HTTP": "http", "HTTPS": "https"}[listener.Protocol]
	if c.GRPC {
		scheme = "grpc"
	}
	port := ":" + strconv.Itoa(int(listener.Port))
	var headers []string
	for key, value := range c.Headers {
		headers = append(headers, key+": "+value)
	}
	slices.Sort(headers)
	method := c.Method + " "
	r, err := request.Parse(method+scheme+"://"+host+port+c.Path, headers...)
	if err != nil {
		t.Fatal(err)
	}
	q.Request = r
	return q
}

// listenerOf is the listener whose address a case uses: one that is named, one
// with a port (":8080"), or the first.
func listenerOf(g *hierarchy.Gateway, c *upstream.Case) hierarchy.ListenerSpec {
	for _, l := range g.Listeners {
		if l.Name == c.Listener || c.Listener == ":"+strconv.Itoa(int(l.Port)) {
			return l
		}
	}
	return g.Listeners[0]
}

func check(t *testing.T, x *request.Index, c *upstream.Case) {
	t.Helper()
	answers := x.Ask(questionOf(t, x.Graph(), c))
	if len(answers) != 1 {
		t.Fatalf("%+v: %d answers", c, len(answers))
	}
	a := &answers[0]
	switch {
	case c.Redirect != nil:
		if a.Result != request.Redirected || !slices.Contains(c.Codes, a.Code) {
			t.Errorf("%+v: %s %d", c, a.Result, a.Code)
		} else {
			checkLocation(t, c, a.Location)
		}
	case c.Backend != "" && !slices.Contains(c.Codes, 500):
		if a.Result != request.Matched || !slices.ContainsFunc(a.Backends, func(b request.Backend) bool {
			return b.To.Name == c.Backend && (c.Namespace == "" || b.To.Namespace == c.Namespace) && b.Share > 0
		}) {
			t.Errorf("%+v: %s %v %+v", c, a.Result, a.Notes, a.Backends)
		}
	case slices.Contains(c.Codes, 404):
		if a.Result != request.NoRoute && a.Result != request.NoListener {
			t.Errorf("%+v: %s by %v", c, a.Result, a.Hit.Route.Meta().Ref)
		}
	case slices.Contains(c.Codes, 500):
		refused := slices.ContainsFunc(a.Notes, func(n request.Note) bool { return n.Reason == request.NoteGrant })
		if a.Result != request.Matched || a.Code != 500 && !refused {
			t.Errorf("%+v: %s %d %v", c, a.Result, a.Code, a.Notes)
		}
	default:
		if a.Result != request.Matched {
			t.Errorf("%+v: %s", c, a.Result)
		}
	}
}

func checkLocation(t *testing.T, c *upstream.Case, location string) {
	t.Helper()
	if err := locationError(c, location); err != nil {
		t.Error(err)
	}
}

// locationError compares what is asserted of where a redirect leads.
func locationError(c *upstream.Case, location string) error {
	u, err := url.Parse(location)
	if err != nil {
		return err
	}
	want := c.Redirect
	if want.Scheme != "" && u.Scheme != want.Scheme || want.Host != "" && u.Hostname() != want.Host || want.Port != "" && u.Port() != want.Port ||
		want.Path != "" && u.Path != want.Path {
		return fmt.Errorf("%+v %+v: %s", c, *want, location)
	}
	return nil
}
