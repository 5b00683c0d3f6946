package hierarchy

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy/prose"
)

// stage is how far a route got with a listener (R27). A later stage is better.
type stage int

const (
	notSelected stage = iota
	notAllowed
	noHostname
	accepted
)

// mostNamed is how many things a message lists one by one.
const mostNamed = 3

var stageReasons = [...]string{ReasonNoMatchingParent, ReasonNotAllowedByListeners, ReasonNoMatchingListenerHostname, ReasonAccepted}

// binder binds routes. It looks things up in whatever state the edit is in.
type binder struct {
	gateway         func(Ref) *gatewayState
	set             func(Ref) *setState
	namespaceLabels func(string) map[string]string
	// defaults are the default Gateways, sorted (R31).
	defaults members
	// scratch collects what a route is bound to before its size is known.
	scratch []BoundListener
	// lists are what routes are bound to, by hash: routes that are bound to the same share one list. It
	// is nil where only one route is bound.
	lists map[uint64][]*Listener
}

// bind computes what follows from a route. Where a listener cannot tell routes apart, it marks none
// of them as active: which one is active depends on the others (R30).
func (b *binder) bind(s *routeState) {
	s.row = rowOf(s.route.meta.Ref.GroupKind)
	parents := s.route.Parents
	if claims := b.defaultParents(s.route); len(claims) > 0 {
		parents = slices.Concat(parents, claims)
	}
	if len(parents) == 0 {
		return
	}
	s.bindings = make([]Binding, len(parents))
	b.scratch = b.scratch[:0]
	ends := make([]int, len(parents))
	for i := range parents {
		s.bindings[i] = b.bindParent(s, parents[i])
		ends[i] = len(b.scratch)
	}
	listeners := slices.Clone(b.scratch)
	start := 0
	for i, end := range ends {
		if end > start {
			s.bindings[i].Listeners = listeners[start:end:end]
		}
		start = end
	}
	s.boundTo = b.shared(distinctListeners(listeners))
}

// shared is the list that another route has, if there is an equal one.
func (b *binder) shared(listeners []*Listener) []*Listener {
	if b.lists == nil {
		return listeners
	}
	var hash uint64
	for _, l := range listeners {
		hash = hash*31 + maphash.Comparable(listSeed, l)
	}
	if same := b.lists[hash]; len(same) > 0 && slices.Equal(same, listeners) {
		return same
	}
	b.lists[hash] = listeners
	return listeners
}

// listSeed is drawn once per process. Nothing observable depends on it.
var listSeed = maphash.MakeSeed()

// defaultParents are the parentRefs that a route implies without writing them (R31). One that it
// also writes is not claimed twice.
func (b *binder) defaultParents(route *Route) []ParentRef {
	if !route.claimed() {
		return nil
	}
	var claims []ParentRef
	for _, gateway := range b.defaults {
		claim := ParentRef{Ref: *gateway, Index: -1}
		if !slices.ContainsFunc(route.Parents, claim.Same) {
			claims = append(claims, claim)
		}
	}
	return claims
}

func distinctListeners(bound []BoundListener) []*Listener {
	if len(bound) == 0 {
		return nil
	}
	listeners := make([]*Listener, len(bound))
	for i := range bound {
		listeners[i] = bound[i].Listener
	}
	slices.SortFunc(listeners, compareListeners)
	return slices.Compact(listeners)
}

// bindParent binds one parentRef (R5-R8, R27) and appends the listeners that it is bound to, to the
// scratch slice.
func (b *binder) bindParent(s *routeState, parent ParentRef) Binding {
	binding := Binding{Parent: parent}
	listeners, v := b.parentListeners(parent)
	if v.reason != "" {
		binding.Reason, binding.Message = v.reason, v.message
		return binding
	}
	selected, bound, best := 0, 0, notSelected
	for _, l := range listeners {
		if !parent.selects(l) {
			continue
		}
		selected++
		reached, hostnames := b.try(s, l)
		best = max(best, reached)
		if reached == accepted {
			bound++
			active := s.row.distinguishable && l.Conflicted == ""
			b.scratch = append(b.scratch, BoundListener{Listener: l, Hostnames: hostnames, Active: active})
		}
	}
	binding.Reason = stageReasons[best]
	switch best {
	case accepted:
		binding.Accepted = true
		binding.Message = acceptedMessage(bound, selected)
	case notSelected:
		binding.Message = b.nothingSelected(parent, listeners)
	default:
		binding.Message = b.explain(s, parent, listeners, best)
	}
	return binding
}

