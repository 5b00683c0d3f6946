package authority

import (
	"crypto/x509"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"pgregory.net/rapid"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var short = Lifetimes{Authority: 3000 * time.Second, Certificate: 300 * time.Second}

// late views: what somebody sees of a value that changes.
type history[T any] struct {
	at     []time.Time
	values []T
}

func (h *history[T]) set(now time.Time, v T) { h.at, h.values = append(h.at, now), append(h.values, v) }

// seen is the value as it was some time ago; the first one, if it is younger than that.
func (h *history[T]) seen(now time.Time, lag time.Duration) T {
	for i := len(h.at) - 1; i > 0; i-- {
		if !h.at[i].After(now.Add(-lag)) {
			return h.values[i]
		}
	}
	return h.values[0]
}

// TestNothingIsServedThatIsNotTrusted replaces authorities for as long as several of them live,
// with replicas, configurations and API servers that learn late, and controllers that sleep.
func TestNothingIsServedThatIsNotTrusted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := begin
		secret, bundles := &history[*pair]{}, &history[[]*x509.Certificate]{}
		s := &state{}
		lag := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Second
		}
		apiServer, toReplica, configurations := lag("API server", 25), lag("Secret to replica", 60), lag("configuration to replica", 20)
		trusts := func(lag time.Duration) func(...*x509.Certificate) error {
			return func(chain ...*x509.Certificate) error { return verifyAt(chain[0], bundles.seen(now, lag), now) }
		}
		replica := &Serving{
			options:  Options{Names: []string{"attache-webhook.attache-system.svc"}, Lifetimes: short, Log: logr.Discard()},
			now:      func() time.Time { return now },
			signer:   func() *pair { return secret.seen(now, toReplica) },
			distrust: trusts(configurations),
		}
		var next, served *x509.Certificate
		var believed **x509.Certificate
		var nextSince time.Time
		asleep, signers := now, map[string]bool{}
		for range 900 {
			// An authority that nobody keeps for a third of its time ends.
			if s.signing != nil && now.Sub(asleep) > 1500*time.Second && rapid.IntRange(0, 200).Draw(t, "sleeps") == 0 {
				asleep = now.Add(lag("for", 600))
			}
			if !now.Before(asleep) {
				seen := observed{nextSince: nextSince}
				if len(bundles.values) > 0 {
					seen.trusted = bundles.seen(now, 0)
				}
				changed, err := s.step("test", now, short, seen)
				if err != nil {
					t.Fatal(err)
				}
				if changed {
					secret.set(now, s.signing)
					bundles.set(now, s.trusted())
				}
				if s.next == nil {
					next, nextSince = nil, time.Time{}
				} else if next == nil || !next.Equal(s.next.certificate) {
					next, nextSince = s.next.certificate, now
				}
				signers[s.signing.certificate.SerialNumber.String()] = true
			}
			replica.renew()
			leaf, trusted := replica.current.Load().certificate.Leaf, bundles.seen(now, apiServer)
			if leaf != served || &trusted[0] != believed {
				served, believed = leaf, &trusted[0]
				if err := verifyAt(leaf, trusted, now); err != nil {
					t.Fatalf("after %s: %v", now.Sub(begin), err)
				}
			}
			if !now.Before(leaf.NotAfter) {
				t.Fatalf("after %s: an expired certificate is served", now.Sub(begin))
			}
			now = now.Add(10 * time.Second)
		}
		if len(signers) < 3 {
			t.Fatalf("only %d authorities in the time of three", len(signers))
		}
	})
}

func verifyAt(c *x509.Certificate, trusted []*x509.Certificate, now time.Time) error {
	roots := x509.NewCertPool()
	for _, r := range trusted {
		roots.AddCert(r)
	}
	_, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, DNSName: "attache-webhook.attache-system.svc"})
	return err
}

func TestALostAuthorityLeavesTrustedWhatIsServed(t *testing.T) {
	s := &state{}
	must(t, s, begin, observed{})
	leaf, err := s.signing.leaf([]string{"attache-webhook.attache-system.svc"}, begin, short.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	lost := &state{}
	later := begin.Add(time.Minute)
	must(t, lost, later, observed{trusted: s.trusted()})
	if err := verifyAt(leaf.Leaf, lost.trusted(), later); err != nil {
		t.Error(err)
	}
	must(t, lost, later.Add(short.Certificate), observed{})
	if len(lost.trusted()) != 1 {
		t.Errorf("%d authorities are trusted after a certificate's lifetime", len(lost.trusted()))
	}
}

func TestAnExpiredAuthorityIsReplacedAtOnce(t *testing.T) {
	s := &state{}
	must(t, s, begin, observed{})
	first := s.signing.certificate
	now := begin.Add(2 * short.Authority)
	must(t, s, now, observed{trusted: s.trusted()})
	if s.signing.certificate.Equal(first) || !now.Before(s.signing.certificate.NotAfter) {
		t.Error("an expired authority signs")
	}
	if slices.ContainsFunc(s.trusted(), first.Equal) {
		t.Error("an expired authority is trusted")
	}
}

func TestWhatTheSecretHoldsIsReadAsItWasWritten(t *testing.T) {
	s := &state{}
	must(t, s, begin, observed{})
	must(t, s, renewal(s.signing.certificate), observed{}) // there is a next one
	s.promote(begin.Add(time.Hour))
	must(t, s, begin.Add(time.Hour), observed{})
	data, err := s.data()
	if err != nil {
		t.Fatal(err)
	}
	again, err := read(data, s.since.Format(time.RFC3339Nano))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(serials(again)), fmt.Sprint(serials(s)); got != want || !again.since.Equal(s.since) {
		t.Errorf("read %s since %s, wrote %s since %s", got, again.since, want, s.since)
	}
	data[keyKey] = data[keyCertificate]
	if _, err := read(data, s.since.Format(time.RFC3339Nano)); err == nil {
		t.Error("a certificate was taken for a key")
	}
}

func serials(s *state) (all []string) {
	for _, c := range s.trusted() {
		all = append(all, c.SerialNumber.Text(16))
	}
	return all
}

func must(t *testing.T, s *state, now time.Time, seen observed) {
	t.Helper()
	if _, err := s.step("test", now, short, seen); err != nil {
		t.Fatal(err)
	}
}
