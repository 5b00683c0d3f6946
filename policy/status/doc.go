// Package status computes what to write where people and data planes read:
// EffectivePolicy objects, the annotation on routes and Gateways, and the
// status of policies.
//
// It is pure: it is given a resolution and what is live, and returns the
// writes that make live true, as data. What is already true is not written.
// The clock is a value of the Planner. One function elsewhere applies the
// writes.
//
// It never changes an entry of another controller, and never drops one.
package status