// parentListeners returns the listeners among which a parentRef selects, or
// the verdict when there are none to select from.
func (b *binder) parentListeners(parent ParentRef) ([]*Listener, verdict) {
	ref := parent.Ref.Object()
	switch ref.GroupKind {
	case GatewayKind:
		if g := b.gateway(ref); g != nil {
			// Only its own listeners: a Gateway parentRef never reaches the listeners of its
			// ListenerSets (R35).
			return g.own, verdict{}
		}
	case ListenerSetKind:
		if set := b.set(ref); set != nil {
			if !set.admitted {
				return nil, verdict{ReasonParentNotAccepted, fmt.Sprintf("%s is not part of its Gateway: %s", ref, set.message)}
			}
			return set.listeners, verdict{}
		}
	case ServiceKind:
		return nil, verdict{ReasonMeshParent, fmt.Sprintf("%s is a mesh parent, not a way through a Gateway", ref)}
	default:
		message := fmt.Sprintf("%s is not a Gateway, a ListenerSet (group %q) or a Service (group \"\")", describeParent(parent), Group)
		if ref.GroupKind.Group == Group && ref.Kind == ServiceKind.Kind {
			message += "; did you mean group: \"\"?"
		}
		if ref.GroupKind.Group != Group && (ref.Kind == GatewayKind.Kind || ref.Kind == ListenerSetKind.Kind) {
			message += fmt.Sprintf("; did you mean group: %q?", Group)
		}
		return nil, verdict{ReasonUnknownParentKind, message}
	}
	return nil, verdict{ReasonParentNotFound, fmt.Sprintf("%s does not exist", ref)}
}

func describeParent(parent ParentRef) string {
	return fmt.Sprintf("%s of group %q", parent.Ref.Object(), parent.Ref.GroupKind.Group)
}

// selects is the first stage (R5).
func (p *ParentRef) selects(l *Listener) bool {
	return (p.Ref.Section == "" || p.Ref.Section == l.Spec.Name) && (p.Port == 0 || p.Port == l.Spec.Port)
}

// try takes a route through the stages of one selected listener (R27), and
// returns the hostnames they share when it gets through.
func (b *binder) try(s *routeState, l *Listener) (stage, []string) {
	ref := &s.route.meta.Ref
	if !l.admitsKind(ref.GroupKind) {
		return notAllowed, nil
	}
	if !l.Spec.Namespaces.admits(ref.Namespace, l.Ref.Namespace, b.namespaceLabels) {
		return notAllowed, nil
	}
	if !matchesHostnames(s.row, l) {
		return accepted, nil
	}
	hostnames, ok := intersectHostnames(l, s.route.Hostnames)
	if !ok {
		return noHostname, nil
	}
	return accepted, hostnames
}

// matchesHostnames reports whether hostnames matter between a route kind and a listener (R21).
func matchesHostnames(row *routeKind, l *Listener) bool {
	return row.hostnames && l.Spec.Protocol != ProtocolTCP && l.Spec.Protocol != ProtocolUDP
}

func acceptedMessage(bound, selected int) string {
	if bound == selected {
		return "bound to every listener that the parentRef selects"
	}
	return "bound to " + strconv.Itoa(bound) + " of the " + strconv.Itoa(selected) + " listeners that the parentRef selects"
}

// nothingSelected explains a failure of the first stage: what the parentRef asks for, and which
// listeners exist.
func (b *binder) nothingSelected(parent ParentRef, listeners []*Listener) string {
	ref := parent.Ref.Object()
	if len(listeners) == 0 {
		return fmt.Sprintf("%s has no listeners of its own", ref)
	}
	names := make([]string, len(listeners))
	for i, l := range listeners {
		names[i] = l.described()
	}
	return fmt.Sprintf("%s selects no listener: %s has %s", parent.asks(), ref, prose.List(names, mostNamed))
}

// asks is what a parentRef selects listeners by.
func (p *ParentRef) asks() string {
	var asks []string
	if p.Ref.Section != "" {
		asks = append(asks, fmt.Sprintf("sectionName %q", p.Ref.Section))
	}
	if p.Port != 0 {
		asks = append(asks, fmt.Sprintf("port %d", p.Port))
	}
	return strings.Join(asks, " and ")
}

func (l *Listener) described() string {
	return fmt.Sprintf("%q (port %d)", l.Spec.Name, l.Spec.Port)
}

