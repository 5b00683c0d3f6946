// Package doctor looks at an installation of attache on a cluster and says, part by
// part, whether it is as it must be: API server, CRDs, processes, leader, webhooks and
// their certificates, admission policies, and what the person who asks may read.
//
// # Invariants
//
//   - It reads, and writes nothing.
//   - What the person may not read is Unknown, with the right that is missing, and
//     never taken for wrong.
//   - Every problem says what to do about it.
//
// # What it must not do
//
// Read what policies say, or ask the engine.
package doctor
