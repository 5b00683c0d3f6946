package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/edits"
)

// editors are the rights of those who may not read everything: to write in some
// namespaces.
const editors = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: editors}
rules:
- {apiGroups: [gateway.networking.k8s.io, attache.dev], resources: ["*"], verbs: ["*"]}
`

// TestEditsOnARealAPIServer makes the edits of the corpus, whose verdicts package guardrail and
// the command gave, as the users that they name: first as a dry run, until the replica has seen
// the world, and then for good.
func TestEditsOnARealAPIServer(t *testing.T) {
	cases, err := edits.Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	a := startAdmission(t, map[string]any{
		"platformNamespaces": []any{edits.Platform},
		"admission":          map[string]any{"namespaceLabels": true}, // which nobody has who does not ask for it
	})
	_, address := a.replica()
	a.board.to(address)
	a.as(a.plane.Config, "").create(editors)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			w := newWorld(t, a.plane.Config, c.Edit.GetNamespace())
			defer w.clear(c)
			for _, u := range c.World {
				w.put(u)
			}
			e := w.editor(c)
			var got edits.Verdict
			within(t, patience, "the verdict", func(ctx context.Context) error {
				if got, err = e.make(ctx, c, client.DryRunAll); err != nil {
					return err // rights hold a moment after they are given
				}
				if diff := cmp.Diff(c.Verdict.String(), got.String()); diff != "" {
					return errors.New("-want +got:\n" + diff)
				}
				return nil
			})
			if got, err = e.make(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.Verdict.String(), got.String()); diff != "" {
				t.Errorf("without a dry run (-want +got):\n%s", diff)
			}
		})
	}
}

// put creates an object, or gives a namespace that is there its labels, as soon
// as the replica has forgotten the last world and seen what there is of this.
func (w *world) put(u *unstructured.Unstructured) {
	w.Helper()
	within(w, patience, u.GetKind()+" "+u.GetName()+" to be created", func(ctx context.Context) error {
		u := u.DeepCopy()
		err := w.Create(ctx, u)
		if !apierrors.IsAlreadyExists(err) || u.GetKind() != "Namespace" {
			return err
		}
		return w.replace(ctx, u)
	})
}

// replace writes an object in the place of the one with its name.
func (w *world) replace(ctx context.Context, u *unstructured.Unstructured, options ...client.UpdateOption) error {
	live := u.DeepCopy()
	if err := w.Get(ctx, client.ObjectKeyFromObject(u), live); err != nil {
		return err
	}
	u.SetResourceVersion(live.GetResourceVersion())
	return w.Update(ctx, u, options...)
}

// clear removes all that a case made, but namespaces: nobody would empty them.
func (w *world) clear(c edits.Case) {
	w.Helper()
	made := append(slices.Clone(c.World), c.Edit)
	slices.SortStableFunc(made, func(a, b *unstructured.Unstructured) int {
		return strings.Compare(removal(a), removal(b))
	})
	for _, u := range made {
		if u.GetKind() == "Namespace" {
			continue
		}
		within(w, patience, u.GetKind()+" "+u.GetName()+" to be deleted", func(ctx context.Context) error {
			return client.IgnoreNotFound(w.Delete(ctx, u.DeepCopy()))
		})
	}
}

// removal sorts guardrails first, for they could refuse the rest.
func removal(u *unstructured.Unstructured) string {
	if u.GetKind() == "PolicyGuardrail" {
		return "0"
	}
	return "1"
}

// editor is who makes an edit, and what an API server tells them besides.
type editor struct {
	*world
	mu       sync.Mutex
	warnings []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (e *editor) HandleWarningHeader(_ int, _ string, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.warnings = append(e.warnings, text)
}

// editor has the rights that a case says. Names of people are of one case, for a
// replica remembers for a while what they may read.
func (w *world) editor(c edits.Case) *editor {
	w.Helper()
	who := c.User.Username + "-" + c.Name
	bind := func(kind, namespace, role string) {
		u := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "rbac.authorization.k8s.io/v1",
			"kind":       kind,
			"metadata":   map[string]any{"name": who, "namespace": namespace},
			"roleRef":    map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
			"subjects":   []any{map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": who}},
		}}
		if err := w.Create(w.Context(), u); err != nil {
			w.Fatal(err)
		}
	}
	if c.User.Reads == nil {
		bind("ClusterRoleBinding", "", "cluster-admin")
	} else {
		for _, namespace := range slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(c.User.Reads), c.Edit.GetNamespace())))) {
			bind("RoleBinding", namespace, "editors")
		}
	}
	e := &editor{}
	config := rest.CopyConfig(w.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: who, Groups: append([]string{"system:authenticated"}, c.User.Groups...)}
	config.WarningHandler = e
	as, err := client.New(config, client.Options{Scheme: w.Scheme(), Mapper: w.RESTMapper()})
	if err != nil {
		w.Fatal(err)
	}
	e.world = &world{TB: w.TB, Client: as, config: config, namespace: w.namespace}
	return e
}

// make makes the edit of a case and returns what is answered. The error is one
// that says nothing of the edit.
func (e *editor) make(ctx context.Context, c edits.Case, options ...interface {
	client.CreateOption
	client.UpdateOption
	client.DeleteOption
}) (edits.Verdict, error) {
	e.mu.Lock()
	e.warnings = nil
	e.mu.Unlock()
	var creating []client.CreateOption
	var updating []client.UpdateOption
	var deleting []client.DeleteOption
	for _, o := range options {
		creating, updating, deleting = append(creating, o), append(updating, o), append(deleting, o)
	}
	u := c.Edit.DeepCopy()
	var err error
	switch exists := slices.ContainsFunc(c.World, func(w *unstructured.Unstructured) bool {
		return w.GroupVersionKind().GroupKind() == u.GroupVersionKind().GroupKind() && w.GetNamespace() == u.GetNamespace() && w.GetName() == u.GetName()
	}); {
	case c.Delete:
		err = e.Delete(ctx, u, deleting...)
	case exists:
		err = e.replace(ctx, u, updating...)
	default:
		err = e.Create(ctx, u, creating...)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	verdict := edits.Verdict{Warnings: slices.Clone(e.warnings)}
	var refused apierrors.APIStatus
	if !errors.As(err, &refused) {
		return verdict, err
	}
	status := refused.Status()
	_, message, denied := strings.Cut(status.Message, "denied the request: ")
	if !denied && status.Reason != metav1.StatusReasonInvalid {
		return verdict, err
	}
	// The release's own namespace is one of the platform, too.
	verdict.Denied, verdict.Message = true, strings.ReplaceAll(message, "("+releaseNamespace+", "+edits.Platform+")", "("+edits.Platform+")")
	return verdict, nil
}
