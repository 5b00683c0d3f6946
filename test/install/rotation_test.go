package install

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/eventually"
)

const authoritySecret = "attache-webhook-authority"

// TestAuthorityOnAnAPIServer replaces certificates and authorities every few seconds while people
// write; two controllers race, and the Secret is lost, corrupted, and expired at a start.
func TestAuthorityOnAnAPIServer(t *testing.T) {
	c := start(t)
	c.apply(shop)
	c.helms("install", release, chart, "--create-namespace",
		"--set", "certificates.authorityLifetime=12s", "--set", "certificates.lifetime=4s", "--set", "webhook.drainDelay=1s")
	controllers := []*pod{c.launch("attache-controller", "--leader-elect=false"), c.launch("attache-controller", "--leader-elect=false")}
	webhooks := []*pod{c.launch("attache-webhook"), c.launch("attache-webhook")}
	for _, p := range append(controllers, webhooks...) {
		p.awaitReady()
	}
	c.policiesServed()
	first := c.serial()
	rate := 20
	if soak(t) > 0 {
		rate = 200
	}
	writer := c.write(rate)
	began := time.Now()
	for rounds := 0; rounds == 0 || time.Since(began) < underLoad(t); rounds++ {
		before := c.serial()
		c.within(time.Minute, "see another authority sign", func(context.Context) error {
			if c.serial() == before {
				return errors.New("it is the same one")
			}
			return nil
		})
		c.lose(func(u *unstructured.Unstructured) error { return c.Delete(c.Context(), u) })
		c.lose(func(u *unstructured.Unstructured) error {
			return c.Patch(c.Context(), u, client.RawPatch("application/merge-patch+json", []byte(`{"data":{"tls.key":"c3BvaWx0"}}`)))
		})
		// Replicas that start now, with connections that are new.
		fresh := c.launch("attache-webhook")
		fresh.awaitReady()
		webhooks[0].terminate(0)
		webhooks = append(webhooks[1:], fresh)
	}
	writer.stopsWithout(t, "replacements of certificates and authorities by two controllers")
	if c.serial() == first {
		t.Error("no authority was replaced")
	}
	c.nobodyOwnsTheBundle()
	c.expired(controllers, webhooks)
}

// rateOf is the rate of writes: lower in continuous integration, where others work too.
func rateOf(t testing.TB, full int) int {
	t.Helper()
	if soak(t) > 0 {
		return full
	}
	return full / 5
}

// policiesServed waits until a policy can be written.
func (c *cluster) policiesServed() {
	c.Helper()
	c.apply(policyOfShop("checkout", "7s"))
	c.inForce("7s")
}

// serial tells which authority signs; empty when the Secret is not there or says nothing.
func (c *cluster) serial() string {
	c.Helper()
	u := c.object("v1", "Secret", namespace, authoritySecret)
	if u == nil {
		return ""
	}
	text, _, _ := unstructured.NestedString(u.Object, "data", "tls.crt")
	return text
}

// authorityEnds is when the certificate of the authority expires.
func (c *cluster) authorityEnds() time.Time {
	c.Helper()
	text, err := base64.StdEncoding.DecodeString(c.serial())
	if err != nil {
		c.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		c.Fatalf("no certificate in Secret %s", authoritySecret)
	}
	authority, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		c.Fatal(err)
	}
	return authority.NotAfter
}

// lose damages the Secret, and waits until there is a whole one with another authority.
func (c *cluster) lose(damage func(*unstructured.Unstructured) error) {
	c.Helper()
	before := c.serial()
	if err := damage(c.object("v1", "Secret", namespace, authoritySecret)); client.IgnoreNotFound(err) != nil {
		c.Fatal(err)
	}
	c.within(30*time.Second, "see the lost authority replaced", func(context.Context) error {
		if now := c.serial(); now == "" || now == before {
			return errors.New("it is not")
		}
		return nil
	})
}

// nobodyOwnsTheBundle holds that whoever applies the configurations does not meet us there.
func (c *cluster) nobodyOwnsTheBundle() {
	c.Helper()
	c.within(20*time.Second, "see caBundle without an owner", func(context.Context) error {
		for _, kind := range []string{"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"} {
			for _, m := range c.object("admissionregistration.k8s.io/v1", kind, "", release).GetManagedFields() {
				if m.Manager == "attache-authority" {
					return fmt.Errorf("%s of %s", m.Operation, kind)
				}
			}
		}
		return nil
	})
}

// expired lets everything expire while nobody runs, and starts anew.
func (c *cluster) expired(running ...[]*pod) {
	c.Helper()
	for _, pods := range running {
		for _, p := range pods {
			p.kill()
		}
	}
	before := c.serial()
	end := c.authorityEnds()
	c.within(time.Until(end)+eventually.Limit, "see the authority expire", func(context.Context) error {
		if left := time.Until(end); left > 0 {
			return fmt.Errorf("%s are left", left)
		}
		return nil
	})
	p := []*pod{c.launch("attache-controller", "--leader-elect=false"), c.launch("attache-webhook")}
	for _, p := range p {
		p.awaitReady()
	}
	if c.serial() == before {
		c.Error("an expired authority signs")
	}
	c.apply(policyOfShop("checkout", "8s"))
	c.inForce("8s")
}

// TestReplicasAreReplacedUnderLoad tells replicas to end, one after the other, while people write
// and the API server learns late that an endpoint is gone; then it kills them.
func TestReplicasAreReplacedUnderLoad(t *testing.T) {
	c := start(t)
	c.apply(shop)
	c.helms("install", release, chart, "--create-namespace")
	running := []*pod{c.launch("attache-controller"), c.launch("attache-webhook"), c.launch("attache-webhook"), c.launch("attache-webhook")}
	for _, p := range running {
		p.awaitReady()
	}
	webhooks := running[1:]
	c.policiesServed()
	lags := lags
	if soak(t) == 0 {
		lags = lags[1:2]
	}
	writer := c.write(rateOf(t, 200))
	began := time.Now()
	for i := 0; i < len(lags) || time.Since(began) < underLoad(t); i++ {
		webhooks = append(webhooks[1:], c.replaced(webhooks[0], lags[i%len(lags)]))
	}
	writer.stopsWithout(t, fmt.Sprintf("%s of rolling replacements with endpoints late by %v", time.Since(began).Round(time.Second), lags))

	killed := c.write(rateOf(t, 200))
	var kills []outage
	for _, p := range webhooks[:2] {
		_, o := c.killed(p)
		kills = append(kills, o)
	}
	killed.stopsWithout(t, "the killing of two of three, one after the other", kills...)
	after := c.write(rateOf(t, 200))
	after.reaches(c, 100)
	after.stopsWithout(t, "the time after")
}
