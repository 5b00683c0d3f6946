package doctor

import (
	"context"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/condition"
)

var getOptions = metav1.GetOptions{}

// ours selects what the chart installs.
const ours = "app.kubernetes.io/part-of=attache"

// settingsName is the ConfigMap by which clients find the release.
const settingsName = "attache-settings"

// lease is that of the controllers.
const lease = "controller.attache.dev"

func established(crd map[string]any) bool {
	return meta.IsStatusConditionTrue(condition.In(crd, "status", "conditions"), string(apiextensionsv1.Established))
}

func serves(crd map[string]any, version string) bool {
	versions, _, _ := unstructured.NestedSlice(crd, "spec", "versions")
	for _, v := range versions {
		if v, _ := v.(map[string]any); v["name"] == version {
			return v["served"] == true
		}
	}
	return false
}

func (e *examination) processes(ctx context.Context) {
	settings, err := e.Client.CoreV1().ConfigMaps(e.Namespace).Get(ctx, settingsName, getOptions)
	switch {
	case apierrors.IsNotFound(err):
		e.say("settings", Problem, "namespace %s has no ConfigMap %s: name the namespace of the release with --attache-namespace, or install the chart", e.Namespace, settingsName)
	case err != nil:
		e.failed("settings", "ConfigMap "+e.Namespace+"/"+settingsName, err)
	default:
		e.say("settings", OK, "platform namespaces: %s", settings.Data["platformNamespaces"])
	}
	list, err := e.Client.AppsV1().Deployments(e.Namespace).List(ctx, metav1.ListOptions{LabelSelector: ours})
	if err != nil {
		e.failed("deployments", "Deployments in namespace "+e.Namespace, err)
		return
	}
	if len(list.Items) == 0 {
		e.say("deployments", Problem, "namespace %s has none of attache: install the chart", e.Namespace)
	}
	for i := range list.Items {
		e.deployment(&list.Items[i])
	}
}

func (e *examination) deployment(d *appsv1.Deployment) {
	wanted := int32(1)
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	version := d.Labels["app.kubernetes.io/version"]
	switch {
	case wanted == 0:
		e.say(d.Name, Problem, "it is scaled to 0: set its replicas")
	case d.Status.ReadyReplicas == 0:
		e.say(d.Name, Problem, "none of %d replicas is ready: kubectl -n %s describe deployment %s, and look at their logs", wanted, d.Namespace, d.Name)
	case d.Status.ReadyReplicas < wanted:
		e.say(d.Name, Warning, "%d of %d replicas are ready", d.Status.ReadyReplicas, wanted)
	case version != "" && e.Version != "" && strings.TrimPrefix(version, "v") != strings.TrimPrefix(e.Version, "v"):
		e.say(d.Name, Warning, "%d of %d replicas are ready, of version %s; this command is %s: what the two say may differ", d.Status.ReadyReplicas, wanted, version, e.Version)
	default:
		e.say(d.Name, OK, "%d of %d replicas are ready", d.Status.ReadyReplicas, wanted)
	}
}

func (e *examination) leader(ctx context.Context) {
	l, err := e.Client.CoordinationV1().Leases(e.Namespace).Get(ctx, lease, getOptions)
	switch {
	case apierrors.IsNotFound(err):
		e.say("lease", Unknown, "there is no Lease %s: with one replica of the controller and controller.leaderElection=false that is as it must be", lease)
		return
	case err != nil:
		e.failed("lease", "Lease "+e.Namespace+"/"+lease, err)
		return
	}
	if l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == "" || l.Spec.RenewTime == nil || l.Spec.LeaseDurationSeconds == nil {
		e.say("lease", Problem, "nobody leads, so nothing is written: look at the log of the controller")
		return
	}
	since := e.Now().Sub(l.Spec.RenewTime.Time)
	if since > time.Duration(*l.Spec.LeaseDurationSeconds)*time.Second {
		e.say("lease", Problem, "%s has not renewed it for %s, so nothing is written: look at the log of the controller", *l.Spec.HolderIdentity, since.Round(time.Second))
		return
	}
	e.say("lease", OK, "%s leads", *l.Spec.HolderIdentity)
}
