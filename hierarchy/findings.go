package hierarchy

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Findings returns what is wrong or doubtful about an object given all the
// others, sorted by field: references that lack a ReferenceGrant (R43-R45),
// listeners in conflict (R37) or listing kinds that they cannot serve (R17),
// rules that share a name (R52), and routes of other kinds in the same place
// (R32, R49). None of it changes a binding: a route with a forbidden backend
// is still Accepted. Findings are computed when asked for.
func (g *Graph) Findings(ref Ref) []Problem {
	f := findings{graph: g}
	object, _ := g.Get(ref)
	switch o := object.(type) {
	case *Gateway:
		f.holder(&o.meta, o.Listeners)
		f.references(&o.meta, o.References)
	case *ListenerSet:
		f.holder(&o.meta, o.Listeners)
	case *Route:
		f.route(o)
	}
	slices.SortStableFunc(f.found, func(a, b Problem) int {
		return cmp.Or(CompareFields(a.Field, b.Field), cmp.Compare(a.Message, b.Message))
	})
	return f.found
}

// findings collects what is found about one object.
type findings struct {
	graph *Graph
	// entry is the index of the listener or the rule under examination, as in Problem.
	entry int
	found []Problem
}

func (f *findings) add(meta *Meta, field, format string, args ...any) {
	f.found = append(f.found, Problem{Ref: meta.Ref, Field: field, Message: fmt.Sprintf(format, args...), Entry: f.entry})
}

// references checks references against the grants in the namespaces they go
// to. The message never says whether what they name exists (R45).
func (f *findings) references(meta *Meta, refs []Reference) {
	for _, r := range refs {
		if f.graph.Permits(meta.Ref.GroupKind, meta.Ref.Namespace, r.To) {
			continue
		}
		f.add(meta, r.Field, "RefNotPermitted: %s is in another namespace, and no ReferenceGrant in %q permits %s in %q to refer to it",
			r.To, r.To.Namespace, meta.Ref.Kind, meta.Ref.Namespace)
	}
}

// holder checks the listeners of a Gateway or a ListenerSet. Grants are not
// inherited between the two: the kind that counts is the holder's (R40).
func (f *findings) holder(meta *Meta, listeners []ListenerSpec) {
	defer func() { f.entry = 0 }()
	for i := range listeners {
		f.entry = i + 1
		spec := &listeners[i]
		f.references(meta, spec.Certificates)
		field := at("spec.listeners", i)
		if !standardProtocol(spec.Protocol) {
			f.add(meta, join(field, "protocol"), "UnsupportedProtocol: no route kinds are known for protocol %q", spec.Protocol)
			continue
		}
		for k, kind := range spec.Kinds {
			if !servesListed(spec, kind) {
				f.add(meta, at(join(field, "allowedRoutes.kinds"), k), "InvalidRouteKinds: protocol %s cannot serve %s", protocolWords(spec), kindList([]schema.GroupKind{kind}))
			}
		}
		if l, ok := f.graph.Listener(meta.Ref.WithSection(spec.Name)); ok && l.Conflicted != "" {
			f.add(meta, field, "%s", l.conflict())
		}
	}
}

func (f *findings) route(o *Route) {
	mesh, first := onlyMesh(o), make(map[string]int)
	for i := range o.Rules {
		f.entry = i + 1
		if !mesh {
			f.references(&o.meta, o.Rules[i].Backends)
		}
		name := o.Rules[i].Name
		if name == "" {
			continue
		}
		if other, taken := first[name]; taken {
			f.add(&o.meta, join(at("spec.rules", i), "name"), "%q is the name of rules[%d] too: no policy can target either of them", name, other)
			continue
		}
		first[name] = i
	}
	f.entry = 0
	f.sharedHostnames(o)
	f.sharedServices(o)
}

// onlyMesh reports whether all parents of a route are Services. The backends of such a route need
// no grant (R43).
func onlyMesh(o *Route) bool {
	for i := range o.Parents {
		if o.Parents[i].Ref.GroupKind != ServiceKind {
			return false
		}
	}
	return len(o.Parents) > 0 && !o.claimed()
}

