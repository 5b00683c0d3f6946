package routing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
)

// NewSide answers requests as Gateways of one Graph do.
type NewSide struct {
	index    *request.Index
	gateways []gateway
	// regexes are the bindings of routes with regular expressions, by listener.
	regexes map[*hierarchy.Listener][]hierarchy.BoundListener
}

// gateway is a Gateway and the ports that it listens on, by scheme.
type gateway struct {
	ref   hierarchy.Ref
	ports map[string][]int32
}

// NewNewSide returns the side of one Gateway, or of all when gateway is zero.
func NewNewSide(graph *hierarchy.Graph, only hierarchy.Ref) *NewSide {
	n := &NewSide{index: request.New(graph), regexes: map[*hierarchy.Listener][]hierarchy.BoundListener{}}
	for g := range graph.Gateways() {
		ref := g.Meta().Ref
		if !only.IsZero() && ref != only {
			continue
		}
		entry := gateway{ref: ref, ports: map[string][]int32{}}
		for _, l := range graph.Listeners(ref) {
			scheme := map[string]string{"HTTP": request.SchemeHTTP, "HTTPS": request.SchemeHTTPS, "TLS": request.SchemeHTTPS}[l.Spec.Protocol]
			if scheme != "" && !slices.Contains(entry.ports[scheme], l.Spec.Port) {
				entry.ports[scheme] = append(entry.ports[scheme], l.Spec.Port)
			}
		}
		for _, ports := range entry.ports {
			slices.Sort(ports)
		}
		n.gateways = append(n.gateways, entry)
	}
	slices.SortFunc(n.gateways, func(a, b gateway) int { return hierarchy.Compare(a.ref, b.ref) })
	return n
}

// Gateways are the Gateways of the side.
func (n *NewSide) Gateways() []hierarchy.Ref {
	var list []hierarchy.Ref
	for i := range n.gateways {
		list = append(list, n.gateways[i].ref)
	}
	return list
}

// Place is the rule that answers a request, on a listener.
type Place struct {
	Listener *hierarchy.Listener
	Route    *hierarchy.Route
	Rule     int
}

// Answer is what the new side does with a request. The Place has no Route when no
// rule takes it, and no Listener when none listens.
func (n *NewSide) Answer(r *request.Request) (Answer, Place) {
	var place Place
	for i := range n.gateways {
		g := &n.gateways[i]
		for _, port := range g.ports[r.Scheme] {
			asked := *r
			asked.Port = port
			hit, listener, ok := n.index.Match(g.ref, &asked)
			switch {
			case ok:
				return answerOf(&hit, r), Place{hit.Listener, hit.Route, hit.Rule}
			case listener && place.Listener == nil:
				place.Listener = n.listening(g.ref, &asked)
			}
		}
	}
	return Answer{Status: 404}, place
}

// listening is the listener that a request reaches, whatever serves it there.
func (n *NewSide) listening(ref hierarchy.Ref, r *request.Request) *hierarchy.Listener {
	for _, a := range n.index.Ask(&request.Question{Request: *r, Gateway: ref}) {
		if a.Hit.Listener != nil {
			return a.Hit.Listener
		}
	}
	return nil
}

// Serves says whether any listener and route of the side are there for a host
// and a scheme.
func (n *NewSide) Serves(scheme, host string) bool {
	_, place := n.Answer(&request.Request{Method: "GET", Scheme: scheme, Host: host, Path: "/"})
	return place.Listener != nil || place.Route != nil
}

func answerOf(hit *request.Hit, r *request.Request) Answer {
	if hit.Rule < 0 || hit.Rule >= len(hit.Route.Rules) {
		return Answer{Status: 404}
	}
	rule := &hit.Route.Rules[hit.Rule]
	a := Answer{Host: r.Host, Path: r.Path}
	for i := range rule.Filters {
		f := &rule.Filters[i]
		switch {
		case f.Redirect != nil:
			code := cmp.Or(f.Redirect.Code, 302)
			return Answer{Code: code, Redirect: request.Location(f.Redirect, hit, r, r.Scheme, r.Host)}
		case f.Rewrite != nil:
			a.Host = cmp.Or(f.Rewrite.Hostname, a.Host)
			if f.Rewrite.Path != nil {
				a.Path = request.ChangePath(f.Rewrite.Path, hit, r.Path)
			}
		case f.Headers != nil:
			for _, h := range slices.Concat(f.Headers.Set, f.Headers.Add) {
				if f.Type == hierarchy.FilterRequestHeaders {
					a.Request = append(a.Request, Header(h))
				} else {
					a.Response = append(a.Response, Header(h))
				}
			}
		case f.Type == "CORS":
			a.CORS = corsOf(f.Other)
		case f.Type == "RequestMirror":
			a.Mirrors = append(a.Mirrors, mirrorOf(f.Other, hit.Route.Meta().Ref.Namespace))
		}
	}
	a.Request, a.Response = sortedHeaders(a.Request), sortedHeaders(a.Response)
	total := int64(0)
	for _, f := range rule.Forwards {
		to := rule.Backends[f.Backend].To
		total += f.Weight
		a.Backends = append(a.Backends, Share{Backend{to.Namespace, to.Name, f.Port}, f.Weight})
	}
	if total == 0 {
		return Answer{Status: 500}
	}
	return a
}

// corsOf is a CORS filter in one line.
func corsOf(filter map[string]any) string {
	cors, _ := filter["cors"].(map[string]any)
	var b strings.Builder
	for _, key := range sortedKeys(cors) {
		fmt.Fprintf(&b, "%s=%v ", key, cors[key])
	}
	return strings.TrimSuffix(b.String(), " ")
}

func mirrorOf(filter map[string]any, namespace string) string {
	mirror, _ := filter["requestMirror"].(map[string]any)
	to, _ := mirror["backendRef"].(map[string]any)
	name, _ := to["name"].(string)
	if ns, ok := to["namespace"].(string); ok && ns != "" {
		namespace = ns
	}
	return namespace + "/" + name
}
