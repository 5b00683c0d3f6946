// Package authority keeps the certificates by which an API server trusts the webhooks, with no help
// from outside: a certificate authority in a Secret, whose certificate stands in the webhook
// configurations, and serving certificates that each replica signs for itself and holds in memory.
//
// # Purpose
//
// [Keeper] runs in the controller: it makes the authority, replaces it in time, and writes what is
// to be trusted into the webhook configurations. [Serving] runs in each replica that answers: it
// signs a certificate, and another one in time. [Trust] knows what the configurations trust at this
// moment.
//
// An authority is replaced in three steps, so that at no moment a certificate is served that is not
// trusted. The next authority is trusted beside the present one, in every configuration; only when
// that is so for a while does it begin to sign; and the former one is trusted for as long as a
// certificate that it signed can last. A replica does not serve a new certificate before the
// configurations trust it, as long as the one it has is good.
//
// # Invariants
//
//   - A Secret without our label is never written.
//   - A write states the version that it changes: of two controllers that race, one starts again.
//   - A configuration that says what it should is not written, and nothing is ever written in it
//     but caBundle. Nobody owns that field afterwards, so that whoever applies the configuration
//     neither conflicts with us nor takes it away.
//   - When an authority is lost, what the configurations trust stays trusted beside the new one
//     until no certificate of it can be served any more.
//
// # What it must not do
//
// Read another Secret than the one it is told; log a key.
package authority
