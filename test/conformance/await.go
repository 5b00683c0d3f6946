package conformance

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/v1alpha1/annotation"
	"github.com/attache-dev/attache/test/eventually"
)

const patience = time.Minute

// until asks until there is no error, or patience ends: then the last error.
func until(ctx context.Context, check func(context.Context) error) error {
	return eventually.Try(ctx, patience, check)
}

func isRoute(u *unstructured.Unstructured) bool { return strings.HasSuffix(u.GetKind(), "Route") }

func object(apiVersion, kind, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}

// awaitAddress waits until the Gateway is programmed, and notes its address.
func (b *bed) awaitAddress(ctx context.Context) error {
	return until(ctx, func(ctx context.Context) error {
		gateway := object("gateway.networking.k8s.io/v1", "Gateway", "conformance")
		if err := b.Get(ctx, client.ObjectKeyFromObject(gateway), gateway); err != nil {
			return err
		}
		if b.address = b.Address; b.address != "" {
			return nil
		}
		addresses, _, _ := unstructured.NestedSlice(gateway.Object, "status", "addresses")
		if len(addresses) == 0 {
			return fmt.Errorf("gateway %s has no address: is there a data plane for class %s?", gateway.GetName(), b.GatewayClass)
		}
		b.address, _, _ = unstructured.NestedString(addresses[0].(map[string]any), "value")
		return nil
	})
}

// target is where a listener of the Gateway is reached.
func (b *bed) target(port int) string {
	return net.JoinHostPort(b.address, strconv.Itoa(port+b.PortOffset))
}

func (b *bed) controller(ctx context.Context) string {
	class := object("gateway.networking.k8s.io/v1", "GatewayClass", b.GatewayClass)
	class.SetNamespace("")
	if err := b.Get(ctx, client.ObjectKeyFromObject(class), class); err != nil {
		return ""
	}
	name, _, _ := unstructured.NestedString(class.Object, "spec", "controllerName")
	return name
}

// awaitPublished waits until the routes of a feature carry the annotation, with
// every kind of policy that the feature has.
func (b *bed) awaitPublished(ctx context.Context, f *Feature, objects []*unstructured.Unstructured) error {
	kinds := map[string]bool{}
	for _, field := range f.Fields {
		kinds[strings.SplitN(field, ".", 2)[0]] = true
	}
	for _, u := range objects {
		if !isRoute(u) {
			continue
		}
		err := until(ctx, func(ctx context.Context) error {
			live := object(u.GetAPIVersion(), u.GetKind(), u.GetName())
			if err := b.Get(ctx, client.ObjectKeyFromObject(live), live); err != nil {
				return err
			}
			a, err := annotation.Parse(live.GetAnnotations()[annotation.Key])
			if err != nil {
				return fmt.Errorf("%s %s has no annotation that can be read: %w", u.GetKind(), u.GetName(), err)
			}
			for kind := range kinds {
				found := false
				for _, s := range a.Scopes {
					found = found || s.Effective[kind] != nil
				}
				if !found {
					return fmt.Errorf("%s %s has no %s in its annotation", u.GetKind(), u.GetName(), kind)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
