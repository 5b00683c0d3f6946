package hierarchy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

// derived is what is derived from a Gateway and the ListenerSets that name it.
type derived struct {
	gateway *gatewayState // nil when there is no such Gateway
	sets    []*setState
}

// derive computes the listeners of a Gateway and the status of every
// ListenerSet that names it (R34, R37-R39). gateway is nil when it does not
// exist, ref still names it. before has the listeners of the version before:
// those that did not change are kept, so that a Gateway whose status was
// written costs nothing downstream.
func derive(ref Ref, gateway *gatewayState, sets []*setState, namespaceLabels func(string) map[string]string, before func(Ref) []*Listener) derived {
	var d derived
	slices.SortFunc(sets, func(a, b *setState) int { return older(&a.set.meta, &b.set.meta) })
	if gateway == nil {
		for _, s := range sets {
			d.sets = append(d.sets, refused(s, noGateway(ref)))
		}
		return d
	}
	g := gateway.gateway
	next := &gatewayState{id: gateway.id, gateway: g}
	var claims claims
	next.own = keep(before(ref), listenersOf(g, Ref{}, ref, g.Listeners, &claims))
	var joined []*Listener
	for _, s := range sets {
		if v := admission(g, s.set, namespaceLabels); v.reason != ReasonAccepted {
			d.sets = append(d.sets, refused(s, v))
			continue
		}
		setRef := s.set.meta.Ref
		listeners := keep(before(setRef), listenersOf(g, setRef, setRef, s.set.Listeners, &claims))
		v := validity(listeners)
		d.sets = append(d.sets, &setState{
			id: s.id, set: s.set, admitted: true, accepted: v.reason == ReasonAccepted,
			reason: v.reason, message: v.message, listeners: listeners,
		})
		joined = append(joined, listeners...)
	}
	next.all = next.own
	if len(joined) > 0 {
		next.all = slices.Concat(next.own, joined)
		slices.SortFunc(next.all, compareListeners)
	}
	d.gateway = next
	return d
}

// older orders by age, then by namespace and name, which is the order of precedence in Gateway API.
// An object without a time has not been created yet, so it is younger than every other.
func older(a, b *Meta) int {
	if a.Created.IsZero() != b.Created.IsZero() {
		if a.Created.IsZero() {
			return 1
		}
		return -1
	}
	if c := a.Created.Compare(b.Created); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(a.Ref.Namespace, b.Ref.Namespace),
		cmp.Compare(a.Ref.Name, b.Ref.Name),
		Compare(a.Ref, b.Ref),
	)
}

// verdict is a reason and the sentence that goes with it.
type verdict struct{ reason, message string }

func refused(s *setState, v verdict) *setState {
	return &setState{id: s.id, set: s.set, reason: v.reason, message: v.message}
}

func noGateway(ref Ref) verdict {
	if ref.IsZero() {
		return verdict{ReasonUnknownParentKind, "spec.parentRef names nothing"}
	}
	if ref.GroupKind != GatewayKind {
		return verdict{ReasonUnknownParentKind, fmt.Sprintf("spec.parentRef names %s, and a ListenerSet can only join a Gateway", ref)}
	}
	return verdict{ReasonParentNotFound, fmt.Sprintf("spec.parentRef names %s, which does not exist", ref)}
}

// admission reports whether a Gateway admits a ListenerSet (R34).
func admission(g *Gateway, set *ListenerSet, namespaceLabels func(string) map[string]string) verdict {
	gate := g.AllowedListeners
	namespace := set.meta.Ref.Namespace
	if gate.admits(namespace, g.meta.Ref.Namespace, namespaceLabels) {
		return verdict{reason: ReasonAccepted}
	}
	const field = "spec.allowedListeners.namespaces"
	return verdict{ReasonNotAllowed, fmt.Sprintf("%s does not admit the ListenerSet: %s", g.meta.Ref,
		gate.refusal(field, namespace, g.meta.Ref.Namespace, namespaceLabels))}
}

// admits reports whether a gate of an object in one namespace admits objects of another namespace
// (R12-R15).
func (f *From) admits(namespace, holder string, namespaceLabels func(string) map[string]string) bool {
	switch f.From {
	case FromAll:
		return true
	case FromSame:
		return namespace == holder
	case FromSelector:
		return f.Selector != nil && f.Selector.Matches(labels.Set(namespaceLabels(namespace)))
	}
	return false
}

