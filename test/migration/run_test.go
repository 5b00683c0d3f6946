package migration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
	"github.com/attache-dev/attache/policy/migrate/progress"
	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/eventually"
)

func TestMain(m *testing.M) {
	os.Exit(controlplane.MainOn(m, "standard", controlplane.Options{CRDs: []string{"../../crds"}}))
}

// run is one migration on a cluster, by a user who may only read.
type run struct {
	*testing.T
	client.Client
	user  controlplane.User
	words *strings.Replacer
	// report is what migrate -o json printed.
	report string
}

// reading are all rights that the command needs: neither Secrets nor writing are among
// them.
const reading = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: migrates}
rules:
- {apiGroups: [networking.k8s.io], resources: [ingresses, ingressclasses], verbs: [get, list]}
- {apiGroups: [""], resources: [namespaces, services, configmaps], verbs: [get, list]}
- {apiGroups: [apps], resources: [deployments], verbs: [get, list]}
- {apiGroups: [autoscaling], resources: [horizontalpodautoscalers], verbs: [get, list]}
- {apiGroups: [gateway.networking.k8s.io, attache.dev, traefik.io, configuration.konghq.com], resources: ["*"], verbs: [get, list]}
- {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: migrates}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: migrates}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: migrates}]
`

func start(t *testing.T) *run {
	t.Helper()
	plane := controlplane.Shared(t)
	c, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	user, err := plane.AddUser("migrates")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.NewReplacer("SHOP", plane.NewNamespace(t), "PRESS", plane.NewNamespace(t), "INFRA", plane.NewNamespace(t))
	r := &run{T: t, Client: c, user: user, words: words, report: filepath.Join(t.TempDir(), "report.json")}
	r.apply(reading)
	r.mayNotReadSecrets()
	return r
}

// mayNotReadSecrets makes sure that what follows needs no Secret.
func (r *run) mayNotReadSecrets() {
	r.Helper()
	c, err := client.New(r.user.Config, client.Options{})
	if err != nil {
		r.Fatal(err)
	}
	secrets := &unstructured.UnstructuredList{}
	secrets.SetAPIVersion("v1")
	secrets.SetKind("SecretList")
	if err := c.List(r.Context(), secrets); !apierrors.IsForbidden(err) {
		r.Fatalf("listing Secrets: %v", err)
	}
}

// apply writes objects as a person would, and their status, where they have one, as a
// controller.
func (r *run) apply(manifest string) {
	r.Helper()
	reader := yaml.NewYAMLOrJSONDecoder(strings.NewReader(r.words.Replace(manifest)), 4096)
	for {
		u := &unstructured.Unstructured{}
		if err := reader.Decode(&u.Object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			r.Fatal(err)
		}
		if len(u.Object) == 0 {
			continue
		}
		eventually.OK(r, eventually.Limit, u.GetKind()+" "+u.GetName()+" to be applied", func(ctx context.Context) error {
			err := r.Apply(ctx, client.ApplyConfigurationFromUnstructured(u.DeepCopy()), client.FieldOwner("team"), client.ForceOwnership)
			if apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
				return eventually.Final(err)
			}
			return err
		})
	}
}

// reports writes a status as the controller of an object does. GENERATION in it is that of
// the object.
func (r *run) reports(apiVersion, kind, namespace, name, status string) {
	r.Helper()
	eventually.OK(r, eventually.Limit, "a status of "+kind+" "+name, func(ctx context.Context) error {
		u := &unstructured.Unstructured{}
		u.SetAPIVersion(apiVersion)
		u.SetKind(kind)
		if err := r.Get(ctx, client.ObjectKey{Namespace: r.words.Replace(namespace), Name: name}, u); err != nil {
			return err
		}
		text := strings.ReplaceAll(r.words.Replace(status), "GENERATION", fmt.Sprint(u.GetGeneration()))
		text = strings.ReplaceAll(text, "NOW", metav1.Now().UTC().Format("2006-01-02T15:04:05Z"))
		var value map[string]any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			return eventually.Final(err)
		}
		u.Object["status"] = value
		return r.Status().Update(ctx, u)
	})
}

// command runs the command as the user.
func (r *run) command(arguments ...string) (out, errs string, code int) {
	r.Helper()
	var stdout, stderr bytes.Buffer
	line := []string{"kubectl-effective_policy", "--kubeconfig", r.user.Kubeconfig}
	for _, a := range arguments {
		line = append(line, r.words.Replace(a))
	}
	code = command.Main(r.Context(), line, genericiooptions.IOStreams{In: strings.NewReader(""), Out: &stdout, ErrOut: &stderr}, "")
	if code > 1 {
		r.Fatalf("%v: exit %d\n%s", arguments, code, stderr.String())
	}
	return stdout.String(), stderr.String(), code
}

// progress is what status says.
func (r *run) progress(flags ...string) *progress.Progress {
	r.Helper()
	if _, err := os.Stat(r.report); err == nil {
		flags = append([]string{"--report", r.report}, flags...)
	}
	out, _, _ := r.command(append([]string{"migrate", "status", "-A", "-o", "json"}, flags...)...)
	p := &progress.Progress{}
	if err := json.Unmarshal([]byte(out), p); err != nil {
		r.Fatalf("%v\n%s", err, out)
	}
	return p
}

// states waits until status says these states, written "web ready".
func (r *run) states(what string, flags []string, want ...string) *progress.Progress {
	r.Helper()
	var p *progress.Progress
	eventually.OK(r, 2*eventually.Limit, what, func(context.Context) error {
		p = r.progress(flags...)
		var got, why []string
		for i := range p.Ingresses {
			one := &p.Ingresses[i]
			_, name, _ := strings.Cut(one.Ingress, "/")
			got = append(got, name+" "+one.State)
			why = append(why, one.Why+" "+one.Keep)
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			return fmt.Errorf("states are %q (%q), want %q", got, why, want)
		}
		return nil
	})
	return p
}
