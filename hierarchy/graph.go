package hierarchy

import (
	"iter"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Problem is something wrong with an input object. It is a value and not an
// error: one bad object never hides a good one.
type Problem struct {
	Ref Ref
	// Field is the path of the offending field ("spec.listeners[1].hostname");
	// empty when it is the object as a whole.
	Field   string
	Message string
}

// Node is one place on a path.
type Node struct {
	Ref   Ref
	Level Level
	// Rule is the index of the rule at RouteRuleLevel, else -1. A rule without
	// a name has a Node whose Ref has no Section.
	Rule int
}

// Path is one way from a GatewayClass down to a rule (or to a route without
// rules, or to a listener), GatewayClass first. A level that does not take
// part (ListenerSet for a Gateway's own listener) has no Node.
type Path []*Node

// Listener is one listener in its place on the hierarchy: whose it is, and
// what is above it.
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
	Supported []Kind
	// Conflicted is HostnameConflict or ProtocolConflict for a listener that
	// lost its port (R37), else empty.
	Conflicted string
}

// Binding is what became of one parentRef of a route.
type Binding struct {
	Parent   ParentRef
	Accepted bool
	// Reason is Gateway API's word: Accepted, NoMatchingParent,
	// NotAllowedByListeners, NoMatchingListenerHostname; or one of ours where
	// upstream has none: ParentNotFound, ParentNotAccepted, MeshParent,
	// UnknownParentKind.
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

// Graph is an immutable set of objects with everything derived from them:
// admitted ListenerSets, bindings with reasons, and indexes from every object
// to the paths it touches. With and Without return a new Graph that shares
// what did not change.
type Graph struct{}

var (
	_ = (*Graph)(nil)
	_ iter.Seq[Path]
	_ schema.GroupKind
	_ unstructured.Unstructured
)
