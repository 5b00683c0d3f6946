package migrate

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// served says whether the controller serves an Ingress.
func (o *Old) served(g *ingress) bool { return g.refused == "" || o.options.ConvertUnserved }

type locationKey struct {
	host, path string
	exact      bool
}

// buildView makes the host view (section 3).
func (o *Old) buildView() {
	first := map[locationKey]*routing.Location{}
	var locations []*routing.Location
	add := func(l *routing.Location, w *owner) {
		o.owners[l] = w
		locations = append(locations, l)
		first[locationKey{l.Host, l.Path, l.Exact}] = l
	}
	for _, g := range o.ingresses {
		if !o.served(g) || g.canary() {
			continue
		}
		for _, host := range g.hosts() {
			o.listing[host] = append(o.listing[host], g)
		}
		if len(g.rules) == 0 && g.backend != nil {
			key := locationKey{routing.CatchAll, "/", false}
			if l := first[key]; l == nil {
				o.listing[routing.CatchAll] = append(o.listing[routing.CatchAll], g)
				add(o.location(g, key, g.backend, "spec.defaultBackend"))
			} else {
				o.shadowed(g, key, l, "spec.defaultBackend")
			}
		}
	}
	for _, g := range o.ingresses {
		if !o.served(g) || g.canary() {
			continue
		}
		o.eachPath(g, func(key locationKey, p *ingressPath, field string) {
			switch {
			case p.resource:
				o.report.about(g, NoEffect, "%s: its backend is no Service, which the controller passes over", field).Effect = None
			case first[key] != nil:
				o.shadowed(g, key, first[key], field)
			default:
				add(o.pathLocation(g, key, p, field))
			}
		})
	}
	for _, host := range slices.Sorted(maps.Keys(o.listing)) {
		if first[locationKey{host, "/", false}] == nil {
			g := o.listing[host][0]
			backend := g.backend
			if len(g.rules) == 0 {
				backend = nil
			}
			l, w := o.location(g, locationKey{host, "/", false}, backend, "spec.defaultBackend")
			l.Default = true
			add(l, w)
		}
	}
	if o.controller.nginx {
		locations = o.conflicts(locations)
	}
	o.view = routing.NewView(routing.Dialect{Nginx: o.controller.nginx}, locations)
	o.addNames()
	o.addCanaries()
	o.addPassed()
}

// addPassed finds the hosts whose https is passed on as it is: the oldest Ingress of
// the host says so, for the location "/" (M34).
func (o *Old) addPassed() {
	for _, host := range slices.Sorted(maps.Keys(o.listing)) {
		if host == routing.CatchAll || !o.listing[host][0].set.bool("ssl-passthrough") {
			continue
		}
		for _, l := range o.view.Server(host).Locations {
			if l.Path == "/" && l.Action.Backend != nil {
				o.view.Pass(host, *l.Action.Backend)
			}
		}
	}
}

// eachPath visits the paths of an Ingress.
func (o *Old) eachPath(g *ingress, visit func(key locationKey, p *ingressPath, field string)) {
	for i := range g.rules {
		host := g.rules[i].host
		if host == "" {
			host = routing.CatchAll
		}
		for j := range g.rules[i].paths {
			p := &g.rules[i].paths[j]
			path, exact := o.controller.readPath(p)
			visit(locationKey{host, path, exact}, p, "spec.rules["+strconv.Itoa(i)+"].http.paths["+strconv.Itoa(j)+"]")
		}
	}
}

// shadowed says that a path is never served, and what hides it (M13).
func (o *Old) shadowed(g *ingress, key locationKey, by *routing.Location, field string) {
	w := o.owners[by].ingress
	if w == g {
		return // twice in one Ingress: nobody loses
	}
	status := Shadowed
	if g.created.Equal(w.created) {
		status = Conflict
	}
	f := o.report.about(g, status, "%s %s: Ingress %s has it, for %s; nothing is written for it here", routing.HostText(key.host), routing.PathText(key.path, key.exact), w.place(), older(w, g))
	f.Line, f.Host, f.Effect = g.object.line(field), key.host, None
}

// location makes one location with what its Ingress does at it.
func (o *Old) location(g *ingress, key locationKey, backend *backendRef, field string) (*routing.Location, *owner) {
	w := &owner{ingress: g, backend: backend, field: field}
	l := &routing.Location{Host: key.host, Path: key.path, Exact: key.exact, Age: g.age, Action: o.action(g, key, w)}
	rewrite := g.set.text("rewrite-target")
	l.Pattern = o.controller.nginx && (g.set.bool("use-regex") || rewrite != "" && rewrite != key.path)
	return l, w
}

// pathLocation is that of a path, which may be a pattern of the controller's own kind.
func (o *Old) pathLocation(g *ingress, key locationKey, p *ingressPath, field string) (*routing.Location, *owner) {
	l, w := o.location(g, key, p.backend, field)
	w.pattern = o.controller.patternOf(p)
	l.Action.Unknown = cmp.Or(w.pattern, l.Action.Unknown)
	return l, w
}

