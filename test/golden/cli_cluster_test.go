package golden_test

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/eventually"
)

// generationLine is the one thing in "get -o json" that a cluster sets and a
// manifest has not.
var generationLine = regexp.MustCompile(`(?m)^ *"?observedGeneration"?: \d+,?\n`)

// compared are commands whose answers must not depend on where the objects come
// from.
// Files say what exporters would write; a cluster says what they wrote.
var compared = [][]string{
	{"get", "-A", "-o", "json", "--no-enforcement"},
	{"bindings", "-A", "-o", "json"},
}

// comparedToo are asked about the example only, to save time.
var comparedToo = [][]string{
	{"get", "-A", "-o", "yaml"},
	{"get", "-A", "-o", "wide"},
	{"get", "ledger", "-n", "payments"},
	{"bindings", "-A", "-o", "wide"},
	{"graph", "-A"},
	{"graph", "-A", "-o", "json"},
	{"describe", "gatewayclass/edge"},
	{"describe", "timeoutpolicy/careful", "-n", "payments"},
	{"explain", "--request", "POST https://www.shop.example.com/pay", "-o", "json"},
	{"explain", "--request", "grpc://authorise.internal.example.com/payments.v1.Authorisation/Ask"},
}

// onlyOnACluster are answers that manifests alone cannot give.
var onlyOnACluster = map[string]string{
	"version":                             `server +Kubernetes v1\.\d+(.|\n)*attache\.dev v1alpha1`,
	"kinds -A -o wide":                    `TimeoutPolicy +attache\.dev +Inherited +Patch +6 +attache +no`,
	"describe gateway/edge -n platform":   `Secret platform/shop-example-com:\s+does not\s+exist`,
	"describe httproute/checkout -n shop": `Service shop/cart: does not exist`,
}

// TestOfflineAndClusterAgree writes the example, and then the input of every
// golden file, to a real API server and asks the command both ways.
func TestOfflineAndClusterAgree(t *testing.T) {
	plane := controlplane.Shared(t)
	c, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cluster := &world{args: []string{"--kubeconfig", plane.Kubeconfig}}
	t.Run("examples/shop on the standard channel", func(t *testing.T) {
		files := &world{args: []string{"-f", "../../examples/shop"}}
		write(t, c, files)
		agree(t, files, cluster, slices.Concat(explainEach(t, files), compared, comparedToo))
		for command, want := range onlyOnACluster {
			if out, errOut, code := cluster.run(t, strings.Fields(command)...); code != 0 || !regexp.MustCompile(want).MatchString(out) {
				t.Errorf("%s: exit code %d, want output like %q, got:\n%s%s", command, code, want, out, errOut)
			}
		}
	})
	installExperimental(t, c)
	agreed := 0
	for _, file := range goldenFiles(t) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files := newWorld(t, archive)
		if why := onlyOffline(t, c, file, archive, files); why != "" {
			t.Logf("%s: %s", file, why)
			continue
		}
		agreed++
		t.Run(file, func(t *testing.T) {
			write(t, c, files)
			agree(t, files, &world{args: cluster.args, flags: files.flags}, compared)
		})
	}
	if agreed < 5 {
		t.Errorf("only %d golden files were tried", agreed)
	}
}

// onlyOffline says why an input cannot be compared with a cluster.
func onlyOffline(t *testing.T, c client.Client, file string, archive *txtar.Archive, w *world) string {
	switch _, _, code := w.run(t, "get"); {
	case code != 0:
		return "is refused"
	case len(w.args) == 0:
		return "has no input of its own"
	case slices.Contains(w.flags, "-f"):
		return "is checked by other CRDs than the cluster has"
	case strings.HasPrefix(file, "folders/"):
		return "is about reading folders"
	}
	for _, d := range w.manifests(t) {
		if name := d.Object.GetName(); crd.Is(d.Object) && (strings.HasSuffix(name, ".attache.dev") || strings.HasSuffix(name, ".gateway.networking.k8s.io")) {
			return "has a CRD in the place of one that the cluster has"
		}
	}
	if kind := unserved(t, c, w); kind != "" {
		return "has a " + kind + " without its CRD"
	}
	for _, section := range archive.Files {
		if isInput.MatchString(section.Name) && strings.Contains(string(section.Data), "creationTimestamp") {
			return "states ages, which a cluster sets itself"
		}
		if isInput.MatchString(section.Name) && strings.Contains(string(section.Data), "kind: ValidatingWebhookConfiguration") {
			return "has a webhook that nobody serves"
		}
	}
	return ""
}

// unserved is a kind of an extension's object of which neither the cluster nor
// the world itself has the CRD.
func unserved(t *testing.T, c client.Client, w *world) string {
	t.Helper()
	crds := &unstructured.UnstructuredList{}
	crds.SetAPIVersion("apiextensions.k8s.io/v1")
	crds.SetKind("CustomResourceDefinitionList")
	if err := c.List(t.Context(), crds); err != nil {
		t.Fatal(err)
	}
	documents := w.manifests(t)
	for _, d := range documents {
		if d.Object.GetKind() == "CustomResourceDefinition" {
			crds.Items = append(crds.Items, *d.Object)
		}
	}
	served := map[schema.GroupKind]bool{}
	for _, crd := range crds.Items {
		group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
		served[schema.GroupKind{Group: group, Kind: kind}] = true
	}
	for _, d := range documents {
		kind := d.Object.GroupVersionKind().GroupKind()
		builtIn := !strings.Contains(kind.Group, ".") || strings.HasSuffix(kind.Group, ".k8s.io")
		if !builtIn && !served[kind] {
			return kind.Kind
		}
	}
	return ""
}

