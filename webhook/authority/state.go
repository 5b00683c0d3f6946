package authority

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Lifetimes say how long certificates last.
type Lifetimes struct {
	// Authority is a year and Certificate a week if they are zero. Both are replaced when a third of
	// their time is left.
	Authority, Certificate time.Duration
}

func (l Lifetimes) orDefaults() Lifetimes {
	if l.Authority <= 0 {
		l.Authority = 365 * 24 * time.Hour
	}
	if l.Certificate <= 0 {
		l.Certificate = 7 * 24 * time.Hour
	}
	return l
}

// settle is how long every configuration has to trust an authority before it signs: an API server
// that is one of several may learn of it later than we do.
func (l Lifetimes) settle() time.Duration { return min(30*time.Second, l.Certificate/10) }

// late reports whether a certificate is to be replaced.
func late(c *x509.Certificate, now time.Time) bool { return !now.Before(renewal(c)) }

// renewal is when a certificate is to be replaced: when a third of its time is left.
func renewal(c *x509.Certificate) time.Time {
	return c.NotAfter.Add(-c.NotAfter.Sub(c.NotBefore) / 3)
}

// state is what the Secret holds.
type state struct {
	// signing signs; next will, once it is trusted everywhere.
	signing, next *pair
	// former are trusted and sign nothing any more.
	former []*x509.Certificate
	// since is when signing began to sign.
	since time.Time
}

// trusted is what the configurations are to trust.
func (s *state) trusted() []*x509.Certificate {
	var all []*x509.Certificate
	for _, p := range []*pair{s.signing, s.next} {
		if p != nil {
			all = append(all, p.certificate)
		}
	}
	return append(all, s.former...)
}

// observed is what the configurations say.
type observed struct {
	// trusted is what they trust now: whatever one of them does.
	trusted []*x509.Certificate
	// nextSince is since when all of them trust the next authority; zero when they do not.
	nextSince time.Time
}

// step brings the state forward by what is due now. It says whether the state changed.
func (s *state) step(name string, now time.Time, life Lifetimes, seen observed) (changed bool, err error) {
	switch {
	case s.signing != nil && now.Before(s.signing.certificate.NotAfter):
	case s.next != nil && now.Before(s.next.certificate.NotAfter):
		s.promote(now) // late, and better than nothing
		changed = true
	default:
		if s.signing, err = newPair(name, now, life.Authority); err != nil {
			return false, err
		}
		s.next, s.since, changed = nil, now, true
		// Replicas serve what they have until they know of the new one.
		s.former = slices.Clone(seen.trusted[:min(len(seen.trusted), maxFormer)])
	}
	changed = s.forget(now, life) || changed
	switch {
	case s.next == nil && late(s.signing.certificate, now):
		if s.next, err = newPair(name, now, life.Authority); err != nil {
			return false, err
		}
		changed = true
	case s.next != nil && !seen.nextSince.IsZero() && !now.Before(seen.nextSince.Add(life.settle())):
		s.promote(now)
		changed = true
	}
	return changed, nil
}

// maxFormer bounds what is taken over from configurations.
const maxFormer = 4

// promote has the next authority sign.
func (s *state) promote(now time.Time) {
	if s.signing != nil {
		s.former = append(s.former, s.signing.certificate)
	}
	s.signing, s.next, s.since = s.next, nil, now
}

// forget stops trusting what no certificate in use can be signed by.
func (s *state) forget(now time.Time, life Lifetimes) bool {
	before := len(s.former)
	s.former = slices.DeleteFunc(s.former, func(c *x509.Certificate) bool {
		return !now.Before(c.NotAfter) || !now.Before(s.since.Add(life.Certificate)) || c.Equal(s.signing.certificate)
	})
	return len(s.former) < before
}

// due is when step has something to do, if nothing changes until then.
func (s *state) due(now time.Time, life Lifetimes, seen observed) time.Time {
	at := renewal(s.signing.certificate)
	if s.next != nil {
		at = s.signing.certificate.NotAfter
		if !seen.nextSince.IsZero() {
			at = seen.nextSince.Add(life.settle())
		}
	}
	if len(s.former) > 0 && s.since.Add(life.Certificate).Before(at) {
		at = s.since.Add(life.Certificate)
	}
	if latest := now.Add(time.Hour); at.After(latest) {
		return latest // a clock may have been set
	}
	return at
}

// The keys of the Secret's data. tls.crt and tls.key are what its type demands.
const (
	keyCertificate, keyKey         = "tls.crt", "tls.key"
	keyNextCertificate, keyNextKey = "next.crt", "next.key"
	keyBundle                      = "ca.crt"
)

// sinceAnnotation says since when the authority of tls.crt signs.
const sinceAnnotation = "attache.dev/signing-since"

// read reads a state from the data of a Secret.
func read(data map[string][]byte, since string) (*state, error) {
	s := &state{}
	var err error
	if s.signing, err = readPair(data[keyCertificate], data[keyKey]); err != nil {
		return nil, fmt.Errorf("%s and %s: %w", keyCertificate, keyKey, err)
	}
	if len(data[keyNextCertificate]) > 0 {
		if s.next, err = readPair(data[keyNextCertificate], data[keyNextKey]); err != nil {
			return nil, fmt.Errorf("%s and %s: %w", keyNextCertificate, keyNextKey, err)
		}
	}
	if s.since, err = time.Parse(time.RFC3339Nano, since); err != nil {
		return nil, errors.New("annotation " + sinceAnnotation + " is not a time")
	}
	for _, c := range unbundle(data[keyBundle]) {
		if !c.Equal(s.signing.certificate) && (s.next == nil || !c.Equal(s.next.certificate)) {
			s.former = append(s.former, c)
		}
	}
	return s, nil
}

// data is the Secret's data.
func (s *state) data() (map[string][]byte, error) {
	data := map[string][]byte{keyBundle: bundle(s.trusted()...)}
	var err error
	if data[keyCertificate], data[keyKey], err = s.signing.encode(); err != nil {
		return nil, err
	}
	if s.next != nil {
		data[keyNextCertificate], data[keyNextKey], err = s.next.encode()
	}
	return data, err
}
