package authority

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/go-logr/logr"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// Trust knows what the webhook configurations of a name trust.
type Trust struct {
	name           string
	configurations []*watched

	mu      sync.Mutex
	waiting []nudger
}

// NewTrust watches the validating and the mutating configuration of a name, once it is started.
func NewTrust(config *rest.Config, name string, log logr.Logger) (*Trust, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	t := &Trust{name: name}
	for _, resource := range configurationResources {
		w, err := watch(client, resource, "", name, log, t.changed)
		if err != nil {
			return nil, err
		}
		t.configurations = append(t.configurations, w)
	}
	return t, nil
}

// Start watches until ctx ends.
func (t *Trust) Start(ctx context.Context) error {
	var all sync.WaitGroup
	for _, w := range t.configurations {
		all.Go(func() { w.informer.RunWithContext(ctx) })
	}
	all.Wait()
	return nil
}

// NeedLeaderElection says that every replica watches.
func (t *Trust) NeedLeaderElection() bool { return false }

// Synced reports whether the configurations were seen.
func (t *Trust) Synced() bool {
	return !slices.ContainsFunc(t.configurations, func(w *watched) bool { return !w.informer.HasSynced() })
}

// wake has a loop woken up when a configuration may have changed.
func (t *Trust) wake(n nudger) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, n)
}

func (t *Trust) changed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.waiting {
		n.nudge()
	}
}

// Verify says why a serving certificate is not trusted by a webhook of the configurations.
// Configurations that are not there call nobody, and so distrust nobody.
func (t *Trust) Verify(chain ...*x509.Certificate) error {
	if !t.Synced() {
		return errors.New("the webhook configurations have not been seen yet")
	}
	if len(chain) == 0 {
		return errors.New("no certificate is served")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	for _, hook := range t.hooks() {
		options := x509.VerifyOptions{Intermediates: between, DNSName: hook.host}
		if len(hook.bundle) == 0 {
			return fmt.Errorf("webhook %s has no caBundle yet", hook.name)
		}
		options.Roots = x509.NewCertPool()
		options.Roots.AppendCertsFromPEM(hook.bundle)
		if _, err := chain[0].Verify(options); err != nil {
			return fmt.Errorf("webhook %s does not trust the serving certificate: %w", hook.name, err)
		}
	}
	return nil
}

// hook is how an API server calls one webhook.
type hook struct {
	name, host string
	bundle     []byte
}

// hooks are those of all configurations that are there.
func (t *Trust) hooks() []hook {
	var all []hook
	for _, w := range t.configurations {
		if u := w.object(); u != nil {
			all = append(all, hooksOf(u)...)
		}
	}
	return all
}

// hooksOf are the webhooks of a configuration. Both kinds agree in what is read here.
func hooksOf(u *unstructured.Unstructured) []hook {
	var c admissionregistrationv1.ValidatingWebhookConfiguration
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &c); err != nil {
		return nil
	}
	hooks := make([]hook, 0, len(c.Webhooks))
	for _, w := range c.Webhooks {
		h := hook{name: w.Name, bundle: w.ClientConfig.CABundle}
		if s := w.ClientConfig.Service; s != nil {
			h.host = s.Name + "." + s.Namespace + ".svc"
		}
		hooks = append(hooks, h)
	}
	return hooks
}

// carried are the certificates that any webhook trusts, and whether each of them trusts one.
func carried(hooks []hook, wanted *x509.Certificate) (all []*x509.Certificate, everywhere bool) {
	everywhere = true
	for _, h := range hooks {
		here := unbundle(h.bundle)
		everywhere = everywhere && wanted != nil && slices.ContainsFunc(here, wanted.Equal)
		for _, c := range here {
			if !slices.ContainsFunc(all, c.Equal) {
				all = append(all, c)
			}
		}
	}
	return all, everywhere && wanted != nil
}

// waitFor waits for the first list of objects.
func waitFor(ctx context.Context, objects ...*watched) bool {
	synced := make([]cache.InformerSynced, len(objects))
	for i, w := range objects {
		synced[i] = w.informer.HasSynced
	}
	return cache.WaitForCacheSync(ctx.Done(), synced...)
}
