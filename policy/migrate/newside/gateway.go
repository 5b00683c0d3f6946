package newside

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// mostListeners is how many listeners one object can have (V11).
const mostListeners = 64

// certificate is the Secret of one host.
type certificate struct {
	host   string
	secret types.NamespacedName
	// listener is the name of the listener, set the ListenerSet that has it; zero
	// for the Gateway itself.
	listener string
	set      types.NamespacedName
	// passed says that the listener passes TLS on as it is.
	passed bool
}

// gatewayPlan is the Gateway that routes are bound to.
type gatewayPlan struct {
	name types.NamespacedName
	// written says that this run writes it.
	written bool
	certs   map[string]*certificate
	order   []string
	// fallback is the Secret for every other host.
	fallback types.NamespacedName
	// graph is what is there already, of a Gateway that is not written.
	graph *hierarchy.Graph
	found map[string][]parentRef
	// added are ListenerSets for hosts that a Gateway which exists does not serve.
	added []*unstructured.Unstructured
}

// parentRef is one listener that takes a host.
type parentRef struct {
	kind     string
	name     types.NamespacedName
	listener string
	scheme   string
}

// ref is the Gateway.
func (p *gatewayPlan) ref() hierarchy.Ref {
	return hierarchy.GatewayRef(p.name.Namespace, p.name.Name)
}

// planGateway decides on listeners (section 5).
func (c *Side) planGateway() error {
	o := &c.Options
	c.gateway = &gatewayPlan{name: o.Gateway, written: o.NewGateway, certs: map[string]*certificate{}, fallback: o.DefaultTLS, found: map[string][]parentRef{}}
	if o.Routes != nil && o.Gateway.Name == "" {
		c.gateway.graph = o.Routes
		return nil
	}
	if !o.NewGateway {
		graph := graphOf(c.Old.Objects)
		ref := hierarchy.GatewayRef(o.Gateway.Namespace, o.Gateway.Name)
		if _, ok := graph.Get(ref); !ok {
			return &document.InputError{Message: fmt.Sprintf("--gateway %s/%s is not in the input: give its manifest, or write --new-gateway", o.Gateway.Namespace, o.Gateway.Name)}
		}
		c.gateway.graph = graph
		c.addListenerSets()
		return nil
	}
	if o.GatewayClass == "" {
		return &document.InputError{Message: "--new-gateway needs --gateway-class: the class of a Gateway is never guessed from that of an Ingress"}
	}
	taken := map[string]bool{"http": true}
	for _, host := range c.HostOrder() {
		secret, stated := c.Old.CertificateOf(host)
		_, passed := c.Old.View.Passed(host)
		if secret.Name == "" && !passed {
			if stated && c.gateway.fallback.Name == "" {
				c.noCertificate(host)
			}
			continue
		}
		name := cmp.Or(strings.Replace(host, "*", "wildcard", 1), "host")
		for n := 2; taken[name]; n++ {
			name = strings.Replace(host, "*", "wildcard", 1) + "-" + strconv.Itoa(n)
		}
		taken[name] = true
		c.gateway.certs[host] = &certificate{host: host, secret: secret, listener: name, passed: passed}
		c.gateway.order = append(c.gateway.order, host)
	}
	c.spreadListeners()
	return nil
}

// spreadListeners puts HTTPS listeners into ListenerSets where they are too many
// for one Gateway, or where it was asked for (M38).
func (c *Side) spreadListeners() {
	p := c.gateway
	most := mostListeners - 1
	if p.fallback.Name != "" {
		most--
	}
	if c.Options.Listeners == option.ListenersGateway || c.Options.Listeners == option.ListenersAuto && len(p.order) <= most {
		return
	}
	counts := map[string]int{}
	for _, host := range p.order {
		cert := p.certs[host]
		if cert.passed {
			continue
		}
		n := counts[cert.secret.Namespace] / mostListeners
		counts[cert.secret.Namespace]++
		cert.set = types.NamespacedName{Namespace: cert.secret.Namespace, Name: document.Numbered(p.name.Name, n)}
	}
}

func (c *Side) noCertificate(host string) {
	g := c.Old.ByHost[host][0]
	f := c.Report.About(g, finding.NoCertificate, "%s: tls names no Secret, so the controller served its default certificate; no HTTPS listener is written: "+
		"--default-tls NAMESPACE/SECRET writes one for every host", routing.HostText(host))
	f.Host, f.Effect, f.Line = host, finding.Breaks, g.Object.LineOf("spec.tls")
}

// parents are the listeners that take the routes of a namespace for a host.
func (c *Side) parents(namespace, host string) []parentRef {
	p := c.gateway
	if p.graph != nil {
		key := namespace + " " + host
		if _, ok := p.found[key]; !ok {
			p.found[key] = p.bound(namespace, host, "HTTPRoute")
		}
		return p.found[key]
	}
	list := []parentRef{{kind: "Gateway", name: p.name, listener: "http", scheme: "http"}}
	switch cert := p.certs[host]; {
	case cert != nil && cert.passed:
	case cert != nil && cert.set.Name != "":
		list = append(list, parentRef{kind: "ListenerSet", name: cert.set, listener: cert.listener, scheme: "https"})
	case cert != nil:
		list = append(list, parentRef{kind: "Gateway", name: p.name, listener: cert.listener, scheme: "https"})
	case p.fallback.Name != "":
		list = append(list, parentRef{kind: "Gateway", name: p.name, listener: "https", scheme: "https"})
	}
	return list
}

