package e2e

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/test/controlplane"
)

func TestAStrangersPolicyKindComesAndGoesWhileTheManagerRuns(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	startManager(t, plane.Kubeconfig)
	w.settled(20 * time.Second)

	w.apply(stranger)
	crd := named("CustomResourceDefinition.v1.apiextensions.k8s.io", "", "widgetpolicies."+w.namespace+".example.com")
	within(t, patience, "the CRD to be served", func(ctx context.Context) error {
		return w.List(ctx, listOf("WidgetPolicy.v1beta1."+w.namespace+".example.com"))
	})
	w.apply(`
apiVersion: NS.example.com/v1beta1
kind: WidgetPolicy
metadata: {name: above, namespace: NS}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}, mergeType: merge, defaults: {widgets: 7, color: red}}
---
apiVersion: NS.example.com/v1beta1
kind: WidgetPolicy
metadata: {name: below, namespace: NS}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: catalog}, mergeType: merge, defaults: {color: blue}}
`)
	kind := "WidgetPolicy." + w.namespace + ".example.com"
	took := within(t, patience, "the stranger's values", func(context.Context) error {
		if got := mergedValue(w.object("HTTPRoute", "catalog"), kind); got != `{"color":"blue","widgets":7}` {
			return fmt.Errorf("the annotation says %q", got)
		}
		value, _, _ := unstructured.NestedSlice(w.object("EffectivePolicy", "httproute.catalog").Object, "status", "scopes")
		if text := fmt.Sprint(value); !strings.Contains(text, "color:blue") {
			return fmt.Errorf("the EffectivePolicy says %s", text)
		}
		return nil
	})
	t.Logf("the stranger's values were there within %s", took)
	for _, name := range []string{"above", "below"} {
		if u := w.object("WidgetPolicy.v1beta1."+w.namespace+".example.com", name); u.Object["status"] != nil {
			t.Errorf("the status of %s, which is not ours, is %v", name, u.Object["status"])
		}
	}

	if err := w.Delete(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	took = within(t, patience, "the stranger's values to be gone", func(context.Context) error {
		if got := mergedValue(w.object("HTTPRoute", "catalog"), kind); got != "" {
			return fmt.Errorf("the annotation still says %q", got)
		}
		return nil
	})
	t.Logf("they were gone within %s", took)
	w.settled(5 * time.Second)
}

func TestAPolicyKindThatLosesItsLabelIsNoneAnyMore(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(shop)
	w.apply(stranger)
	kind := "WidgetPolicy.v1beta1." + w.namespace + ".example.com"
	within(t, patience, "the CRD to be served", func(ctx context.Context) error { return w.List(ctx, listOf(kind)) })
	w.apply(`
apiVersion: NS.example.com/v1beta1
kind: WidgetPolicy
metadata: {name: above, namespace: NS}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}, widgets: 7}
`)
	startManager(t, plane.Kubeconfig)
	says := func(want string) func(context.Context) error {
		return func(context.Context) error {
			if got := mergedValue(w.object("HTTPRoute", "catalog"), "WidgetPolicy."+w.namespace+".example.com"); got != want {
				return fmt.Errorf("the annotation says %q", got)
			}
			return nil
		}
	}
	within(t, patience, "the kind to count", says(`{"widgets":7}`))
	label := func(labels map[string]string) {
		crd := named("CustomResourceDefinition.v1.apiextensions.k8s.io", "", "widgetpolicies."+w.namespace+".example.com")
		if err := w.Get(t.Context(), client.ObjectKeyFromObject(crd), crd); err != nil {
			t.Fatal(err)
		}
		crd.SetLabels(labels)
		if err := w.Update(t.Context(), crd); err != nil {
			t.Fatal(err)
		}
	}
	label(nil)
	within(t, patience, "the kind not to count", says(""))
	label(map[string]string{crd.PolicyLabel: "true"})
	within(t, patience, "the kind to count again", says(`{"widgets":7}`))
}

func TestGatewayAPIMayComeLaterKindByKind(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	plane, err := controlplane.Start(t.Context(), controlplane.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	manager := startManager(t, plane.Kubeconfig)
	gatewayAPI, err := controlplane.GatewayAPICRDs("experimental")
	if err != nil {
		t.Fatal(err)
	}
	install := func(files ...string) {
		t.Helper()
		for _, file := range files {
			if err := plane.Apply(t.Context(), file); err != nil {
				t.Fatal(err)
			}
		}
	}
	standard := func(plural string) string {
		return filepath.Join(gatewayAPI, "gateway.networking.k8s.io_"+plural+".yaml")
	}
	documents := strings.Split(shop, "---")
	install(standard("gatewayclasses"))
	w.apply(documents[0])
	install(standard("gateways"))
	w.apply(documents[1])
	install(filepath.Join(attacheCRDs, "attache.dev_timeoutpolicies.yaml"))
	w.apply(documents[4])
	within(t, patience, "the status of the Gateway's policy", func(context.Context) error {
		status, _, _ := unstructured.NestedSlice(w.object("TimeoutPolicy", "public").Object, "status", "ancestors")
		if len(status) == 0 {
			return errors.New("it has none")
		}
		return nil
	})
	within(t, patience, "the Gateway's annotation", func(context.Context) error {
		if mergedValue(w.object("Gateway", "public"), "TimeoutPolicy") == "" {
			return errors.New("it has none")
		}
		return nil
	})
	install(filepath.Join(attacheCRDs, "attache.dev_effectivepolicies.yaml"))
	within(t, patience, "the Gateway's EffectivePolicy", func(context.Context) error {
		if !w.exists("EffectivePolicy", "gateway.public") {
			return errors.New("there is none")
		}
		return nil
	})
	install(standard("httproutes"))
	w.apply(documents[2])
	took := within(t, patience, "the route's annotation", func(context.Context) error {
		if mergedValue(w.object("HTTPRoute", "checkout"), "TimeoutPolicy") == "" {
			return errors.New("it has none")
		}
		return nil
	})
	t.Logf("an HTTPRoute was annotated %s after its kind came", took)
	comesTCPRoute(w, func() { install(standard("tcproutes")) }, documents[1])
	if err := w.Delete(t.Context(), named("CustomResourceDefinition.v1.apiextensions.k8s.io", "", "httproutes.gateway.networking.k8s.io")); err != nil {
		t.Fatal(err)
	}
	within(t, patience, "the EffectivePolicy to go with the kind", func(context.Context) error {
		if w.exists("EffectivePolicy", "httproute.checkout") {
			return errors.New("it is there")
		}
		return nil
	})
	if err := manager.ready(t.Context()); err != nil {
		t.Errorf("the manager is not ready any more: %v", err)
	}
}

// comesTCPRoute brings the kind TCPRoute, which only the experimental channel has, after a stranger's policy
// kind that reaches it: attache's own are for HTTPRoutes and GRPCRoutes.
func comesTCPRoute(w *world, install func(), gateway string) {
	w.apply(stranger)
	within(w, patience, "the CRD to be served", func(ctx context.Context) error {
		return w.List(ctx, listOf("WidgetPolicy.v1beta1."+w.namespace+".example.com"))
	})
	w.apply(strings.Replace(gateway, "protocol: HTTP}", "protocol: HTTP}, {name: tcp, port: 5432, protocol: TCP}", 1) + `
---
apiVersion: NS.example.com/v1beta1
kind: WidgetPolicy
metadata: {name: above, namespace: NS}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}, widgets: 7}
`)
	install()
	w.apply(`
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {name: db, namespace: NS}
spec: {parentRefs: [{name: public}], rules: [{backendRefs: [{name: db, port: 5432}]}]}`)
	took := within(w, patience, "the TCPRoute's annotation", func(context.Context) error {
		if got := mergedValue(w.object("TCPRoute", "db"), "WidgetPolicy."+w.namespace+".example.com"); got != `{"widgets":7}` {
			return fmt.Errorf("it says %q", got)
		}
		return nil
	})
	w.Logf("a TCPRoute was annotated %s after its kind came", took)
}
