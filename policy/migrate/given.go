package migrate

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/request"
)

// covering says which rules of routes that exist stand for which Ingress (M39, M85).
type covering struct {
	old  *Old
	side *routing.NewSide
	// ignore are backends whose rules cover nothing: the bridge to the old controller
	// (M5).
	ignore func(routing.Backend) bool
}

// place is the rule that answers the requests of a location as the location does; no
// Route when there is none, and why.
func (v *covering) place(host string, l *routing.Location) (routing.Place, string) {
	var place routing.Place
	for _, r := range v.requests(host, l) {
		old, location := v.old.view.Answer(&r)
		if location != l || old.Undetermined != "" {
			continue // another location has this one, or nobody can tell
		}
		answer, at := v.side.Answer(&r)
		switch {
		case at.Route == nil:
			return routing.Place{}, r.Path + ": no rule takes it"
		case v.bridged(&answer):
			return routing.Place{}, r.Path + ": the rule leads to the old controller"
		case slices.ContainsFunc(routing.Differ(&old, &answer), func(f string) bool {
			return f == routing.FieldBackends || f == routing.FieldRedirect && !sameButSlash(&old, &answer) || f == routing.FieldStatus || f == routing.FieldPath
		}):
			return routing.Place{}, r.Path + ": old " + old.String() + ", new " + answer.String()
		}
		if place.Route == nil || len(old.Backends) > 0 {
			place = at
		}
	}
	if place.Route == nil {
		return place, "no request reaches it"
	}
	return place, ""
}

// sameButSlash says whether two redirects differ only in a final "/", which nginx cuts
// off in redirects to https.
func sameButSlash(a, b *routing.Answer) bool {
	return a.Code == b.Code && strings.TrimSuffix(a.Redirect, "/") == strings.TrimSuffix(b.Redirect, "/")
}

func (v *covering) bridged(a *routing.Answer) bool {
	return v.ignore != nil && slices.ContainsFunc(a.Backends, func(s routing.Share) bool { return v.ignore(s.Backend) })
}

// requests are some that a location is for: its path, and one below it; by https where
// a listener takes it, else by http.
func (v *covering) requests(host string, l *routing.Location) []request.Request {
	concrete := routing.Concrete(host)[0]
	paths := []string{l.Path}
	switch s := v.old.view.Server(host); {
	case s.Regex:
		paths = nil
		for _, path := range routing.Samples(l.Path) {
			if routing.IsNormal(path) {
				paths = append(paths, path)
			}
		}
	case !l.Exact:
		paths = append(paths, strings.TrimSuffix(l.Path, "/")+"/~z")
	}
	var list []request.Request
	for _, scheme := range []string{request.SchemeHTTP, request.SchemeHTTPS} {
		if scheme == request.SchemeHTTPS && !v.side.Serves(scheme, concrete) {
			continue
		}
		for _, path := range paths {
			list = append(list, request.Request{Method: "GET", Scheme: scheme, Host: concrete, Path: path})
		}
	}
	return list
}

// useRoutes finds the routes that policies are for among those that exist (M39).
func (c *converter) useRoutes() {
	v := &covering{old: c.old, side: routing.NewNewSide(c.options.Routes, hierarchy.Ref{})}
	by := map[hierarchy.Ref]map[int][]*ingress{}
	for _, host := range c.hostOrder() {
		for _, l := range c.old.view.Server(host).Locations {
			w := c.old.owners[l]
			if !w.ingress.chosen || l.Default && l.Action.Backend == nil || l.Action.Redirect != "" || l.Action.Status == 503 {
				continue
			}
			place, why := v.place(host, l)
			if place.Route == nil {
				f := c.report.about(w.ingress, Unbound, "%s %s: no route that exists answers it as the controller does (%s); no policy is written for it", hostText(host), l.Path, why)
				f.Line, f.Host, f.Effect = w.ingress.object.line(w.field), host, Breaks
				continue
			}
			ref := place.Route.Meta().Ref
			if by[ref] == nil {
				by[ref] = map[int][]*ingress{}
			}
			if !slices.Contains(by[ref][place.Rule], w.ingress) {
				by[ref][place.Rule] = append(by[ref][place.Rule], w.ingress)
			}
		}
	}
	for _, ref := range slices.SortedFunc(mapsKeys(by), hierarchy.Compare) {
		c.useRoute(ref, by[ref])
	}
}

func mapsKeys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// useRoute states on one route, or on its rules, what its Ingresses want.
func (c *converter) useRoute(ref hierarchy.Ref, rules map[int][]*ingress) {
	object, _ := c.options.Routes.Get(ref)
	route, _ := object.(*hierarchy.Route)
	if route == nil {
		return
	}
	var oldest *ingress
	same := len(rules) == len(route.Rules)
	for _, i := range slices.Sorted(mapsKeys(rules)) {
		list := rules[i]
		slices.SortFunc(list, func(a, b *ingress) int { return a.age - b.age })
		for _, g := range list[1:] {
			if jsonText(c.old.ingressWants(g)) != jsonText(c.old.ingressWants(list[0])) {
				c.report.about(g, Conflict, "a rule of %s stands for Ingress %s, too, which is older and wants other policies: split the rule", ref, list[0].place()).Effect = Differs
			}
		}
		if oldest == nil || list[0].age < oldest.age {
			oldest = list[0]
		}
	}
	for _, list := range rules {
		same = same && jsonText(c.old.ingressWants(list[0])) == jsonText(c.old.ingressWants(oldest))
	}
	if same {
		for _, list := range rules {
			c.givenAt[list[0]] = ref
		}
		c.given = append(c.given, routeWants{ref: ref, ingress: oldest, wants: c.old.ingressWants(oldest), forwards: true})
		return
	}
	r := routeWants{ref: ref, ingress: oldest, wants: wants{}, rules: map[string]wants{}, forwards: true}
	for _, i := range slices.Sorted(mapsKeys(rules)) {
		g := rules[i][0]
		wanted := c.old.ingressWants(g)
		switch name := route.Rules[i].Name; {
		case len(wanted) == 0:
		case name == "":
			c.report.about(g, Unresolved, "rules[%d] of %s stands for it and for no other rule's Ingress, and has no name that a policy could use: give the rule a name", i, ref).Effect = Differs
		default:
			r.rules[name] = wanted
			if c.givenAt[g].IsZero() {
				c.givenAt[g] = ref.WithSection(name)
			}
		}
	}
	c.given = append(c.given, r)
}

// explainGiven says what is written for an annotation on routes that exist: policies,
// and nothing else.
func (c *converter) explainGiven(g *ingress, short, name string) {
	for _, explain := range []func(*ingress, string, string) bool{c.explainTimeout, c.explainRetry, c.explainRate} {
		if explain(g, short, name) {
			return
		}
	}
	row := c.old.row(short)
	c.report.annotation(g, name, row.Status, row.Effect, "%s; the routes that exist have to do it: migrate verify says whether they do", row.Becomes)
}