// refusal says why a gate does not admit a namespace.
func (f *From) refusal(field, namespace, holder string, namespaceLabels func(string) map[string]string) string {
	switch {
	case f.From == FromSame:
		return fmt.Sprintf("%s.from is Same, which is %q, and this is in %q", field, holder, namespace)
	case f.From == FromSelector && f.Selector == nil:
		return fmt.Sprintf("%s.from is Selector without a usable selector, which selects nothing", field)
	case f.From == FromSelector:
		return fmt.Sprintf("%s.selector %q does not select namespace %q, whose labels are %q",
			field, f.Selector, namespace, labels.Set(namespaceLabels(namespace)))
	}
	return fmt.Sprintf("%s.from is None", field)
}

// validity reports whether an admitted ListenerSet has a listener that works (R39). The message
// names the invalid entries, but not the listeners that they conflict with, which can belong to
// another tenant.
func validity(listeners []*Listener) verdict {
	valid := 0
	var broken []string
	for _, l := range listeners {
		switch {
		case l.Conflicted != "":
			broken = append(broken, fmt.Sprintf("listener %q: %s", l.Spec.Name, l.conflict()))
		case !standardProtocol(l.Spec.Protocol):
			broken = append(broken, fmt.Sprintf("listener %q: protocol %q is not supported", l.Spec.Name, l.Spec.Protocol))
		default:
			valid++
		}
	}
	switch {
	case valid == 0 && len(listeners) == 0:
		return verdict{ReasonListenersNotValid, "spec.listeners is empty"}
	case valid == 0:
		return verdict{ReasonListenersNotValid, "no listener is valid: " + strings.Join(broken, "; ")}
	case len(broken) > 0:
		return verdict{ReasonAccepted, fmt.Sprintf("%d of %d listeners are valid: %s", valid, len(listeners), strings.Join(broken, "; "))}
	}
	return verdict{ReasonAccepted, "every listener is valid"}
}

// conflict describes the conflict of a conflicted listener.
func (l *Listener) conflict() string {
	if l.Conflicted == ProtocolConflict {
		return fmt.Sprintf("%s: port %d is in use by a listener that protocol %s cannot share it with", l.Conflicted, l.Spec.Port, l.Spec.Protocol)
	}
	host := "every host"
	if l.Spec.Hostname != "" {
		host = fmt.Sprintf("hostname %q", l.Spec.Hostname)
	}
	return fmt.Sprintf("%s: port %d is in use by another %s listener for %s", l.Conflicted, l.Spec.Port, l.Spec.Protocol, host)
}

// listenersOf places the listeners of one object (the Gateway itself, or a
// ListenerSet of it), sorted by name, and enters their claims.
func listenersOf(g *Gateway, set, holder Ref, specs []ListenerSpec, claims *claims) []*Listener {
	conflicts := claims.enter(specs)
	listeners := make([]*Listener, len(specs))
	class := GatewayClassRef(g.Class)
	above := []*Node{
		{Ref: class, Level: GatewayClassLevel, Rule: -1},
		{Ref: g.meta.Ref, Level: GatewayLevel, Rule: -1},
	}
	if !set.IsZero() {
		above = append(above, &Node{Ref: set, Level: ListenerSetLevel, Rule: -1})
	}
	for i := range specs {
		l := &Listener{
			Ref: holder.WithSection(specs[i].Name), Gateway: g.meta.Ref, ListenerSet: set, Class: class,
			Spec: specs[i], Supported: supportedKinds(&specs[i]), Conflicted: conflicts[i],
		}
		if l.Spec.Hostname != "" {
			l.hosts = []string{l.Spec.Hostname}
		}
		l.above = append(slices.Clip(slices.Clone(above)), &Node{Ref: l.Ref, Level: ListenerLevel, Rule: -1})
		listeners[i] = l
	}
	slices.SortFunc(listeners, compareListeners)
	return listeners
}

