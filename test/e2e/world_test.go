package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/policy/validate"
	"github.com/attache-dev/attache/test/eventually"
)

// world is a namespace of a test and a way to read and write.
type world struct {
	testing.TB
	client.Client
	config    *rest.Config
	namespace string
}

func newWorld(t testing.TB, config *rest.Config, namespace string) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &world{TB: t, Client: c, config: config, namespace: namespace}
}

// quiet waits until nothing that earlier tests made is still going away, for
// tests that look at the whole cluster.
func (w *world) quiet() {
	w.Helper()
	within(w, time.Minute, "what earlier tests made to be gone", func(context.Context) error {
		for _, u := range w.all("Namespace.v1.", "") {
			if u.GetDeletionTimestamp() != nil {
				return fmt.Errorf("namespace %s is being deleted", u.GetName())
			}
		}
		return nil
	})
}

// apply writes objects as a person would. NS stands for the world's namespace;
// cluster-scoped objects go with the test.
func (w *world) apply(manifest string) {
	w.Helper()
	reader := yaml.NewYAMLOrJSONDecoder(strings.NewReader(strings.ReplaceAll(manifest, "NS", w.namespace)), 4096)
	for {
		u := &unstructured.Unstructured{}
		if err := reader.Decode(&u.Object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			w.Fatal(err)
		}
		if u.Object == nil {
			continue
		}
		within(w, patience, fmt.Sprintf("%s %s/%s to be applied", u.GetKind(), u.GetNamespace(), u.GetName()), func(ctx context.Context) error {
			err := w.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("somebody"), client.ForceOwnership)
			if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
				return eventually.Final(err)
			}
			return err // a kind is served a moment after it is established
		})
		if u.GetNamespace() == "" {
			w.Cleanup(func() {
				if err := w.Delete(context.Background(), u); client.IgnoreNotFound(err) != nil {
					w.Errorf("deleting %s %s: %v", u.GetKind(), u.GetName(), err)
				}
			})
		}
	}
}

// object reads an object of the world's namespace; "TimeoutPolicy" is of our
// group, "HTTPRoute" of Gateway API's, anything else is "Kind.version.group".
func (w *world) object(kind, name string) *unstructured.Unstructured {
	w.Helper()
	u := named(kind, w.namespace, name)
	if err := w.Get(w.Context(), client.ObjectKeyFromObject(u), u); err != nil {
		w.Fatalf("reading %s %s: %v", kind, name, err)
	}
	return u
}

// find reads an object that may not be there; it is nil then.
func (w *world) find(kind, name string) *unstructured.Unstructured {
	w.Helper()
	u := named(kind, w.namespace, name)
	switch err := w.Get(w.Context(), client.ObjectKeyFromObject(u), u); {
	case err == nil:
		return u
	case client.IgnoreNotFound(err) != nil && !meta.IsNoMatchError(err):
		w.Fatalf("reading %s %s: %v", kind, name, err)
	}
	return nil
}

// exists says whether an object is there.
func (w *world) exists(kind, name string) bool {
	w.Helper()
	return w.find(kind, name) != nil
}

func (w *world) remove(kind, name string) {
	w.Helper()
	if err := w.Delete(w.Context(), named(kind, w.namespace, name)); err != nil {
		w.Fatalf("deleting %s %s: %v", kind, name, err)
	}
}

// edit reads an object, changes it, and writes it, again when somebody else was faster.
func (w *world) edit(kind, name string, change func(*unstructured.Unstructured)) {
	w.Helper()
	w.tryEdit("writing", kind, name, change, func(ctx context.Context, u *unstructured.Unstructured) error { return w.Update(ctx, u) })
}

// editStatus is edit on the status subresource.
func (w *world) editStatus(kind, name string, change func(*unstructured.Unstructured)) {
	w.Helper()
	w.tryEdit("writing the status of", kind, name, change, func(ctx context.Context, u *unstructured.Unstructured) error { return w.Status().Update(ctx, u) })
}

func (w *world) tryEdit(doing, kind, name string, change func(*unstructured.Unstructured), write func(context.Context, *unstructured.Unstructured) error) {
	w.Helper()
	within(w, patience, fmt.Sprintf("%s %s %s", doing, kind, name), func(ctx context.Context) error {
		u := w.object(kind, name)
		change(u)
		if err := write(ctx, u); !apierrors.IsConflict(err) {
			return eventually.Final(err)
		}
		return errors.New("somebody else was faster")
	})
}