// explainEach asks for an explanation of each thing that has an effective policy.
func explainEach(t *testing.T, w *world) [][]string {
	t.Helper()
	out, _, _ := w.run(t, "get", "-A")
	var commands [][]string
	for line := range strings.Lines(out) {
		if columns := strings.Fields(line); columns[0] != "NAMESPACE" {
			commands = append(commands, []string{"explain", columns[1], "-n", columns[0]}, []string{"explain", columns[1], "-n", columns[0], "-o", "json"})
		}
	}
	return commands
}

func agree(t *testing.T, files, cluster *world, commands [][]string) {
	t.Helper()
	for _, args := range commands {
		fromFiles, filesErr, filesCode := files.run(t, args...)
		fromCluster, clusterErr, clusterCode := cluster.run(t, args...)
		if filesCode != 0 || clusterCode != 0 {
			t.Errorf("%v: exit codes %d and %d: %s %s", args, filesCode, clusterCode, filesErr, clusterErr)
		}
		if diff := gocmp.Diff(fromFiles, generationLine.ReplaceAllString(fromCluster, "")); diff != "" {
			t.Errorf("%v (-files +cluster):\n%s", args, diff)
		}
	}
}

// write creates what a person wrote, not what the reader made of it. Policies
// are made in the order of their names, so that ages, of which manifests have
// none, agree with the order of names.
// What was written is removed when the test ends.
func write(t *testing.T, c client.Client, w *world) {
	t.Helper()
	var objects []*unstructured.Unstructured
	namespaces := map[string]bool{}
	for _, document := range w.manifests(t) {
		u := document.Object
		objects = append(objects, u)
		if u.GetKind() == "Namespace" {
			namespaces[u.GetName()] = true
		}
	}
	for _, u := range slices.Clone(objects) {
		if ns := u.GetNamespace(); ns != "" && !namespaces[ns] {
			namespaces[ns] = true
			objects = append(objects, newObject("v1", "Namespace", ns))
		}
	}
	order := func(u *unstructured.Unstructured) int {
		switch u.GetKind() {
		case "CustomResourceDefinition":
			return 0
		case "Namespace":
			return 1
		}
		return 2
	}
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName()))
	})
	for _, u := range objects {
		created, err := writeOne(t.Context(), c, u)
		if err != nil {
			t.Fatalf("writing %s %s/%s: %v", u.GetKind(), u.GetNamespace(), u.GetName(), err)
		}
		if created && u.GetKind() != "Namespace" {
			t.Cleanup(func() { remove(t, c, u) })
		}
	}
}

func newObject(apiVersion, kind, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetName(name)
	return u
}

// writeOne creates an object, and says so. A Namespace stays from file to file,
// for it goes slowly; what is there already of it, or of a CRD, is replaced.
func writeOne(ctx context.Context, c client.Client, u *unstructured.Unstructured) (created bool, err error) {
	u = u.DeepCopy()
	create := func() (bool, error) {
		return true, eventually.Try(ctx, eventually.Limit, func(ctx context.Context) error {
			err := c.Create(ctx, u)
			if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
				return err // its CRD is about to be served
			}
			return eventually.Final(err)
		})
	}
	if u.GetKind() != "Namespace" && u.GetKind() != "CustomResourceDefinition" {
		return create()
	}
	old := newObject(u.GetAPIVersion(), u.GetKind(), u.GetName())
	err = c.Get(ctx, client.ObjectKeyFromObject(u), old)
	if apierrors.IsNotFound(err) {
		return create()
	}
	if err != nil {
		return false, err
	}
	old.SetLabels(u.GetLabels())
	if u.GetKind() == "CustomResourceDefinition" {
		old.SetAnnotations(u.GetAnnotations())
		old.Object["spec"] = u.Object["spec"]
	}
	return false, c.Update(ctx, old)
}

// remove deletes what a world created, and waits until it is gone, so that the
// next world does not meet it.
func remove(t *testing.T, c client.Client, u *unstructured.Unstructured) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := c.Delete(ctx, u.DeepCopy()); err != nil {
		t.Errorf("deleting %s %s/%s: %v", u.GetKind(), u.GetNamespace(), u.GetName(), err)
		return
	}
	err := eventually.Try(ctx, eventually.Limit, func(ctx context.Context) error {
		err := c.Get(ctx, client.ObjectKeyFromObject(u), newObject(u.GetAPIVersion(), u.GetKind(), u.GetName()))
		if err == nil {
			return errors.New("it is still there")
		}
		return eventually.Final(client.IgnoreNotFound(err))
	})
	if err != nil {
		t.Errorf("waiting for %s %s/%s to go: %v", u.GetKind(), u.GetNamespace(), u.GetName(), err)
	}
}

// manifests are the objects as they are written.
func (w *world) manifests(t *testing.T) []source.Document {
	t.Helper()
	folder := w.args[len(w.args)-1]
	var documents []source.Document
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "kustomization.yaml" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		read, problems := source.Decode(data, path, source.Limits{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		documents = append(documents, read...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return documents
}

// installExperimental replaces Gateway API's CRDs by those of the experimental
// channel, by which manifests are checked offline.
func installExperimental(t *testing.T, c client.Client) {
	t.Helper()
	folder, err := controlplane.GatewayAPICRDs("experimental")
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range (&world{args: []string{folder}}).manifests(t) {
		if document.Object.GetKind() == "CustomResourceDefinition" {
			if _, err := writeOne(t.Context(), c, document.Object); err != nil {
				t.Fatal(err)
			}
		}
	}
}