// conflicts finds locations that nginx cannot have beside each other (M18). The
// older stays.
func (o *Old) conflicts(locations []*routing.Location) []*routing.Location {
	regex := map[string]bool{}
	for _, l := range locations {
		regex[l.Host] = regex[l.Host] || l.Pattern
	}
	names := map[[2]string]*routing.Location{}
	return slices.DeleteFunc(locations, func(l *routing.Location) bool {
		if l.Exact || regex[l.Host] || l.Path == "/" {
			return false
		}
		key := [2]string{l.Host, strings.TrimSuffix(l.Path, "/") + "/"}
		other := names[key]
		if other == nil {
			names[key] = l
			return false
		}
		w, by := o.owners[l], o.owners[other]
		f := o.report.about(w.ingress, Conflict, "%s %s and %s of Ingress %s are one location of nginx, which refuses the whole configuration; the older is converted",
			routing.HostText(l.Host), l.Path, other.Path, by.ingress.place())
		f.Line, f.Host, f.Effect = w.ingress.object.line(w.field), l.Host, Breaks
		return true
	})
}

// addNames adds the aliases and the other names of hosts (M12, M32).
func (o *Old) addNames() {
	for _, host := range slices.Sorted(maps.Keys(o.listing)) {
		if host == routing.CatchAll {
			continue
		}
		aliased := false
		for _, g := range o.listing[host] {
			if g.set.has("server-alias") && !aliased {
				aliased = true
				for alias := range strings.SplitSeq(g.set.text("server-alias"), ",") {
					if alias = strings.ToLower(strings.TrimSpace(alias)); alias != "" && !isPattern(alias) {
						o.view.Alias(alias, host)
					}
				}
			}
		}
		if slices.ContainsFunc(o.listing[host], func(g *ingress) bool { return g.set.bool("from-to-www-redirect") }) && !strings.HasPrefix(host, "*") {
			o.view.Move(otherName(host), routing.Moved{To: host, Code: o.redirectCode()})
		}
	}
}

// isPattern says whether an alias is a regular expression or a wildcard.
func isPattern(alias string) bool { return strings.ContainsAny(alias, `~^$*\()[]{}+?|`) }

// otherName is a host with "www." or without.
func otherName(host string) string {
	if bare, ok := strings.CutPrefix(host, "www."); ok {
		return bare
	}
	return "www." + host
}

func (o *Old) redirectCode() int {
	code, err := strconv.Atoi(o.config.value("http-redirect-code"))
	if err != nil || code < 300 || code > 308 {
		return 308
	}
	return code
}

// addCanaries adds the alternatives to the locations whose Service they belong to
// (M21).
func (o *Old) addCanaries() {
	taken := map[string]*routing.Canary{}
	for _, g := range o.ingresses {
		if !o.served(g) || !g.canary() {
			continue
		}
		found := false
		o.eachPath(g, func(key locationKey, p *ingressPath, field string) {
			primary := o.at(key)
			to, ok := o.resolve(g, p.backend)
			if primary == nil || primary.Action.Backend == nil || !ok {
				return
			}
			found = true
			if name := primary.Action.Backend.String(); taken[name] == nil {
				taken[name] = o.canaryOf(g, to)
			}
		})
		if !found {
			o.report.about(g, NoEffect, "the canary has no primary of the same host, path and type, so it does nothing").Effect = None
		}
	}
	for _, host := range o.view.Hosts() {
		if s := o.view.Server(host); s != nil {
			for _, l := range s.Locations {
				if l.Action.Backend != nil {
					l.Action.Canary = taken[l.Action.Backend.String()]
				}
			}
		}
	}
}

// at is the location of a host, path and type, nil when there is none.
func (o *Old) at(key locationKey) *routing.Location {
	s := o.view.Server(key.host)
	if s == nil {
		return nil
	}
	for _, l := range s.Locations {
		if l.Path == key.path && l.Exact == key.exact && !l.Default {
			return l
		}
	}
	return nil
}

func (o *Old) canaryOf(g *ingress, to routing.Backend) *routing.Canary {
	c := &routing.Canary{
		Backend: to, Header: g.set.text("canary-by-header"), Cookie: g.set.text("canary-by-cookie"),
		Total: 100,
	}
	if c.Header != "" {
		c.Value = g.set.text("canary-by-header-value")
		if c.Value == "" {
			c.Pattern = g.set.text("canary-by-header-pattern")
		}
	}
	if n, ok := g.set.int("canary-weight-total"); ok && n > 100 {
		c.Total = int64(n)
	}
	if n, ok := g.set.int("canary-weight"); ok {
		c.Weight = min(max(int64(n), 0), c.Total)
	}
	return c
}
