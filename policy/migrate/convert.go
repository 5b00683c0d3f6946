package migrate

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// converter writes the new side of one old side.
type converter struct {
	old      *Old
	options  Options
	report   *report
	gateway  *gatewayPlan
	existing existing
	// routes are those of each Ingress by name, main ones and those that redirect.
	routes  map[*ingress]*ofIngress
	grants  map[grantKey]map[string]bool
	objects []*unstructured.Unstructured
	held    []*unstructured.Unstructured
	// rulesHeld counts the rules that are held back.
	rulesHeld int
	hosts     map[string]*hostRules
	exposed   map[*ingress][]string
	// policies are those that are written, lifted is what lifting came to.
	policies *writer
	lifted   *Lifted
	// above are the places above each route, the nearest first, where something was lifted.
	above map[hierarchy.Ref][]hierarchy.Ref
	// given are the routes that exist already (M39).
	given   []routeWants
	givenAt map[*ingress]hierarchy.Ref
	// bridges are the routes to the old controller (M5).
	bridges []routeWants
}

// ofIngress is what was written for one Ingress.
type ofIngress struct {
	names []string
	kinds []string
	held  bool
	// rules are what rules of a route want for themselves, by its name (M45).
	rules map[string]map[string]wants
	// all are what all rules of a route want besides its Ingress, by its name.
	all map[string]wants
}

// want says what a rule of a route wants for itself.
func (w *ofIngress) want(route, rule string, wanted wants) {
	if w.rules == nil {
		w.rules = map[string]map[string]wants{}
	}
	if w.rules[route] == nil {
		w.rules[route] = map[string]wants{}
	}
	w.rules[route][rule] = wanted
}

func (c *converter) writeAllRoutes() {
	for _, g := range c.old.ingresses {
		if g.chosen && c.old.served(g) && !g.canary() {
			c.writeRoutes(g)
		}
	}
	c.writeNames()
	c.writePassed()
	c.writeBackendTLS()
	c.writeBridges()
}

// hostOrder are the hosts that have a server, in the order of their names.
func (c *converter) hostOrder() []string {
	return slices.DeleteFunc(c.old.view.Hosts(), func(h string) bool { return c.old.view.Server(h) == nil })
}

// wider says whether some less specific host takes requests to a host (M30).
func (c *converter) wider(host string) bool {
	return slices.ContainsFunc(c.hostsAbove(host), func(h string) bool { return c.old.view.Server(h) != nil })
}

// hostsAbove are the less specific hosts of a host and its aliases, whether they have a server or
// not: the wildcards above it, and every host.
func (c *converter) hostsAbove(host string) []string {
	var list []string
	for _, name := range append(c.old.view.AliasesOf(host), host) {
		for i := range name {
			if wildcard := "*" + name[i:]; name[i] == '.' && wildcard != name {
				list = append(list, wildcard)
			}
		}
	}
	return append(list, routing.CatchAll)
}

// leavesCanary says whether a location goes without the canary of its Service, since no
// canary states the location itself (M31).
func (c *converter) leavesCanary(l *routing.Location) bool {
	if l.Action.Canary == nil || c.options.Canary != CanaryHere {
		return false
	}
	here := false
	for _, g := range c.old.ingresses {
		if c.old.served(g) && g.canary() {
			c.old.eachPath(g, func(key locationKey, _ *ingressPath, _ string) {
				here = here || key == locationKey{host: l.Host, path: l.Path, exact: l.Exact}
			})
		}
	}
	return !here
}

// isHeld says whether the rules of a location are held back, and says so (M40).
func (c *converter) isHeld(g *ingress, l *routing.Location, h *hostRules) bool {
	held := false
	for _, name := range c.exposing(g) {
		if !c.options.accepts(name) {
			held = true
		}
	}
	for _, name := range c.old.exposingOn(l.Action.Backend) {
		held = held || !c.options.accepts(name)
	}
	if g.set.denied && !c.options.accepts("denied") {
		held = held || !c.deniedAccepted(g)
	}
	if l.Action.Redirect != "" {
		if _, ok := redirectTo(l.Action); !ok {
			held = held || !c.options.accepts("permanent-redirect") && !c.options.accepts("temporal-redirect")
		}
	}
	if h.regex && strings.Contains(l.Action.Rewrite, "$") && !c.options.accepts("rewrite-target") {
		held = true
	}
	return held
}

// deniedAccepted says whether each annotation that denies was accepted.
func (c *converter) deniedAccepted(g *ingress) bool {
	for _, f := range c.report.findings {
		if f.Ingress == g.place() && f.Status == Lost && f.Effect == Exposes && f.Annotation != "" && !f.Accepted {
			return false
		}
	}
	return true
}

// exposing are the annotations of an Ingress whose loss lets through what was
// refused before (M40).
func (c *converter) exposing(g *ingress) []string {
	names, ok := c.exposed[g]
	if !ok {
		names = c.old.exposing(g)
		c.exposed[g] = names
	}
	return names
}

// newSide writes the routes, the Gateway and the policies. Options that do not fit the
// input are an *InputError.
func newSide(old *Old) (*converter, error) {
	c := &converter{
		old: old, options: old.options, report: old.report, routes: map[*ingress]*ofIngress{},
		grants: map[grantKey]map[string]bool{}, hosts: map[string]*hostRules{}, exposed: map[*ingress][]string{},
		givenAt: map[*ingress]hierarchy.Ref{},
	}
	c.existing = readExisting(old.objects)
	c.policies = newWriter(c.existing)
	if err := c.planGateway(); err != nil {
		return nil, err
	}
	for _, host := range c.hostOrder() {
		c.hosts[host] = c.rulesOf(old.view.Server(host))
	}
	if old.options.Routes != nil {
		c.useRoutes()
	} else {
		c.writeAllRoutes()
	}
	c.objects = append(c.objects, c.gateway.objects(c)...)
	if err := c.writePolicies(); err != nil {
		return nil, err
	}
	c.writeGrants()
	return c, nil
}