// keep returns the new listeners, with the old pointer for each that did not change, and the old
// slice if none changed. A listener that changed keeps its identity. Both slices are sorted by
// name.
func keep(old, fresh []*Listener) []*Listener {
	same := len(old) == len(fresh)
	for i, j := 0, 0; i < len(fresh); i++ {
		for j < len(old) && old[j].Spec.Name < fresh[i].Spec.Name {
			j++
		}
		switch {
		case j == len(old) || old[j].Spec.Name != fresh[i].Spec.Name:
			fresh[i].id, same = identity(fresh[i].Ref), false
		case sameListener(old[j], fresh[i]):
			fresh[i] = old[j]
		default:
			fresh[i].id, same = old[j].id, false
		}
	}
	if same {
		return old
	}
	return fresh
}

func sameListener(a, b *Listener) bool {
	return a.Ref == b.Ref && a.Gateway == b.Gateway && a.ListenerSet == b.ListenerSet && a.Class == b.Class &&
		a.Conflicted == b.Conflicted && slices.Equal(a.Supported, b.Supported) && sameSpec(&a.Spec, &b.Spec)
}

func sameSpec(a, b *ListenerSpec) bool {
	return a.Name == b.Name && a.Port == b.Port && a.Protocol == b.Protocol && a.Hostname == b.Hostname &&
		a.TLSMode == b.TLSMode && slices.Equal(a.Kinds, b.Kinds) && slices.Equal(a.Certificates, b.Certificates) &&
		sameGate(&a.Namespaces, &b.Namespaces)
}

func sameGate(a, b *From) bool {
	if a.From != b.From || (a.Selector == nil) != (b.Selector == nil) {
		return false
	}
	return a.Selector == nil || a.Selector.String() == b.Selector.String()
}

// claim is what makes listeners on one port distinct (R38). tls never does.
type claim struct {
	port     int32
	protocol string
	// hostname is empty for TCP and UDP, which have nothing to tell
	// connections apart by.
	hostname string
}

func claimOf(spec *ListenerSpec) claim {
	c := claim{port: spec.Port, protocol: spec.Protocol}
	if spec.Protocol != ProtocolTCP && spec.Protocol != ProtocolUDP {
		c.hostname = spec.Hostname
	}
	return c
}

// claims are the listeners of one Gateway in merge order that hold a port.
type claims struct{ held ports }

// enter enters the listeners of the next object in merge order, and returns the conflict of each
// (R37). An entry that meets a claim of an earlier object loses and claims nothing. Among the rest
// of one object all members of an indistinct group lose; they still hold the port against later
// objects, because otherwise a mistake in a Gateway would let any tenant take its port.
func (c *claims) enter(specs []ListenerSpec) []string {
	conflicts := make([]string, len(specs))
	own := make(ports, len(specs))
	for i := range specs {
		entry := claimOf(&specs[i])
		if conflicts[i] = c.held.conflict(entry, 0); conflicts[i] == "" {
			own.add(entry)
		}
	}
	for i := range specs {
		if conflicts[i] == "" {
			conflicts[i] = own.conflict(claimOf(&specs[i]), 1)
		}
	}
	if c.held == nil {
		c.held = own
	} else {
		maps.Copy(c.held, own)
	}
	return conflicts
}

// ports counts claims.
type ports map[claim]int

// sharing is the claim of every listener that shares its port by inspecting connections; a TCP
// listener conflicts with it.
func sharing(port int32) claim { return claim{port: port, protocol: "over TCP"} }

func (p ports) add(c claim) {
	p[c]++
	if overTCP(c.protocol) {
		p[sharing(c.port)]++
	}
}

// conflict returns how a claim conflicts with the existing ones: HostnameConflict,
// ProtocolConflict, or empty if it does not. own is how often the claim itself is among them.
func (p ports) conflict(c claim, own int) string {
	switch {
	case p[c] > own && (c.protocol == ProtocolTCP || c.protocol == ProtocolUDP):
		// There is no hostname that could be in conflict.
		return ProtocolConflict
	case p[c] > own:
		return HostnameConflict
	case c.protocol == ProtocolTCP && p[sharing(c.port)] > 0,
		overTCP(c.protocol) && p[claim{port: c.port, protocol: ProtocolTCP}] > 0:
		return ProtocolConflict
	}
	return ""
}

// overTCP reports whether listeners of a protocol share a port by inspecting connections, which a
// TCP listener does not do.
func overTCP(protocol string) bool {
	return protocol == ProtocolHTTP || protocol == ProtocolHTTPS || protocol == ProtocolTLS
}
