package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// forgery is a status in which no request ever ends.
const forgery = `{"status":{"digest":"evil","scopes":[{"parents":[{"gateway":{"namespace":"infra","name":"public"},"listener":"http"}],"effective":{"TimeoutPolicy":{"request":"%s"}}}]}}`

func (w *world) patchStatus(name, patch string, options ...client.SubResourcePatchOption) error {
	return w.Status().Patch(w.Context(), named(publish.Kind, w.namespace, name), client.RawPatch(types.MergePatchType, []byte(patch)), options...)
}

// forgeries are all ways to change what an EffectivePolicy says.
func forgeries(w *world, name string) map[string]func() error {
	merge := func(patch string) func() error {
		return func() error {
			return w.Patch(w.Context(), named(publish.Kind, w.namespace, name), client.RawPatch(types.MergePatchType, []byte(patch)), client.DryRunAll)
		}
	}
	return map[string]func() error{
		"status":           func() error { return w.patchStatus(name, fmt.Sprintf(forgery, "0s"), client.DryRunAll) },
		"digest":           func() error { return w.patchStatus(name, `{"status":{"digest":"x"}}`, client.DryRunAll) },
		"no status":        func() error { return w.patchStatus(name, `{"status":null}`, client.DryRunAll) },
		"labels":           merge(`{"metadata":{"labels":{"a":"b"}}}`),
		"annotations":      merge(`{"metadata":{"annotations":{"a":"b"}}}`),
		"no owner":         merge(`{"metadata":{"ownerReferences":null}}`),
		"a foreign target": merge(`{"targetRef":{"name":"other"}}`),
		"no field manager": merge(`{"metadata":{"managedFields":[{}]}}`),
		"deletion":         func() error { return w.Delete(w.Context(), named(publish.Kind, w.namespace, name), client.DryRunAll) },
		"deletion of all": func() error {
			return w.DeleteAllOf(w.Context(), named(publish.Kind, w.namespace, ""), client.InNamespace(w.namespace), client.DryRunAll)
		},
		"creation": func() error {
			_, err := w.tryCreate(`{apiVersion: attache.dev/v1alpha1, kind: EffectivePolicy, metadata: {name: httproute.other, namespace: NS}, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: other}}`, client.DryRunAll)
			return err
		},
	}
}

// forge tries all of them, and what everybody may do.
func forge(t *testing.T, s *site, bob *world, name string) {
	for what, try := range forgeries(bob, name) {
		within(t, patience, what+" to be refused", func(context.Context) error {
			switch err := try(); {
			case err == nil:
				return errors.New("it is accepted")
			case !strings.Contains(err.Error(), "only attache writes it"):
				return err
			}
			return nil
		})
	}
	same := bob.object(publish.Kind, name)
	if err := bob.Update(t.Context(), same); err != nil {
		t.Errorf("a write that changes nothing, as a storage migration does: %v", err)
	}
	collector := s.impersonating("system:serviceaccount:kube-system:generic-garbage-collector", bob.namespace)
	if err := collector.Delete(t.Context(), named(publish.Kind, bob.namespace, name), client.DryRunAll); err != nil {
		t.Errorf("the garbage collector: %v", err)
	}
}

// unprotect takes away both locks on EffectivePolicy objects.
func (s *site) unprotect() {
	s.Helper()
	s.noPolicy()
	s.noWebhooks()
	bob := s.admin
	within(s, patience, "the API server to know", func(context.Context) error {
		_, err := bob.tryCreate(`{apiVersion: attache.dev/v1alpha1, kind: EffectivePolicy, metadata: {name: httproute.probe, namespace: infra}, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: probe}}`, client.DryRunAll)
		return err
	})
}

func (s *site) noPolicy() {
	s.Helper()
	binding := named("ValidatingAdmissionPolicyBinding.v1.admissionregistration.k8s.io", "", "attache-effectivepolicies")
	if err := s.admin.Delete(s.Context(), binding); client.IgnoreNotFound(err) != nil {
		s.Fatal(err)
	}
}

