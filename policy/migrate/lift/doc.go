// Package lift states fields as far up as they hold, instead of on every route.
//
// # Purpose
//
// Ingresses state the same timeouts again and again. Lift moves what all or most routes
// below a Namespace, a listener or a Gateway state to that level (M59 to M63).
//
// # Invariants
//
//   - No effective value changes: the engine's own resolver compares all routes before and
//     after, and a lift that would change one is undone (M61).
//   - Without that proof nothing is lifted.
//
// # What it must not do
//
// Read Ingresses, or write anything besides policies.
package lift
