package source

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/crd"
)

// kubernetesGroups are the API groups of Kubernetes itself. Objects of these
// groups are returned unchecked: folders are full of them, and only Namespaces
// and Services matter here.
var kubernetesGroups = []string{
	"", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "apps",
	"authentication.k8s.io", "authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io",
	"coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "extensions", "flowcontrol.apiserver.k8s.io",
	"internal.apiserver.k8s.io", "networking.k8s.io", "node.k8s.io", "policy", "rbac.authorization.k8s.io",
	"resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "storagemigration.k8s.io",
}

// kubernetesKinds are the kinds of those groups that people write. They serve to
// find misspellings; a kind is not refused because it is missing here.
var kubernetesKinds = []string{
	"ClusterRole", "ClusterRoleBinding", "ConfigMap", "ControllerRevision", "CronJob", "CSIDriver",
	"CustomResourceDefinition", "DaemonSet", "Deployment", "EndpointSlice", "Endpoints", "Event",
	"HorizontalPodAutoscaler", "Ingress", "IngressClass", "Job", "Lease", "LimitRange", "Namespace",
	"NetworkPolicy", "Node", "PersistentVolume", "PersistentVolumeClaim", "Pod", "PodDisruptionBudget",
	"PodTemplate", "PriorityClass", "ReplicaSet", "ReplicationController", "ResourceQuota", "Role",
	"RoleBinding", "RuntimeClass", "Secret", "Service", "ServiceAccount", "ServiceCIDR", "StatefulSet",
	"StorageClass", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
	"MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy",
	"ValidatingAdmissionPolicyBinding", "APIService", "CertificateSigningRequest", "IPAddress",
	"CSINode", "VolumeAttachment", "VolumeAttributesClass", "FlowSchema", "PriorityLevelConfiguration",
	"DeviceClass", "ResourceSlice", "ClusterTrustBundle",
}

// clusterScoped are the kinds of Kubernetes itself that are cluster-scoped.
var clusterScoped = map[string]bool{
	"APIService": true, "CertificateSigningRequest": true, "ClusterRole": true, "ClusterRoleBinding": true,
	"ClusterTrustBundle": true, "CSIDriver": true, "CSINode": true, "CustomResourceDefinition": true,
	"DeviceClass": true, "FlowSchema": true, "IngressClass": true, "IPAddress": true,
	"MutatingAdmissionPolicy": true, "MutatingAdmissionPolicyBinding": true,
	"MutatingWebhookConfiguration": true, "Namespace": true, "Node": true, "PersistentVolume": true,
	"PriorityClass": true, "PriorityLevelConfiguration": true, "ResourceSlice": true, "RuntimeClass": true,
	"ServiceCIDR": true, "StorageClass": true, "ValidatingAdmissionPolicy": true,
	"ValidatingAdmissionPolicyBinding": true, "ValidatingWebhookConfiguration": true,
	"VolumeAttachment": true, "VolumeAttributesClass": true,
}

// unknown says what is wrong with an object of a kind that the registry does not
// have, or nothing when the kind is one of Kubernetes itself. An object can be
// skipped when no kind of its group is known: it is not misspelled. It can also be
// skipped when its group is a vendor's, of which only policies are known, unless its
// kind is spelled like a known one.
func (p *preparer) unknown(u *unstructured.Unstructured) (message string, passable bool) {
	group, kind := u.GroupVersionKind().Group, u.GetKind()
	if slices.Contains(kubernetesGroups, group) {
		if slices.Contains(kubernetesKinds, kind) {
			return "", false
		}
		if near, ok := prose.Closest(kind, kubernetesKinds); ok {
			return fmt.Sprintf("unknown kind %s (apiVersion %s): did you mean %s?", kind, u.GetAPIVersion(), near), false
		}
		if near, ok := p.elsewhere(kind); ok {
			return fmt.Sprintf("unknown kind %s (apiVersion %s): %s", kind, u.GetAPIVersion(), near), false
		}
		return "", false
	}
	message = fmt.Sprintf("unknown kind %s (apiVersion %s): give its CustomResourceDefinition with -f, or check the spelling", kind, u.GetAPIVersion())
	near, meant := p.elsewhere(kind)
	if meant {
		message += "; " + near
	}
	known := slices.ContainsFunc(p.registry.Kinds(), func(gk kschema.GroupKind) bool { return gk.Group == group })
	ours := group == crd.Group || strings.HasPrefix(group, "gateway.networking.")
	return message, !known || !ours && !meant
}

// elsewhere looks for the kind, or one spelled like it, in the groups that the
// registry knows.
func (p *preparer) elsewhere(kind string) (string, bool) {
	var names, groups []string
	for _, gk := range p.registry.Kinds() {
		names = append(names, gk.Kind)
		if gk.Kind == kind {
			groups = append(groups, gk.Group)
		}
	}
	if len(groups) > 0 {
		return fmt.Sprintf("did you mean the group %s?", strings.Join(groups, " or ")), true
	}
	near, ok := prose.Closest(kind, names)
	return fmt.Sprintf("did you mean %s?", near), ok
}