// bound asks which listeners of the Gateway, and of its ListenerSets, would take a
// route (M35).
func (p *gatewayPlan) bound(namespace, host, kind string) []parentRef {
	parents := []hierarchy.Ref{hierarchy.GatewayRef(p.name.Namespace, p.name.Name)}
	for _, l := range p.graph.Listeners(parents[0]) {
		if !l.ListenerSet.IsZero() && !slices.Contains(parents, l.ListenerSet) {
			parents = append(parents, l.ListenerSet)
		}
	}
	var refs []any
	for _, ref := range parents {
		refs = append(refs, map[string]any{"group": hierarchy.Group, "kind": ref.Kind, "namespace": ref.Namespace, "name": ref.Name})
	}
	spec := map[string]any{"parentRefs": refs}
	if host != routing.CatchAll {
		spec["hostnames"] = []any{host}
	}
	const name = "would-be"
	route, _ := decode.Object(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": document.GatewayAPI, "kind": kind, "metadata": map[string]any{"namespace": namespace, "name": name}, "spec": spec,
	}}, nil)
	var list []parentRef
	for _, b := range p.graph.With(route).Bindings(hierarchy.NewRef(hierarchy.Group, kind, namespace, name)) {
		for _, l := range b.Listeners {
			scheme := map[string]string{"HTTP": "http", "HTTPS": "https", "TLS": "tls"}[l.Listener.Spec.Protocol]
			if !b.Accepted || !l.Active || scheme == "" {
				continue
			}
			list = append(list, parentRef{
				kind: b.Parent.Ref.Kind, name: types.NamespacedName{Namespace: b.Parent.Ref.Namespace, Name: b.Parent.Ref.Name},
				listener: l.Listener.Spec.Name, scheme: scheme,
			})
		}
	}
	return list
}

// graphOf is the Gateway API part of the input.
func graphOf(objects []document.Object) *hierarchy.Graph {
	var list []hierarchy.Object
	for i := range objects {
		if decoded, _ := decode.Object(objects[i].Unstructured, nil); decoded != nil {
			list = append(list, decoded)
		}
	}
	return hierarchy.Build(list)
}

// has says whether any listener takes a host by a scheme.
func has(parents []parentRef, scheme string) bool {
	return slices.ContainsFunc(parents, func(p parentRef) bool { return p.scheme == scheme })
}

// objects are the Gateway and the ListenerSets that are written.
func (p *gatewayPlan) objects(c *Side) []*unstructured.Unstructured {
	if !p.written {
		return p.addedSets(c)
	}
	listeners := []any{listener("http", 80, "HTTP", "", nil)}
	sets := map[types.NamespacedName][]any{}
	if p.fallback.Name != "" {
		listeners = append(listeners, listener("https", 443, "HTTPS", "", c.tls(p.name.Namespace, "Gateway", p.fallback)))
	}
	for _, host := range p.order {
		cert := p.certs[host]
		switch {
		case cert.passed:
			passed := listener(cert.listener, 443, "TLS", host, map[string]any{"mode": "Passthrough"})
			listeners = append(listeners, passed)
			continue
		case cert.set.Name == "":
			listeners = append(listeners, listener(cert.listener, 443, "HTTPS", host, c.tls(p.name.Namespace, "Gateway", cert.secret)))
			continue
		}
		sets[cert.set] = append(sets[cert.set], listener(cert.listener, 443, "HTTPS", host, c.tls(cert.set.Namespace, "ListenerSet", cert.secret)))
	}
	spec := map[string]any{"gatewayClassName": c.Options.GatewayClass, "listeners": listeners}
	if len(sets) > 0 {
		spec["allowedListeners"] = map[string]any{"namespaces": map[string]any{"from": "All"}}
	}
	list := []*unstructured.Unstructured{document.New(document.GatewayAPI, "Gateway", p.name.Namespace, p.name.Name, nil, nil, spec)}
	for name, entries := range sets {
		list = append(list, document.New(document.GatewayAPI, "ListenerSet", name.Namespace, name.Name, nil, nil, map[string]any{
			"parentRef": map[string]any{"group": hierarchy.Group, "kind": "Gateway", "name": p.name.Name, "namespace": p.name.Namespace},
			"listeners": entries,
		}))
	}
	return list
}

// listener is one listener, which routes of every namespace may use, as the old
// controller has it (M36).
func listener(name string, port int64, protocol, hostname string, tls map[string]any) map[string]any {
	l := map[string]any{
		"name": name, "port": port, "protocol": protocol,
		"allowedRoutes": map[string]any{"namespaces": map[string]any{"from": "All"}},
	}
	if hostname != "" && hostname != routing.CatchAll {
		l["hostname"] = hostname
	}
	if tls != nil {
		l["tls"] = tls
	}
	return l
}

// tls is the certificate of a listener, with the ReferenceGrant that it needs.
func (c *Side) tls(namespace, kind string, secret types.NamespacedName) map[string]any {
	ref := map[string]any{"name": secret.Name}
	if secret.Namespace != namespace {
		ref["namespace"] = secret.Namespace
		c.grantOf(grantKey{kind, namespace, "", "Secret", secret.Namespace}, secret.Name)
	}
	return map[string]any{"mode": "Terminate", "certificateRefs": []any{ref}}
}
