package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/test/controlplane"
)

const (
	shop       = "examples/shop"
	gatewayAPI = "gateway.networking.k8s.io"
	annotation = "attache.dev/effective-policies"
)

var (
	effectivePolicies = schema.GroupVersionResource{Group: "attache.dev", Version: "v1alpha1", Resource: "effectivepolicies"}
	policyKinds       = []string{"timeoutpolicies", "retrypolicies", "ratelimitpolicies"}
	// annotated are the resources of examples/shop that carry the annotation.
	annotated = map[string]string{"Gateway": "gateways", "HTTPRoute": "httproutes", "GRPCRoute": "grpcroutes"}
)

// tour is a cluster with examples/shop in it, and the story of how it came to be.
type tour struct {
	*terminal
	cluster      *cluster
	installation *installation
	stays        bool
}

// open starts everything and applies examples/shop. Whatever it returns has to
// be closed, with an error or without. Who stays wants objects that are deleted to
// take others with them, for which there is kube-controller-manager; the demo does
// without, as it takes minutes to build.
func open(ctx context.Context, folder string, s *story, stays bool) (*tour, error) {
	t := &tour{terminal: &terminal{story: s}, stays: stays}
	for _, step := range []func(context.Context, string) error{
		t.build, t.startControlPlane, t.installCRDs, t.installChart, t.startManager, t.applyShop,
	} {
		if err := step(ctx, folder); err != nil {
			return t, err
		}
	}
	return t, nil
}

// close ends everything that was started.
func (t *tour) close() error {
	if t.cluster == nil {
		return nil
	}
	return t.cluster.stop()
}

func (t *tour) build(ctx context.Context, folder string) error {
	t.story.title("Build the manager and the kubectl plugin")
	begin := time.Now()
	if err := build(ctx, folder, "./cmd/..."); err != nil {
		return err
	}
	t.story.show("go build ./cmd/...", "")
	t.story.check("built in %s", took(begin))
	return nil
}

func (t *tour) startControlPlane(ctx context.Context, folder string) error {
	title := "Start a real control plane: etcd, kube-apiserver"
	if t.stays {
		title += ", kube-controller-manager"
	}
	t.story.title(title)
	begin := time.Now()
	var err error
	if t.cluster, err = start(ctx, folder, t.stays); err != nil {
		return err
	}
	t.command = t.cluster.command
	t.story.say("There are no nodes, so no pod runs; the API server is the real one.")
	version, err := t.types(ctx, "kubectl version")
	if err != nil {
		return err
	}
	t.story.check("ready in %s", took(begin))
	return expect("kubectl version", version, "Server Version: v1.")
}

func (t *tour) installCRDs(ctx context.Context, _ string) error {
	t.story.title("Install the CRDs of Gateway API, from its Go module")
	crds, err := controlplane.GatewayAPICRDs("standard")
	if err != nil {
		return err
	}
	out, err := t.reads(ctx, "kubectl apply --server-side -f "+crds)
	t.story.show(`kubectl apply --server-side -f "$(go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api)/config/crd/standard"`, out)
	if err != nil {
		return err
	}
	return expect("kubectl apply", out, "httproutes."+gatewayAPI, "gateways."+gatewayAPI)
}

func (t *tour) applyShop(ctx context.Context, _ string) error {
	t.story.title("Apply examples/shop: a GatewayClass, two Gateways, six routes, and policies at all levels")
	out, err := t.types(ctx, "kubectl apply -f "+shop)
	if err != nil {
		return err
	}
	if err := expect("kubectl apply", out, "httproute."+gatewayAPI+"/checkout created", "timeoutpolicy.attache.dev/api-timeout created"); err != nil {
		return err
	}
	begin := time.Now()
	want, err := t.offline(ctx, shop)
	if err != nil {
		return err
	}
	if err := t.settle(ctx, want); err != nil {
		return err
	}
	t.story.check("settled in %s: every effective policy and every annotation is what the command computes from the files alone", took(begin))
	return nil
}

// effective is what the command says of some objects: the digest and the summary
// of each effective policy.
type effective struct {
	digests   map[string]string // by namespace/name of the EffectivePolicy
	summaries map[string]map[string]any
	// targets are the digests by kind and then by namespace/name of the target.
	targets map[string]map[string]string
}

