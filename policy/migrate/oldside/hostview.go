package oldside

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// Served says whether the controller serves an Ingress.
func (o *Side) Served(g *ingress.Ingress) bool { return g.Refused == "" || o.Options.ConvertUnserved }

// Key identifies a location: host, path and type.
type Key struct {
	Host, Path string
	Exact      bool
}

// buildView makes the host view (section 3).
func (o *Side) buildView() {
	first := map[Key]*routing.Location{}
	var locations []*routing.Location
	add := func(l *routing.Location, w *Owner) {
		o.Owners[l] = w
		locations = append(locations, l)
		first[Key{l.Host, l.Path, l.Exact}] = l
	}
	for _, g := range o.Ingresses {
		if !o.Served(g) || g.IsCanary() {
			continue
		}
		for _, host := range g.Hosts() {
			o.ByHost[host] = append(o.ByHost[host], g)
		}
		if len(g.Rules) == 0 && g.Backend != nil {
			key := Key{routing.CatchAll, "/", false}
			if l := first[key]; l == nil {
				o.ByHost[routing.CatchAll] = append(o.ByHost[routing.CatchAll], g)
				add(o.location(g, key, g.Backend, "spec.defaultBackend"))
			} else {
				o.shadowed(g, key, l, "spec.defaultBackend")
			}
		}
	}
	for _, g := range o.Ingresses {
		if !o.Served(g) || g.IsCanary() {
			continue
		}
		o.EachPath(g, func(key Key, p *ingress.Path, field string) {
			switch {
			case p.Resource:
				o.Report.About(g, finding.NoEffect, "%s: its backend is no Service, which the controller ignores", field).Effect = finding.None
			case first[key] != nil:
				o.shadowed(g, key, first[key], field)
			default:
				add(o.pathLocation(g, key, p, field))
			}
		})
	}
	for _, host := range slices.Sorted(maps.Keys(o.ByHost)) {
		if first[Key{host, "/", false}] == nil {
			g := o.ByHost[host][0]
			backend := g.Backend
			if len(g.Rules) == 0 {
				backend = nil
			}
			l, w := o.location(g, Key{host, "/", false}, backend, "spec.defaultBackend")
			l.Default = true
			add(l, w)
		}
	}
	if o.Controller.Nginx {
		locations = o.conflicts(locations)
	}
	o.View = routing.NewView(routing.Dialect{Nginx: o.Controller.Nginx}, locations)
	o.addNames()
	o.addCanaries()
	o.addPassed()
}

// addPassed finds the hosts whose https is passed on as it is: the oldest Ingress of
// the host says so, for the location "/" (M34).
func (o *Side) addPassed() {
	for _, host := range slices.Sorted(maps.Keys(o.ByHost)) {
		if host == routing.CatchAll || !o.ByHost[host][0].Settings.Bool("ssl-passthrough") {
			continue
		}
		for _, l := range o.View.Server(host).Locations {
			if l.Path == "/" && l.Action.Backend != nil {
				o.View.Pass(host, *l.Action.Backend)
			}
		}
	}
}

// EachPath visits the paths of an Ingress.
func (o *Side) EachPath(g *ingress.Ingress, visit func(key Key, p *ingress.Path, field string)) {
	for i := range g.Rules {
		host := g.Rules[i].Host
		if host == "" {
			host = routing.CatchAll
		}
		for j := range g.Rules[i].Paths {
			p := &g.Rules[i].Paths[j]
			path, exact := o.Controller.ReadPath(p)
			visit(Key{host, path, exact}, p, "spec.rules["+strconv.Itoa(i)+"].http.paths["+strconv.Itoa(j)+"]")
		}
	}
}

// shadowed says that a path is never served, and what hides it (M13).
func (o *Side) shadowed(g *ingress.Ingress, key Key, by *routing.Location, field string) {
	w := o.Owners[by].Ingress
	if w == g {
		return // twice in one Ingress: nobody loses
	}
	status := finding.Shadowed
	if g.Created.Equal(w.Created) {
		status = finding.Conflict
	}
	f := o.Report.About(g, status, "%s %s: Ingress %s has it, because %s; nothing is written for it here", routing.HostText(key.Host), routing.PathText(key.Path, key.Exact), w.Place(), older(w, g))
	f.Line, f.Host, f.Effect = g.Object.LineOf(field), key.Host, finding.None
}

// location makes one location with what its Ingress does at it.
func (o *Side) location(g *ingress.Ingress, key Key, backend *ingress.Backend, field string) (*routing.Location, *Owner) {
	w := &Owner{Ingress: g, Backend: backend, Field: field}
	l := &routing.Location{Host: key.Host, Path: key.Path, Exact: key.Exact, Age: g.Age, Action: o.action(g, key, w)}
	rewrite := g.Settings.Text("rewrite-target")
	l.Pattern = o.Controller.Nginx && (g.Settings.Bool("use-regex") || rewrite != "" && rewrite != key.Path)
	return l, w
}

