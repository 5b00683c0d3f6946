package hierarchy

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy/persistent"
)

// Problem is something wrong with an input object. It is a value and not an
// error: one bad object never hides a good one.
type Problem struct {
	Ref Ref
	// Field is the path of the offending field ("spec.listeners[1].hostname"); empty when the
	// problem concerns the whole object. It is text and not a typed path, because errors of
	// Kubernetes' own validation, which become Problems too, only have text. It is sorted and
	// printed, and nothing parses it: programs read Entry.
	Field   string
	Message string
	// Entry is the listener or the rule that a finding is about, counted from 1; 0 when it concerns
	// the whole object.
	Entry int
}

// Node is one place on a path.
type Node struct {
	Ref   Ref
	Level Level
	// Rule is the index of the rule at RouteRuleLevel, else -1. A rule without
	// a name has a Node whose Ref has no Section.
	Rule int
}

// Path leads from a GatewayClass down to a rule (or to a route without rules), GatewayClass first.
// A level that does not take part (ListenerSet for a Gateway's own listener) has no Node; the
// levels PlatformNamespace and Namespace share one, at level Namespace. Paths share their Nodes.
type Path []*Node

// Listener is one listener with its position in the hierarchy: its owner, and what is above it.
type Listener struct {
	// Ref names the Gateway or the ListenerSet that holds it, with the
	// listener's name as Section (R36).
	Ref Ref
	// Gateway is the Gateway that serves it.
	Gateway Ref
	// ListenerSet is zero for a Gateway's own listener.
	ListenerSet Ref
	// Class is the GatewayClass that the Gateway names.
	Class Ref
	Spec  ListenerSpec
	// Supported are the route kinds it admits (R16, R17).
	Supported []schema.GroupKind
	// Conflicted is HostnameConflict or ProtocolConflict for a listener that
	// lost its port (R37), else empty.
	Conflicted string

	// id is the identity of the listener. Its versions share it, as long as
	// its object exists.
	id *Ref
	// hosts is Spec.Hostname as a list, shared by the routes that have no
	// hostname of their own.
	hosts []string
	// above are the Nodes of every path through the listener, down to its own.
	above []*Node
}

// Binding is the result of binding one parentRef of a route.
type Binding struct {
	Parent   ParentRef
	Accepted bool
	// Reason is Gateway API's word: Accepted, NoMatchingParent, NotAllowedByListeners,
	// NoMatchingListenerHostname; or one of our own where upstream defines none: ParentNotFound,
	// ParentNotAccepted, MeshParent, UnknownParentKind. A MeshParent is never Accepted here: it is
	// not a path through a Gateway (R47, R50).
	Reason string
	// Message names the stage that failed and the offending fields on both
	// sides.
	Message   string
	Listeners []BoundListener
}

// BoundListener is one listener that a parentRef binds to.
type BoundListener struct {
	Listener *Listener
	// Hostnames are the intersected hostnames (R24); empty means every host.
	Hostnames []string
	// Active is false when the route is bound but carries no traffic there
	// (R30).
	Active bool
}

// The reasons of a Binding and of a ListenerSet. Those that Gateway API does not define are marked
// as ours.
const (
	ReasonAccepted                   = "Accepted"
	ReasonNoMatchingParent           = "NoMatchingParent"
	ReasonNotAllowedByListeners      = "NotAllowedByListeners"
	ReasonNoMatchingListenerHostname = "NoMatchingListenerHostname"
	// ReasonNotAllowed is the reason of a ListenerSet that its Gateway does not admit (R34).
	ReasonNotAllowed = "NotAllowed"
	// ReasonListenersNotValid is the reason of a ListenerSet without a valid entry (R39).
	ReasonListenersNotValid = "ListenersNotValid"
	// ReasonParentNotFound is ours: upstream sets no status in this case (R8).
	ReasonParentNotFound = "ParentNotFound"
	// ReasonParentNotAccepted is ours on a route: its ListenerSet is refused (R42).
	ReasonParentNotAccepted = "ParentNotAccepted"
	// ReasonMeshParent is ours: the parent is a Service (R47).
	ReasonMeshParent = "MeshParent"
	// ReasonUnknownParentKind is ours: neither Gateway, ListenerSet nor Service (R8).
	ReasonUnknownParentKind = "UnknownParentKind"
)

// The values of Listener.Conflicted.
const (
	HostnameConflict = "HostnameConflict"
	ProtocolConflict = "ProtocolConflict"
)