// offline asks the plugin what comes of manifests, without the cluster.
func (t *tour) offline(ctx context.Context, files ...string) (*effective, error) {
	line := "kubectl effective-policy get -o json"
	for _, file := range files {
		line += " -f " + file
	}
	out, err := t.reads(ctx, line)
	if err != nil {
		return nil, err
	}
	var list unstructured.UnstructuredList
	if err := list.UnmarshalJSON([]byte(out)); err != nil {
		return nil, fmt.Errorf("reading what %q printed: %w", line, err)
	}
	if len(list.Items) == 0 {
		return nil, fmt.Errorf("%q knows no effective policy", line)
	}
	e := &effective{digests: map[string]string{}, summaries: map[string]map[string]any{}, targets: map[string]map[string]string{}}
	for i := range list.Items {
		item := &list.Items[i]
		e.digests[key(item)] = digest(item)
		e.summaries[key(item)], _, _ = unstructured.NestedMap(item.Object, "status", "summary")
		kind, _, _ := unstructured.NestedString(item.Object, "targetRef", "kind")
		name, _, _ := unstructured.NestedString(item.Object, "targetRef", "name")
		if e.targets[kind] == nil {
			e.targets[kind] = map[string]string{}
		}
		e.targets[kind][item.GetNamespace()+"/"+name] = digest(item)
	}
	return e, nil
}

// settle waits until the cluster says what want says: the EffectivePolicy
// objects, the annotations on routes and Gateways, and the status of policies.
func (t *tour) settle(ctx context.Context, want *effective) error {
	err := until(ctx, t.cluster.client, effectivePolicies, func(objects map[string]*unstructured.Unstructured) string {
		have := map[string]string{}
		for name, object := range objects {
			have[name] = digest(object)
		}
		return lacking(want.digests, have)
	})
	if err != nil {
		return errors.Join(err, errors.New(t.cluster.lastLogLines()))
	}
	for kind, resource := range annotated {
		routes := schema.GroupVersionResource{Group: gatewayAPI, Version: "v1", Resource: resource}
		err := until(ctx, t.cluster.client, routes, func(objects map[string]*unstructured.Unstructured) string {
			have := map[string]string{}
			for name, object := range objects {
				if text := object.GetAnnotations()[annotation]; text != "" {
					have[name] = annotatedDigest(text)
				}
			}
			return lacking(want.targets[kind], have)
		})
		if err != nil {
			return err
		}
	}
	for _, resource := range policyKinds {
		policies := schema.GroupVersionResource{Group: "attache.dev", Version: "v1alpha1", Resource: resource}
		if err := until(ctx, t.cluster.client, policies, unaccepted); err != nil {
			return err
		}
	}
	return nil
}

func digest(effectivePolicy *unstructured.Unstructured) string {
	text, _, _ := unstructured.NestedString(effectivePolicy.Object, "status", "digest")
	return text
}

func annotatedDigest(text string) string {
	var value struct{ Digest string }
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return text
	}
	return value.Digest
}

// unaccepted names a policy that has no status yet, or is not accepted.
func unaccepted(policies map[string]*unstructured.Unstructured) string {
	for name, object := range policies {
		ancestors, _, _ := unstructured.NestedSlice(object.Object, "status", "ancestors")
		if len(ancestors) == 0 {
			return object.GetKind() + " " + name + " has no status"
		}
		for _, entry := range ancestors {
			entry, _ := entry.(map[string]any)
			conditions, _, _ := unstructured.NestedSlice(entry, "conditions")
			if !accepted(conditions, object.GetGeneration()) {
				return object.GetKind() + " " + name + " is not accepted"
			}
		}
	}
	return ""
}

func accepted(conditions []any, generation int64) bool {
	for _, condition := range conditions {
		condition, _ := condition.(map[string]any)
		if condition["type"] == "Accepted" {
			return condition["status"] == "True" && condition["observedGeneration"] == generation
		}
	}
	return false
}

// took is the time since then, for people.
func took(begin time.Time) time.Duration {
	passed := time.Since(begin)
	if passed < time.Second {
		return passed.Round(time.Millisecond)
	}
	return passed.Round(100 * time.Millisecond)
}

// temporary makes a folder for everything that a tour needs.
func temporary(out io.Writer) (folder string, remove func(), err error) {
	folder, err = os.MkdirTemp("", "attache-demo-")
	if err != nil {
		return "", nil, err
	}
	return folder, func() {
		if err := os.RemoveAll(folder); err != nil {
			fmt.Fprintln(out, err)
		}
	}, nil
}
