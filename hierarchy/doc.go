// Package hierarchy turns Gateway API objects into an immutable Graph: which Route is bound to
// which listener and why, and every path from a GatewayClass down to a route rule. Everything that
// is built on it works path by path.
//
// It exists because all other packages ask the same question, which has one answer: what does a
// policy on this object reach? The rules that it follows are numbered R1 to R57 in the project's
// page on binding; comments name them where they decide something.
//
// # How it works
//
// Package decode reads one unstructured object into one of the compact objects
// of this package. Build makes a Graph of such objects, With and Without make
// the next version of a Graph. Only the objects that a change affects are
// derived again: a route affects itself, a Gateway the routes that name it, and
// a Namespace whose labels changed the routes and ListenerSets in it.
//
// # Invariants
//
//   - A Graph never changes, and neither does anything that it returns. Any
//     number of goroutines may read one.
//   - A Graph depends on the set of its objects only: not on their order, and
//     not on the versions before it.
//   - Bindings follow from spec alone. Status is never read (R56).
//   - The routes of one Graph that are bound to a listener share its *Listener.
//     A new version of a Gateway that leaves a listener as it was keeps the
//     pointer.
//   - What is wrong with one object is a Problem and hides no other object.
//
// # What is decided here because upstream is silent
//
// A route kind that is not Gateway API's is admitted by HTTP and HTTPS
// listeners as HTTPRoute is, and by a listener of any standard protocol that
// lists it in allowedRoutes.kinds; its hostnames are matched like HTTPRoute's,
// except on TCP and UDP. Kinds in Gateway API's own group are those of
// v1.6 and no others.
//
// An entry that loses a port to an object before it claims nothing; listeners of one object that
// conflict with each other all lose, and still block the port for objects after them. TCP and UDP
// listeners on one port are a ProtocolConflict, because they have no hostnames that could conflict.
//
// A route on a ListenerSet that its Gateway does not admit is not bound
// (ParentNotAccepted). A ListenerSet that is refused only because none of its
// entries is valid keeps its routes, and none of them is active.
//
// # What it must not do
//
// Read a cluster or a file, log, look at the clock, start goroutines, know any
// policy kind, or know what a Graph is used for.
package hierarchy