// sharedHostnames finds HTTPRoutes and GRPCRoutes that share a hostname on a
// listener. Implementations may reject the younger (R32); we bind both.
func (f *findings) sharedHostnames(o *Route) {
	var other string
	switch o.meta.Ref.GroupKind {
	case schema.GroupKind{Group: Group, Kind: "HTTPRoute"}:
		other = "GRPCRoute"
	case schema.GroupKind{Group: Group, Kind: "GRPCRoute"}:
		other = "HTTPRoute"
	default:
		return
	}
	reported := make(map[*Ref]bool)
	for _, b := range f.graph.Bindings(o.meta.Ref) {
		for _, mine := range b.Listeners {
			bound, _ := f.graph.bound.Get(mine.Listener.id)
			for _, id := range ofKind(bound, schema.GroupKind{Group: Group, Kind: other}) {
				if reported[id] || !f.graph.sharesHostname(*id, mine) {
					continue
				}
				reported[id] = true
				f.add(&o.meta, "spec.hostnames", "%s has a hostname in common with this route on %s: an implementation may accept only the older of the two",
					id, mine.Listener.Ref)
			}
		}
	}
}

// ofKind returns the members of one kind. Members are sorted by kind first.
func ofKind(m members, kind schema.GroupKind) members {
	compare := func(id *Ref, k schema.GroupKind) int {
		return cmp.Or(cmp.Compare(id.Kind, k.Kind), cmp.Compare(id.GroupKind.Group, k.Group))
	}
	from, _ := slices.BinarySearchFunc(m, kind, compare)
	to := from
	for to < len(m) && compare(m[to], kind) == 0 {
		to++
	}
	return m[from:to]
}

// sharesHostname reports whether a route has a hostname in common with another's hostnames on the
// same listener.
func (g *Graph) sharesHostname(route Ref, with BoundListener) bool {
	for _, b := range g.Bindings(route) {
		for _, l := range b.Listeners {
			if l.Listener == with.Listener && hostnamesMeet(l.Hostnames, with.Hostnames) {
				return true
			}
		}
	}
	return false
}

func hostnamesMeet(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	for _, x := range a {
		for _, y := range b {
			if _, ok := intersectHostname(x, y); ok {
				return true
			}
		}
	}
	return false
}

// meshOrder lists route kinds by precedence, for when several are attached to one port of a Service
// (R49). UDP has ports of its own.
var meshOrder = [...]string{"GRPCRoute", "HTTPRoute", "TLSRoute", "TCPRoute"}

// sharedServices finds routes of a kind that goes before this route's on a port of a Service.
// Routes of different namespaces do not conflict: a consumer route only affects the clients in its
// own namespace (R47).
func (f *findings) sharedServices(o *Route) {
	rank := meshRank(o.meta.Ref)
	if rank <= 0 {
		return
	}
	reported := make(map[*Ref]bool)
	for i := range o.Parents {
		parent := &o.Parents[i]
		if parent.Ref.GroupKind != ServiceKind {
			continue
		}
		rivals, _ := f.graph.routesOf.Get(parent.Ref.Object())
		for _, id := range rivals {
			if r := meshRank(*id); r < 0 || r >= rank || id.Namespace != o.meta.Ref.Namespace || reported[id] {
				continue
			}
			if s, ok := f.graph.routes.Get(*id); ok && meetsOnService(s.route, parent) {
				reported[id] = true
				f.add(&o.meta, at("spec.parentRefs", parent.Index), "Conflicted: %s is attached to %s too, and %s goes before %s",
					id, parent.Ref, id.Kind, o.meta.Ref.Kind)
			}
		}
	}
}

func meshRank(ref Ref) int {
	if ref.GroupKind.Group != Group {
		return -1
	}
	return slices.Index(meshOrder[:], ref.Kind)
}

// meetsOnService reports whether a route is attached to a port that a parentRef of another route
// means. Without a port and a name, it means every port.
func meetsOnService(route *Route, parent *ParentRef) bool {
	for i := range route.Parents {
		p := &route.Parents[i]
		if p.Ref.Object() != parent.Ref.Object() {
			continue
		}
		samePort := p.Port == 0 || parent.Port == 0 || p.Port == parent.Port
		sameName := p.Ref.Section == "" || parent.Ref.Section == "" || p.Ref.Section == parent.Ref.Section
		if samePort && sameName {
			return true
		}
	}
	return false
}