func named(kind, namespace, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	gvk, gk := schema.ParseKindArg(kind)
	switch {
	case gvk != nil:
		u.SetGroupVersionKind(*gvk)
	case strings.HasSuffix(gk.Kind, "Policy"):
		u.SetGroupVersionKind(schema.GroupVersionKind{Group: policy.Group, Version: "v1alpha1", Kind: gk.Kind})
	default:
		u.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: gk.Kind})
	}
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}

// fresh computes the effective policies of the whole cluster from a list of its
// objects, with no help from a manager.
func (w *world) fresh(platform ...string) (*policy.Snapshot, effective.Resolution) {
	w.Helper()
	options := policy.Options{
		PlatformNamespaces: append([]string{"attache-system"}, platform...),
		Compile: func(d crd.Definition) (policy.Validator, error) {
			blocks, err := validate.Compile(d)
			if err != nil {
				return nil, err
			}
			return blocks, nil
		},
	}
	read, err := cluster.Objects(w.Context(), w.config, options)
	if err != nil {
		w.Fatal(err)
	}
	snapshot, _ := read.Snapshot(options)
	return snapshot, effective.ResolveAll(snapshot)
}

// agrees says how annotations and EffectivePolicy objects in the world's
// namespace differ from a fresh computation.
func (w *world) agrees(platform ...string) error {
	w.Helper()
	snapshot, resolution := w.fresh(platform...)
	want := map[string]bool{}
	for e := range resolution.All() {
		if e.Target.Namespace != w.namespace {
			continue
		}
		live := w.object(e.Target.Kind+".v1."+e.Target.Group, e.Target.Name)
		value, reached := publish.AnnotationValue(e)
		if have, present := live.GetAnnotations()[publish.Annotation]; present != reached || have != value {
			return fmt.Errorf("%s has the annotation\n\t%s, not\n\t%s", e.Target, have, value)
		}
		if !reached {
			continue
		}
		name := publish.ObjectName(e.Target)
		want[name] = true
		published, computed := w.find(publish.Kind, name), publish.EffectivePolicy(e)
		if published == nil {
			return fmt.Errorf("there is no EffectivePolicy %s", name)
		}
		w.unserved(computed, snapshot, e)
		conditions, _, _ := unstructured.NestedSlice(published.Object, "status", "conditions")
		if text := fmt.Sprint(conditions); !strings.Contains(text, "reason:Published") {
			return fmt.Errorf("EffectivePolicy %s has the conditions %s", name, text)
		}
		_ = unstructured.SetNestedSlice(computed.Object, conditions, "status", "conditions")
		if !reflect.DeepEqual(published.Object["status"], computed.Object["status"]) {
			return fmt.Errorf("EffectivePolicy %s says\n\t%v, not\n\t%v", name, published.Object["status"], computed.Object["status"])
		}
	}
	for _, u := range w.all(publish.Kind, w.namespace) {
		if !want[u.GetName()] {
			return fmt.Errorf("there is an EffectivePolicy %s of nothing", u.GetName())
		}
	}
	return nil
}

// unserved adds to an EffectivePolicy what is said of a route where no exporter is
// switched on.
func (w *world) unserved(object *unstructured.Unstructured, s *policy.Snapshot, e *effective.Target) {
	if e.Target.GroupKind == hierarchy.GatewayKind {
		return
	}
	_, results := parts(s, e)
	status.WithEnforcement(object, enforcement.Entries(e, results))
}

// parts are the parts of a route where no exporter is switched on.
func parts(s *policy.Snapshot, e *effective.Target) ([]hierarchy.RuleRef, []enforcement.Result) {
	object, _ := s.Graph().Get(e.Target)
	route, isRoute := object.(*hierarchy.Route)
	if !isRoute || !e.Reached() {
		return nil, nil
	}
	var results []enforcement.Result
	for _, part := range (enforcement.World{Graph: s.Graph()}).Parts(e) {
		results = append(results, enforcement.Result{Part: &part})
	}
	return route.RuleRefs(), results
}

