package command

import (
	"context"
	"fmt"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/status"
)

// managerRights are the rights of a cluster's manager on policy kinds.
type managerRights struct {
	account string // namespace/name; empty where it is not known
	kinds   map[*policy.Kind]explain.Rights
	// unknown says why something is not known; empty when everything is known.
	unknown string
}

func (r *managerRights) of(k *policy.Kind) explain.Rights { return r.kinds[k] }

// managerRights asks the API server what the manager may do. A user who may not ask gets the answer
// from what the manager did: the status of objects.
func (o *options) managerRights(ctx context.Context, w *workspace.Workspace) (*managerRights, error) {
	r := &managerRights{kinds: map[*policy.Kind]explain.Rights{}, unknown: "manifests do not say it"}
	for _, k := range w.Snapshot.Kinds() {
		r.kinds[k] = explain.Rights{Read: explain.Unknown}
		if k.ManagesStatus() {
			r.kinds[k] = explain.Rights{Read: explain.Unknown, WriteStatus: explain.Unknown}
		}
	}
	if len(o.Files) > 0 {
		return r, nil
	}
	config, err := o.Connection()
	if err != nil {
		return nil, err
	}
	config.QPS = -1 // as in readCluster
	settings, err := o.PublishedSettings(ctx, config)
	if err != nil {
		return nil, err
	}
	if settings["controllerAccount"] == "" {
		r.unknown = fmt.Sprintf("no ConfigMap %s/%s that you may read names its account", o.Manager.Namespace, workspace.SettingsName)
		return r, nil
	}
	r.account, r.unknown = o.Manager.Namespace+"/"+settings["controllerAccount"], ""
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	a := &asking{client, objects, "system:serviceaccount:" + o.Manager.Namespace + ":" + settings["controllerAccount"], o.Manager.Namespace}
	for _, k := range w.Snapshot.Kinds() {
		rights, err := a.rightsTo(ctx, k)
		if err != nil {
			return nil, err
		}
		if r.kinds[k] = rights; rights.Read == explain.Unknown || rights.WriteStatus == explain.Unknown {
			r.unknown = "you may not create subjectaccessreviews"
		}
	}
	return r, nil
}

// asking asks an API server for the rights of an account.
type asking struct {
	client                  kubernetes.Interface
	objects                 dynamic.Interface
	user, accountsNamespace string
}

// rightsTo returns the rights of the account on a kind.
func (a *asking) rightsTo(ctx context.Context, k *policy.Kind) (explain.Rights, error) {
	rights := explain.Rights{}
	read, err := a.may(ctx, k, "", "list", "watch")
	if err != nil {
		return rights, err
	}
	rights.Read = read
	if !k.ManagesStatus() {
		return rights, nil
	}
	if rights.WriteStatus, err = a.may(ctx, k, "status", "update"); err != nil || rights.WriteStatus != explain.Unknown {
		return rights, err
	}
	wrote, err := a.wroteStatus(ctx, k)
	if err == nil && wrote {
		rights = explain.Rights{Read: explain.Yes, WriteStatus: explain.Yes}
	}
	return rights, err
}

// may reports whether the account may do something with all objects of a kind.
func (a *asking) may(ctx context.Context, k *policy.Kind, subresource string, verbs ...string) (string, error) {
	for _, verb := range verbs {
		review, err := a.client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{
				User:   a.user,
				Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + a.accountsNamespace, "system:authenticated"},
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Verb: verb, Group: k.Group(), Version: k.Version, Resource: k.Plural, Subresource: subresource,
				},
			},
		}, metav1.CreateOptions{})
		switch {
		case apierrors.IsForbidden(err):
			return explain.Unknown, nil
		case err != nil:
			return "", fmt.Errorf("asking what %s may do: %w", a.user, err)
		case !review.Status.Allowed:
			return explain.No, nil
		}
	}
	return explain.Yes, nil
}

// looked is the maximum number of objects of a kind that are searched for a status.
const looked = 50

// wroteStatus reports whether the manager wrote the status of some object of a kind. It is false
// for a kind that the user may not list, or that was removed in the meantime.
func (a *asking) wroteStatus(ctx context.Context, k *policy.Kind) (bool, error) {
	list, err := a.objects.Resource(kschema.GroupVersionResource{Group: k.Group(), Version: k.Version, Resource: k.Plural}).
		List(ctx, metav1.ListOptions{Limit: looked})
	if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, u := range list.Items {
		ancestors, _, _ := unstructured.NestedSlice(u.Object, "status", "ancestors")
		for _, entry := range ancestors {
			if e, _ := entry.(map[string]any); e["controllerName"] == status.ControllerName {
				return true, nil
			}
		}
	}
	return false, nil
}

// lacking are rows for the kinds that the manager may not read, or whose status it may
// not write, with what to grant.
func (r *managerRights) lacking(t *terminal.Rows, reports []explain.Kind) {
	for _, k := range reports {
		grant := func(verbs, subresource string) terminal.Cell {
			return terminal.Cell{Text: fmt.Sprintf("%s: give the service account %s %s on %s.%s%s", k.Name(), r.account, verbs, k.Plural, k.Group, subresource)}
		}
		if k.Rights.Read == explain.No {
			t.Add(terminal.Cell{Text: "not read", Style: terminal.Yellow}, grant("list and watch", ""))
		}
		if k.Rights.WriteStatus == explain.No {
			t.Add(terminal.Cell{Text: "no status", Style: terminal.Yellow}, grant("update", "/status"))
		}
	}
}

// SayUnknown says what is not known of the rights of the manager.
func (r *managerRights) sayUnknown(p *terminal.Pen) {
	if r.unknown != "" {
		p.Wrapped("", terminal.Cell{Text: "whether attache may read these kinds and write their status is not known: " + r.unknown, Style: terminal.Faint})
	}
}