// pathLocation is that of a path, which may be a pattern of the controller's own kind.
func (o *Side) pathLocation(g *ingress.Ingress, key Key, p *ingress.Path, field string) (*routing.Location, *Owner) {
	l, w := o.location(g, key, p.Backend, field)
	w.Pattern = o.Controller.PatternOf(p)
	l.Action.Unknown = cmp.Or(w.Pattern, l.Action.Unknown)
	return l, w
}

// conflicts finds locations that nginx cannot have together (M18). The older one
// stays.
func (o *Side) conflicts(locations []*routing.Location) []*routing.Location {
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
		w, by := o.Owners[l], o.Owners[other]
		f := o.Report.About(w.Ingress, finding.Conflict, "%s %s and %s of Ingress %s are one location of nginx, which refuses the whole configuration; the older is converted",
			routing.HostText(l.Host), l.Path, other.Path, by.Ingress.Place())
		f.Line, f.Host, f.Effect = w.Ingress.Object.LineOf(w.Field), l.Host, finding.Breaks
		return true
	})
}

// addNames adds the aliases and the other names of hosts (M12, M32).
func (o *Side) addNames() {
	for _, host := range slices.Sorted(maps.Keys(o.ByHost)) {
		if host == routing.CatchAll {
			continue
		}
		aliased := false
		for _, g := range o.ByHost[host] {
			if g.Settings.Has("server-alias") && !aliased {
				aliased = true
				for alias := range strings.SplitSeq(g.Settings.Text("server-alias"), ",") {
					if alias = strings.ToLower(strings.TrimSpace(alias)); alias != "" && !IsPattern(alias) {
						o.View.Alias(alias, host)
					}
				}
			}
		}
		if slices.ContainsFunc(o.ByHost[host], func(g *ingress.Ingress) bool { return g.Settings.Bool("from-to-www-redirect") }) && !strings.HasPrefix(host, "*") {
			o.View.Move(OtherName(host), routing.Moved{To: host, Code: o.RedirectCode()})
		}
	}
}

// IsPattern says whether an alias is a regular expression or a wildcard.
func IsPattern(alias string) bool { return strings.ContainsAny(alias, `~^$*\()[]{}+?|`) }

// OtherName is a host with "www." or without.
func OtherName(host string) string {
	if bare, ok := strings.CutPrefix(host, "www."); ok {
		return bare
	}
	return "www." + host
}

// RedirectCode is the status code of redirects to https.
func (o *Side) RedirectCode() int {
	code, err := strconv.Atoi(o.Config.Value("http-redirect-code"))
	if err != nil || code < 300 || code > 308 {
		return 308
	}
	return code
}

// addCanaries adds the alternatives to the locations whose Service they belong to
// (M21).
func (o *Side) addCanaries() {
	taken := map[string]*routing.Canary{}
	for _, g := range o.Ingresses {
		if !o.Served(g) || !g.IsCanary() {
			continue
		}
		found := false
		o.EachPath(g, func(key Key, p *ingress.Path, field string) {
			primary := o.LocationAt(key)
			to, ok := o.Resolve(g, p.Backend)
			if primary == nil || primary.Action.Backend == nil || !ok {
				return
			}
			found = true
			if name := primary.Action.Backend.String(); taken[name] == nil {
				taken[name] = o.canaryOf(g, to)
			}
		})
		if !found {
			o.Report.About(g, finding.NoEffect, "the canary has no primary of the same host, path and type, so it does nothing").Effect = finding.None
		}
	}
	for _, host := range o.View.Hosts() {
		if s := o.View.Server(host); s != nil {
			for _, l := range s.Locations {
				if l.Action.Backend != nil {
					l.Action.Canary = taken[l.Action.Backend.String()]
				}
			}
		}
	}
}

// LocationAt is the location of a host, path and type, nil when there is none.
func (o *Side) LocationAt(key Key) *routing.Location {
	s := o.View.Server(key.Host)
	if s == nil {
		return nil
	}
	for _, l := range s.Locations {
		if l.Path == key.Path && l.Exact == key.Exact && !l.Default {
			return l
		}
	}
	return nil
}

func (o *Side) canaryOf(g *ingress.Ingress, to routing.Backend) *routing.Canary {
	c := &routing.Canary{
		Backend: to, Header: g.Settings.Text("canary-by-header"), Cookie: g.Settings.Text("canary-by-cookie"),
		Total: 100,
	}
	if c.Header != "" {
		c.Value = g.Settings.Text("canary-by-header-value")
		if c.Value == "" {
			c.Pattern = g.Settings.Text("canary-by-header-pattern")
		}
	}
	if n, ok := g.Settings.Int("canary-weight-total"); ok && n > 100 {
		c.Total = int64(n)
	}
	if n, ok := g.Settings.Int("canary-weight"); ok {
		c.Weight = min(max(int64(n), 0), c.Total)
	}
	return c
}