func (s *site) noWebhooks() {
	s.Helper()
	for _, kind := range []string{"Validating", "Mutating"} {
		if err := s.admin.Delete(s.Context(), named(kind+"WebhookConfiguration.v1.admissionregistration.k8s.io", "", "attache")); client.IgnoreNotFound(err) != nil {
			s.Fatal(err)
		}
	}
}

// Whoever may do everything in a namespace still may not write results there.
func TestNobodyButTheControllerWritesResults(t *testing.T) {
	for name, lock := range map[string]struct {
		values map[string]any
		alone  func(*site)
	}{
		"with both locks":        {nil, func(*site) {}},
		"with the webhook alone": {map[string]any{"admission": map[string]any{"protectResults": false}}, func(*site) {}},
		"with the API server alone": {nil, func(s *site) {
			s.noWebhooks()
			s.replica.kill()
			s.controller.kill()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := startSite(t, lock.values, "team-b")
			bob := s.owner("bob", "team-b")
			bob.route("web", "5s")
			within(t, patience, "the route's result", func(context.Context) error { return bob.published("web", "5s") })
			lock.alone(s)
			forge(t, s, bob, "httproute.web")
		})
	}
}

// Where the locks are missing, forged content is corrected at once each time, and reported.
func TestForgedResultsDoNotLast(t *testing.T) {
	s := startSite(t, nil, "team-b")
	bob := s.owner("bob", "team-b")
	bob.route("web", "5s")
	within(t, patience, "the route's result", func(context.Context) error { return bob.published("web", "5s") })
	s.controller.idle(t)
	before := s.controller.metric(t, "attache_drift_repairs_total")
	s.unprotect()
	const times = 20
	for range times {
		if err := bob.patchStatus("httproute.web", fmt.Sprintf(forgery, "0s")); err != nil {
			t.Fatal(err)
		}
		within(t, patience, "the truth to be back", func(context.Context) error {
			if digest, _, _ := unstructured.NestedString(bob.object(publish.Kind, "httproute.web").Object, "status", "digest"); digest == "evil" {
				return errors.New("it is spoofed")
			}
			return nil
		})
	}
	within(t, patience, "an event and the metric to tell", func(context.Context) error {
		n, _ := s.as(s.plane.Config, "team-b").events("httproute.web", "WrittenBySomebodyElse")
		if repairs := s.controller.metric(t, "attache_drift_repairs_total") - before; n != 1 || repairs < times {
			return fmt.Errorf("%d events, %v repairs", n, repairs)
		}
		return nil
	})
}

// What somebody else wrote while the controller was away is not trusted.
func TestARestartBelievesOnlyWhatTheControllerWrote(t *testing.T) {
	s := startSite(t, nil, "team-b")
	bob := s.owner("bob", "team-b")
	bob.route("web", "50s")
	s.as(s.plane.Config, "team-b").apply(atMost60s)
	within(t, patience, "the route's result", func(context.Context) error { return bob.published("web", "50s") })
	s.unprotect()
	bob.edit("TimeoutPolicy", "web", request("30m"))
	bob.untilProgrammed("web", status.ReasonGuardrailViolated)
	s.controller.kill()
	if err := bob.patchStatus("httproute.web", fmt.Sprintf(forgery, "20m")); err != nil {
		t.Fatal(err)
	}
	s.startController()
	bob.untilProgrammed("web", status.ReasonGuardrailViolated)
	s.controller.idle(t)
	within(t, patience, "the forged value to be gone", func(context.Context) error {
		for _, u := range []*unstructured.Unstructured{bob.object("HTTPRoute", "web"), bob.find(publish.Kind, "httproute.web")} {
			if u == nil {
				continue
			}
			scopes, _, _ := unstructured.NestedFieldNoCopy(u.Object, "status", "scopes")
			for _, forged := range []string{"20m", "evil", "30m"} {
				if text := annotation(u) + fmt.Sprint(scopes); strings.Contains(text, forged) {
					return fmt.Errorf("%s is published: %s", forged, text)
				}
			}
		}
		return nil
	})
}