// explain says, for every selected listener that reached the best stage, why it got no further.
func (b *binder) explain(s *routeState, parent ParentRef, listeners []*Listener, best stage) string {
	var reasons []string
	for _, l := range listeners {
		if !parent.selects(l) {
			continue
		}
		if reached, _ := b.try(s, l); reached == best {
			reasons = append(reasons, b.refusal(s, l, best))
		}
	}
	return prose.Clauses(reasons, mostNamed)
}

// refusal says why one listener did not let a route past a stage.
func (b *binder) refusal(s *routeState, l *Listener, reached stage) string {
	ref := s.route.meta.Ref
	if reached == noHostname {
		quoted := make([]string, len(s.route.Hostnames))
		for i, h := range s.route.Hostnames {
			quoted[i] = strconv.Quote(h)
		}
		if len(quoted) == 1 {
			return fmt.Sprintf("hostname %s of the route does not intersect %q of listener %s", quoted[0], l.Spec.Hostname, l.Spec.Name)
		}
		return fmt.Sprintf("none of the route's hostnames %s intersects %q of listener %s", prose.List(quoted, mostNamed), l.Spec.Hostname, l.Spec.Name)
	}
	if kind := ref.GroupKind; !l.admitsKind(kind) {
		return fmt.Sprintf("listener %s %s", l.Spec.Name, kindRefusal(l, kind))
	}
	return fmt.Sprintf("listener %s: %s", l.Spec.Name,
		l.Spec.Namespaces.refusal("allowedRoutes.namespaces", ref.Namespace, l.Ref.Namespace, b.namespaceLabels))
}

// kindRefusal says why a listener does not admit a kind of route (R16-R18).
func kindRefusal(l *Listener, kind schema.GroupKind) string {
	switch {
	case !standardProtocol(l.Spec.Protocol):
		return fmt.Sprintf("has protocol %q, for which no route kinds are known", l.Spec.Protocol)
	case len(l.Spec.Kinds) == 0:
		return fmt.Sprintf("does not admit %s: its protocol %s serves %s", kind.Kind, protocolWords(&l.Spec), kindList(l.Supported))
	case containsKind(l.Spec.Kinds, kind):
		return fmt.Sprintf("lists %s in allowedRoutes.kinds, but its protocol %s cannot serve it", kind.Kind, protocolWords(&l.Spec))
	}
	return fmt.Sprintf("does not admit %s: its allowedRoutes.kinds are %s", kind.Kind, kindList(l.Spec.Kinds))
}

// kindList lists kinds. A kind of another group is written with its group.
func kindList(kinds []schema.GroupKind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Kind
		if k.Group != Group {
			names[i] += "." + k.Group
		}
	}
	return strings.Join(names, ", ")
}

// intersectHostname returns the more specific of two hostnames that have a
// host in common (R23, R24). Neither is empty.
func intersectHostname(a, b string) (string, bool) {
	switch {
	case a == b, covers(a, b):
		return b, true
	case covers(b, a):
		return a, true
	}
	return "", false
}

// covers reports whether the wildcard hostname stands for the other one. It stands for one or more
// labels, so "*.com" covers "a.b.com" and "*.b.com", but never "com". The suffix it compares
// includes the dot: that is the label boundary.
func covers(wildcard, other string) bool {
	if !strings.HasPrefix(wildcard, "*.") {
		return false
	}
	suffix := wildcard[1:]
	return len(other) > len(suffix) && strings.HasSuffix(other, suffix)
}

// intersectHostnames returns the hostnames under which a route is reachable on
// a listener, and false when there are none (R22, R24). An empty result with
// true is every host. It allocates only when the answer is neither the route's
// list nor the listener's hostname.
func intersectHostnames(l *Listener, route []string) ([]string, bool) {
	host := l.Spec.Hostname
	switch {
	case host == "":
		return route, true
	case len(route) == 0:
		return l.hosts, true
	}
	kept, unchanged := 0, true
	for _, h := range route {
		both, ok := intersectHostname(host, h)
		unchanged = unchanged && ok && both == h
		if ok {
			kept++
		}
	}
	switch {
	case kept == 0:
		return nil, false
	case unchanged:
		return route, true
	}
	result := make([]string, 0, kept)
	for _, h := range route {
		if both, ok := intersectHostname(host, h); ok && !slices.Contains(result, both) {
			result = append(result, both)
		}
	}
	if len(result) == 1 && result[0] == host {
		return l.hosts, true
	}
	return result, true
}
