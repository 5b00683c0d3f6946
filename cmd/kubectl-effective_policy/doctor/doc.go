// Package doctor examines an installation of attache on a cluster and reports, part by part,
// whether it is healthy: API server, CRDs, processes, leader, webhooks and their certificates,
// admission policies, and the rights of the user.
//
// # Invariants
//
//   - It only reads.
//   - What the user may not read is Unknown, with the missing right, and never reported as a
//     problem.
//   - Every problem says what to do about it.
//
// # What it must not do
//
// Read policies, or use the engine.
package doctor