// all lists objects of a kind.
func (w *world) all(kind, namespace string) []unstructured.Unstructured {
	w.Helper()
	list := listOf(kind)
	if err := w.List(w.Context(), list, client.InNamespace(namespace)); err != nil {
		w.Fatalf("listing %s: %v", kind, err)
	}
	return list.Items
}

// versions are the resourceVersions of every object of every kind that a CRD
// defines, and of every Namespace.
func (w *world) versions() map[string]string {
	w.Helper()
	crds := &apiextensionsv1.CustomResourceDefinitionList{}
	if err := w.List(w.Context(), crds); err != nil {
		w.Fatal(err)
	}
	versions := map[string]string{}
	for i := range crds.Items {
		crd := &crds.Items[i]
		versions["CRD "+crd.Name] = crd.ResourceVersion
		for _, v := range crd.Spec.Versions {
			if !v.Served {
				continue
			}
			for _, u := range w.all(crd.Spec.Names.Kind+"."+v.Name+"."+crd.Spec.Group, "") {
				versions[u.GetKind()+" "+u.GetNamespace()+"/"+u.GetName()] = u.GetResourceVersion()
			}
			break
		}
	}
	for _, u := range w.all("Namespace.v1.", "") {
		versions["Namespace "+u.GetName()] = u.GetResourceVersion()
	}
	return versions
}

// changed lists what differs between two readings of versions.
func changed(before, after map[string]string) []string {
	names := map[string]bool{}
	for name, version := range after {
		if before[name] != version {
			names[name] = true
		}
	}
	for name := range before {
		if _, still := after[name]; !still {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// mergedValue is the merged value of a policy kind on the first scope of an
// annotation, as JSON; empty when there is none.
func mergedValue(u *unstructured.Unstructured, kind string) string {
	var value struct {
		Scopes []struct {
			Effective map[string]json.RawMessage `json:"effective"`
		} `json:"scopes"`
	}
	annotation := u.GetAnnotations()[publish.Annotation]
	if annotation == "" || json.Unmarshal([]byte(annotation), &value) != nil || len(value.Scopes) == 0 {
		return ""
	}
	return string(bytes.TrimSpace(value.Scopes[0].Effective[kind]))
}

// statusesAgree says how the status of a policy in the world's namespace differs
// from what a fresh computation plans for it.
func (w *world) statusesAgree(platform ...string) error {
	w.Helper()
	snapshot, resolution := w.fresh(platform...)
	var tally effective.Tally
	for e := range resolution.All() {
		tally.Add(e)
	}
	sums := map[enforcement.PolicyAt]*enforcement.Score{}
	for e := range resolution.All() {
		rules, results := parts(snapshot, e)
		if results == nil {
			continue
		}
		for at, score := range enforcement.Scores(e, rules, results) {
			if sums[at] == nil {
				sums[at] = &enforcement.Score{}
			}
			sums[at].Add(score)
		}
	}
	planner := status.Planner{Now: func() time.Time { return time.Time{} }, Enforced: func(policy, gateway hierarchy.Ref) *enforcement.Condition {
		sum := sums[enforcement.PolicyAt{Policy: policy, Gateway: gateway}]
		if sum == nil {
			return nil
		}
		condition := sum.Condition()
		return &condition
	}}
	for p := range snapshot.Policies() {
		if p.Ref.Namespace != w.namespace || !p.Kind.ManagesStatus() {
			continue
		}
		live := w.object(p.Ref.Kind+"."+p.Kind.Version+"."+p.Ref.Group, p.Ref.Name)
		if writes := planner.Policy(snapshot, p, &tally, one{live}); len(writes) > 0 {
			return fmt.Errorf("%s has the status\n\t%v, not\n\t%v", p.Ref, live.Object["status"], writes[0].Object.Object["status"])
		}
	}
	return nil
}

// one is a status.Live that knows one policy.
type one struct{ object *unstructured.Unstructured }

func (one) Annotations(hierarchy.Ref) (map[string]string, bool)       { return nil, false }
func (one) EffectivePolicy(string, string) *unstructured.Unstructured { return nil }
func (o one) Policy(hierarchy.Ref) *unstructured.Unstructured         { return o.object }

func listOf(kind string) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	gvk := named(kind, "", "").GroupVersionKind()
	list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	return list
}
