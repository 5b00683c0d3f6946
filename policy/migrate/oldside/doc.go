// Package oldside reads the old side of a migration: the Ingresses of one controller with
// what configures it.
//
// # Purpose
//
// An Ingress cannot be understood alone. Read decodes all Ingresses of the controller, reads
// their annotations as the controller does, and makes the host view, a routing.View: which
// location of which Ingress answers what (M12 to M21). The Side also says what a location
// asks of policies, and what is lost with an annotation.
//
// # Invariants
//
//   - The view is made of all Ingresses of the input, whichever are to be written (M4).
//   - The tests compare the view with nginx itself (M96).
//   - Reading the same objects in another order gives the same Side (M3).
//
// # What it must not do
//
// Write objects, or know the Gateway API objects of the new side.
package oldside
