package newside

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/lift"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// Side is the new side of one old side: what is written, and what it is written from.
type Side struct {
	Old     *oldside.Side
	Options option.Options
	Report  *finding.Report
	// Names are those that strangers' objects have.
	Names document.Names
	// Objects are what is written, Held the routes that are held back (M40).
	Objects []*unstructured.Unstructured
	Held    []*unstructured.Unstructured
	// RulesHeld counts the rules that are held back.
	RulesHeld int
	// Hosts are the rules of each host that has a server.
	Hosts map[string]*HostRules
	// Lifted is the result of lifting, nil when nothing was to be lifted.
	Lifted *lift.Lifted

	gateway *gatewayPlan
	// routes are those of each Ingress by name, main ones and those that redirect.
	routes map[*ingress.Ingress]*ofIngress
	grants map[grantKey]map[string]bool
	// exposed are the annotations of each Ingress whose loss would expose it.
	exposed  map[*ingress.Ingress][]string
	policies *statement.Writer
	// above are the places above each route, the nearest first, where something was lifted.
	above map[hierarchy.Ref][]hierarchy.Ref
	// given are the routes that exist already (M39).
	given   []statement.Route
	givenAt map[*ingress.Ingress]hierarchy.Ref
	// bridges are the routes to the old controller (M5).
	bridges []statement.Route
}

// ofIngress is what was written for one Ingress.
type ofIngress struct {
	names []string
	kinds []string
	held  bool
	// rules are what rules of a route want for themselves, by its name (M45).
	rules map[string]map[string]statement.Wants
	// all are what all rules of a route want besides its Ingress, by its name.
	all map[string]statement.Wants
}

// want says what a rule of a route wants for itself.
func (w *ofIngress) want(route, rule string, wanted statement.Wants) {
	if w.rules == nil {
		w.rules = map[string]map[string]statement.Wants{}
	}
	if w.rules[route] == nil {
		w.rules[route] = map[string]statement.Wants{}
	}
	w.rules[route][rule] = wanted
}

func (c *Side) writeAllRoutes() {
	for _, g := range c.Old.Ingresses {
		if g.Chosen && c.Old.Served(g) && !g.IsCanary() {
			c.writeRoutes(g)
		}
	}
	c.writeNames()
	c.writePassed()
	c.writeBackendTLS()
	c.writeBridges()
}

// HostOrder are the hosts that have a server, in the order of their names.
func (c *Side) HostOrder() []string {
	return slices.DeleteFunc(c.Old.View.Hosts(), func(h string) bool { return c.Old.View.Server(h) == nil })
}

// HasWider says whether some less specific host takes requests to a host (M30).
func (c *Side) HasWider(host string) bool {
	return slices.ContainsFunc(c.hostsAbove(host), func(h string) bool { return c.Old.View.Server(h) != nil })
}

// hostsAbove are the less specific hosts of a host and its aliases, whether they have a server or
// not: the wildcards above it, and every host.
func (c *Side) hostsAbove(host string) []string {
	var list []string
	for _, name := range append(c.Old.View.AliasesOf(host), host) {
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
func (c *Side) leavesCanary(l *routing.Location) bool {
	if l.Action.Canary == nil || c.Options.Canary != option.CanaryHere {
		return false
	}
	here := false
	for _, g := range c.Old.Ingresses {
		if c.Old.Served(g) && g.IsCanary() {
			c.Old.EachPath(g, func(key oldside.Key, _ *ingress.Path, _ string) {
				here = here || key == oldside.Key{Host: l.Host, Path: l.Path, Exact: l.Exact}
			})
		}
	}
	return !here
}

// isHeld says whether the rules of a location are held back, and says so (M40).
func (c *Side) isHeld(g *ingress.Ingress, l *routing.Location, h *HostRules) bool {
	held := false
	for _, name := range c.exposing(g) {
		if !c.Options.Accepts(name) {
			held = true
		}
	}
	for _, name := range c.Old.ExposingOn(l.Action.Backend) {
		held = held || !c.Options.Accepts(name)
	}
	if g.Settings.Denied && !c.Options.Accepts("denied") {
		held = held || !c.deniedAccepted(g)
	}
	if l.Action.Redirect != "" {
		if _, ok := RedirectTo(l.Action); !ok {
			held = held || !c.Options.Accepts("permanent-redirect") && !c.Options.Accepts("temporal-redirect")
		}
	}
	if h.Regex && strings.Contains(l.Action.Rewrite, "$") && !c.Options.Accepts("rewrite-target") {
		held = true
	}
	return held
}

// deniedAccepted says whether each annotation that denies was accepted.
func (c *Side) deniedAccepted(g *ingress.Ingress) bool {
	for _, f := range c.Report.Findings {
		if f.Ingress == g.Place() && f.Status == finding.Lost && f.Effect == finding.Exposes && f.Annotation != "" && !f.Accepted {
			return false
		}
	}
	return true
}

// exposing is Exposing of the old side, computed once for each Ingress.
func (c *Side) exposing(g *ingress.Ingress) []string {
	names, ok := c.exposed[g]
	if !ok {
		names = c.Old.Exposing(g)
		c.exposed[g] = names
	}
	return names
}

// Write writes the routes, the Gateway and the policies. Options that do not fit the
// input are a *document.InputError.
func Write(old *oldside.Side) (*Side, error) {
	c := &Side{
		Old: old, Options: old.Options, Report: old.Report, routes: map[*ingress.Ingress]*ofIngress{},
		grants: map[grantKey]map[string]bool{}, Hosts: map[string]*HostRules{}, exposed: map[*ingress.Ingress][]string{},
		givenAt: map[*ingress.Ingress]hierarchy.Ref{},
	}
	c.Names = document.ReadNames(old.Objects)
	c.policies = statement.NewWriter(c.Names)
	if err := c.planGateway(); err != nil {
		return nil, err
	}
	for _, host := range c.HostOrder() {
		c.Hosts[host] = c.rulesOf(old.View.Server(host))
	}
	if old.Options.Routes != nil {
		c.useRoutes()
	} else {
		c.writeAllRoutes()
	}
	c.Objects = append(c.Objects, c.gateway.objects(c)...)
	if err := c.writePolicies(); err != nil {
		return nil, err
	}
	c.writeGrants()
	return c, nil
}