// Graph is an immutable set of objects with everything derived from them:
// admitted ListenerSets, bindings with reasons, and indexes from every object
// to the paths it touches. With and Without return a new Graph that shares
// what did not change. The zero Graph is empty and ready to use. Nothing that
// a Graph returns may be changed.
type Graph struct {
	classes    persistent.Map[Ref, *GatewayClass]
	gateways   persistent.Map[Ref, *gatewayState]
	sets       persistent.Map[Ref, *setState]
	routes     persistent.Map[Ref, *routeState]
	namespaces persistent.Map[string, *Namespace]
	grants     persistent.Map[Ref, *ReferenceGrant]

	// routesOf maps an object to the routes that name it as parent, whether it exists or not.
	routesOf persistent.Map[Ref, members]
	// setsOf maps a Gateway to the ListenerSets that name it.
	setsOf persistent.Map[Ref, members]
	// gatewaysOf maps a GatewayClass to the Gateways that name it.
	gatewaysOf persistent.Map[Ref, members]
	// bound maps the identity of a listener to the routes bound to it.
	bound persistent.Map[*Ref, members]
	// routesIn, setsIn and grantsIn map a namespace to the objects in it.
	routesIn persistent.Map[string, members]
	setsIn   persistent.Map[string, members]
	grantsIn persistent.Map[string, members]
	// defaulted are the Gateways and the routes that take part in default
	// Gateways (R31), by kind of participant.
	defaulted persistent.Map[string, members]
}

// Settled returns the same Graph in a form in which making many others of it costs the least; g itself
// if it is in that form.
func (g *Graph) Settled() *Graph {
	if g.classes.IsSettled() && g.gateways.IsSettled() && g.sets.IsSettled() && g.routes.IsSettled() &&
		g.namespaces.IsSettled() && g.grants.IsSettled() && g.routesOf.IsSettled() && g.setsOf.IsSettled() &&
		g.gatewaysOf.IsSettled() && g.bound.IsSettled() && g.routesIn.IsSettled() && g.setsIn.IsSettled() &&
		g.grantsIn.IsSettled() && g.defaulted.IsSettled() {
		return g
	}
	return &Graph{
		classes: g.classes.Settled(), gateways: g.gateways.Settled(), sets: g.sets.Settled(),
		routes: g.routes.Settled(), namespaces: g.namespaces.Settled(), grants: g.grants.Settled(),
		routesOf: g.routesOf.Settled(), setsOf: g.setsOf.Settled(), gatewaysOf: g.gatewaysOf.Settled(), bound: g.bound.Settled(),
		routesIn: g.routesIn.Settled(), setsIn: g.setsIn.Settled(), grantsIn: g.grantsIn.Settled(), defaulted: g.defaulted.Settled(),
	}
}

// gatewayState is a Gateway and what follows from it and its ListenerSets.
type gatewayState struct {
	id      *Ref
	gateway *Gateway
	// own are its own listeners; all also includes those of its ListenerSets. Both are sorted by
	// compareListeners.
	own, all []*Listener
}

// setState is a ListenerSet and how its Gateway treats it.
type setState struct {
	id  *Ref
	set *ListenerSet
	// admitted says that its listeners joined the Gateway. This is not the same as accepted: an
	// admitted ListenerSet whose entries all lost their ports is refused, but routes are still bound
	// to it (R29).
	admitted, accepted bool
	reason, message    string
	listeners          []*Listener
}

// routeState is a route and where it is bound.
type routeState struct {
	id       *Ref
	route    *Route
	row      *routeKind
	bindings []Binding
	boundTo  []*Listener
}

func compareListeners(a, b *Listener) int {
	if a == b {
		return 0
	}
	if c := compareRefs(&a.Gateway, &b.Gateway); c != 0 {
		return c
	}
	if c := compareRefs(&a.ListenerSet, &b.ListenerSet); c != 0 {
		return c
	}
	return strings.Compare(a.Ref.Section, b.Ref.Section)
}

// Level is a level of the hierarchy (semantics section 1), from the least to the most specific. A
// lower number is a higher level: its overrides win, its defaults lose.
type Level int

// The levels. Their order is the order of precedence; nothing else in the engine defines it.
const (
	GatewayClassLevel Level = iota
	GatewayLevel
	ListenerSetLevel
	ListenerLevel
	// PlatformNamespaceLevel is the route's namespace as the target of policies of a platform
	// namespace; NamespaceLevel is the same namespace as the target of policies in it.
	PlatformNamespaceLevel
	NamespaceLevel
	RouteLevel
	RouteRuleLevel
	// Levels is the number of levels.
	Levels
)

var levelNames = [Levels]string{"GatewayClass", "Gateway", "ListenerSet", "Listener", "PlatformNamespace", "Namespace", "Route", "RouteRule"}

// String is the level's name as semantics section 1 writes it.
func (l Level) String() string {
	if l < 0 || l >= Levels {
		return "unknown level"
	}
	return levelNames[l]
}

// LevelNamed finds a level by the name that String gives it.
func LevelNamed(name string) (Level, bool) {
	for l, n := range levelNames {
		if n == name {
			return Level(l), true
		}
	}
	return 0, false
}
