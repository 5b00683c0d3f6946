package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/controller"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/webhook"
)

// clock is a time that a test sets.
type clock struct{ unix atomic.Int64 }

func (c *clock) set(t time.Time) { c.unix.Store(t.Unix()) }
func (c *clock) now() time.Time  { return time.Unix(c.unix.Load(), 0) }

// manage runs a source, a controller and webhooks in this process, all by one clock, with the
// rights that the chart gives to the controller.
func (a *admission) manage(c *clock) {
	a.Helper()
	account, err := a.plane.ServiceAccount(a.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		a.Fatal(err)
	}
	compilers := guardrail.Compilers{CEL: celrule.Compile}
	source, err := cluster.New(account.Config, cluster.Options{
		Policy: policy.Options{PlatformNamespaces: []string{"infra"}}, Compilers: compilers, Results: true,
	})
	if err != nil {
		a.Fatal(err)
	}
	writes, err := controller.New(account.Config, source, controller.Options{Guardrails: source, Now: c.now, Metrics: prometheus.NewRegistry()})
	if err != nil {
		a.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- source.Start(ctx) }()
	go func() { ended <- writes.Start(ctx) }()
	a.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				a.Error(err)
			}
		}
	})
	a.board.to(a.serve(webhook.Options{
		Snapshot:   func() (*policy.Snapshot, bool) { return source.Snapshot(), source.Synced() },
		Guardrails: source.Guardrails, Now: c.now, Compilers: compilers,
	}))
}

// TestAnExceptionEndsByTheClock lets the clock pass the end of an exception, while nothing else
// changes: an edit that it let pass is refused from then on, what is published stays, and the
// audit counts what it covered.
func TestAnExceptionEndsByTheClock(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}})
	until := time.Date(2040, 2, 1, 0, 0, 0, 0, time.UTC)
	c := &clock{}
	c.set(until.Add(-20 * 24 * time.Hour))
	a.manage(c)
	heard := &ears{}
	config := rest.CopyConfig(a.plane.Config)
	config.WarningHandler = heard
	w := a.as(config, "shop")
	w.apply(shopAbove)
	w.apply(shopRoute)
	w.apply(strings.Replace(excepted(until), "exceptionsEnd: Withhold", "exceptionsEnd: Keep", 1))
	within(t, patience, "the guardrail to refuse what no exception covers", func(context.Context) error {
		_, err := w.tryCreate(policyOn("shop", "other", "kind: HTTPRoute, name: checkout", "default: {request: 90s}"), client.DryRunAll)
		if err == nil || !strings.Contains(err.Error(), "no request may take longer than 60s") {
			return fmt.Errorf("it is answered %w", err)
		}
		return nil
	})
	w.apply(policyOn("shop", "checkout", "kind: HTTPRoute, name: checkout", "default: {request: 90s}"))
	if said := strings.Join(heard.all(), "\n"); !strings.Contains(said, "exception importer") {
		t.Errorf("who uses the exception is told %q", said)
	}
	within(t, patience, "what it covers to be published", func(context.Context) error { return w.published("checkout", "90s") })
	inUse := func(want ...string) func(context.Context) error {
		return func(context.Context) error {
			report := w.guardrailStatus()
			list, _, _ := unstructured.NestedSlice(report, "exceptions")
			texts := make([]string, len(list))
			for i, use := range list {
				texts[i] = fmt.Sprint(use.(map[string]any)["name"], " ", use.(map[string]any)["endsSoon"])
			}
			if strings.Join(texts, ", ") != strings.Join(want, ", ") {
				return fmt.Errorf("the status says %v", report)
			}
			return nil
		}
	}
	within(t, patience, "the status to name it", inUse("importer <nil>"))

	c.set(until.Add(-24 * time.Hour))
	w.edit("HTTPRoute", "checkout", func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{"a": "1"}) })
	within(t, 2*patience, "the status to say that it ends", inUse("importer true"))

	c.set(until)
	within(t, patience, "an edit of what it covered to be answered", func(context.Context) error {
		longer := w.object("TimeoutPolicy", "checkout")
		request("95s")(longer)
		err := w.Update(t.Context(), longer, client.DryRunAll)
		switch {
		case apierrors.IsConflict(err): // the controller wrote the status
			return err
		case err == nil || !strings.Contains(err.Error(), "no request may take longer than 60s"):
			t.Errorf("an edit of what it covered is answered %v", err)
		}
		return nil
	})
	w.edit("HTTPRoute", "checkout", func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{"a": "2"}) })
	within(t, 2*patience, "the status to forget it", inUse())
	within(t, 2*patience, "the audit to count what it covered", func(context.Context) error {
		if n, _, _ := unstructured.NestedInt64(w.guardrailStatus(), "violations"); n == 0 {
			return fmt.Errorf("the status says %v", w.guardrailStatus())
		}
		return nil
	})
	if err := w.published("checkout", "90s"); err != nil {
		t.Errorf("what was published did not stay: %v", err)
	}
}
