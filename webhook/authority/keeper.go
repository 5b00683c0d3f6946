package authority

import (
	"context"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Keeper keeps the authority: one process at a time does.
type Keeper struct {
	options Options
	client  dynamic.Interface
	trust   *Trust
	secret  *watched
	nudger  nudger
	now     func() time.Time

	// nextSince is since when the configurations trust the next authority, and next which that is.
	nextSince time.Time
	next      *x509.Certificate

	mu     sync.Mutex
	expiry time.Time
}

// NewKeeper prepares to keep an authority.
func NewKeeper(config *rest.Config, o Options) (*Keeper, error) {
	o.Lifetimes = o.Lifetimes.orDefaults()
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	k := &Keeper{options: o, client: client, nudger: newNudger(), now: time.Now}
	if k.trust, err = NewTrust(config, o.Configuration, o.Log); err != nil {
		return nil, err
	}
	k.trust.wake(k.nudger)
	k.secret, err = watch(client, secrets, o.Namespace, o.Secret, o.Log, k.nudger.nudge)
	return k, err
}

// NeedLeaderElection says that one replica keeps the authority.
func (k *Keeper) NeedLeaderElection() bool { return true }

// Expiry is when the authority that signs ends; zero when this process does not keep it.
func (k *Keeper) Expiry() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.expiry
}

// Start keeps the authority until ctx ends.
func (k *Keeper) Start(ctx context.Context) error {
	var watches sync.WaitGroup
	watches.Go(func() { _ = k.trust.Start(ctx) })
	watches.Go(func() { k.secret.informer.RunWithContext(ctx) })
	defer watches.Wait()
	if !waitFor(ctx, append([]*watched{k.secret}, k.trust.configurations...)...) {
		return nil
	}
	failures := 0
	for {
		again, err := k.keep(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failures = 0
		case errors.IsConflict(err) || errors.IsAlreadyExists(err):
			again = 100 * time.Millisecond // somebody was quicker: look again
		default:
			failures++
			again = min(time.Minute, time.Second<<min(failures-1, 6))
			k.options.Log.Error(err, "Cannot keep the webhooks' certificates; trying again", "in", again.String())
		}
		timer := time.NewTimer(again)
		select {
		case <-ctx.Done():
		case <-k.nudger:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// keep does what is due, and says when to look again.
func (k *Keeper) keep(ctx context.Context) (time.Duration, error) {
	u, s, err := k.load(ctx)
	if err != nil {
		return 0, err
	}
	now, seen := k.now(), k.observe(s)
	changed, err := s.step(k.options.Secret, now, k.options.Lifetimes, seen)
	if err != nil {
		return 0, err
	}
	if changed {
		if err := k.store(ctx, u, s); err != nil {
			return 0, err
		}
		k.options.Log.Info("The webhooks' authority was renewed", "until", s.signing.certificate.NotAfter,
			"authority", s.signing.certificate.SerialNumber.Text(16), "trusted", len(s.trusted()), "next", s.next != nil)
	}
	if err := k.publish(ctx, bundle(s.trusted()...)); err != nil {
		return 0, err
	}
	k.mu.Lock()
	k.expiry = s.signing.certificate.NotAfter
	k.mu.Unlock()
	// Not sooner than a moment: what was written comes back as a change.
	return max(10*time.Millisecond, s.due(now, k.options.Lifetimes, k.observe(s)).Sub(now)), nil
}

// observe says what the configurations trust. The time since when they trust the next authority
// begins anew with each process, which only makes it later.
func (k *Keeper) observe(s *state) observed {
	var next *x509.Certificate
	if s.next != nil {
		next = s.next.certificate
	}
	all, everywhere := carried(k.trust.hooks(), next)
	if next == nil || k.next == nil || !k.next.Equal(next) || !everywhere {
		k.nextSince = time.Time{}
	}
	if k.next = next; everywhere && k.nextSince.IsZero() {
		k.nextSince = k.now()
	}
	return observed{trusted: all, nextSince: k.nextSince}
}

// load reads the Secret from the API server. What cannot be read is an empty state.
func (k *Keeper) load(ctx context.Context) (*unstructured.Unstructured, *state, error) {
	u, err := k.client.Resource(secrets).Namespace(k.options.Namespace).Get(ctx, k.options.Secret, metav1.GetOptions{})
	switch {
	case errors.IsNotFound(err):
		return nil, &state{}, nil
	case err != nil:
		return nil, nil, fmt.Errorf("reading Secret %s: %w", k.options.Secret, err)
	case u.GetLabels()[ownLabel] != "true":
		return nil, nil, fmt.Errorf("the Secret %s/%s is not attache's: it lacks the label %s=true; delete it, or name another one",
			k.options.Namespace, k.options.Secret, ownLabel)
	}
	data, err := secretData(u)
	if err == nil {
		var s *state
		if s, err = read(data, u.GetAnnotations()[sinceAnnotation]); err == nil {
			return u, s, nil
		}
	}
	k.options.Log.Error(err, "The authority cannot be read, so another one is made", "secret", k.options.Secret)
	return u, &state{}, nil
}
