package cluster

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/crd"
)

var (
	crdResource       = schema.GroupVersionResource{Group: crd.GroupKind.Group, Version: "v1", Resource: "customresourcedefinitions"}
	namespaceResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

// role is what the objects of a kind are for.
type role int

const (
	// feedsSnapshot objects are part of the snapshot.
	feedsSnapshot role = iota
	// feedsGuardrails objects are compiled into guardrails, which are not part of snapshots.
	feedsGuardrails
	// remembered objects are only kept for planning writes: only we write them.
	remembered
)

// hierarchyCRDs are the CRDs that are watched regardless of their labels, with the role of their
// objects, and what is kept of these in addition to the decoded form.
var hierarchyCRDs = map[string]struct {
	keep
	role
}{
	"gatewayclasses." + hierarchy.Group:  {keepConditions, feedsSnapshot},
	"gateways." + hierarchy.Group:        {keepAnnotations | keepConditions, feedsSnapshot},
	"listenersets." + hierarchy.Group:    {keepConditions, feedsSnapshot},
	"referencegrants." + hierarchy.Group: {keepNothing, feedsSnapshot},
	"httproutes." + hierarchy.Group:      {keepAnnotations, feedsSnapshot},
	"grpcroutes." + hierarchy.Group:      {keepAnnotations, feedsSnapshot},
	"tlsroutes." + hierarchy.Group:       {keepAnnotations, feedsSnapshot},
	"tcproutes." + hierarchy.Group:       {keepAnnotations, feedsSnapshot},
	"udproutes." + hierarchy.Group:       {keepAnnotations, feedsSnapshot},
	effectiveCRD:                         {keepEffective, remembered},
	guardrailCRD:                         {keepStatus, feedsGuardrails},
}

// effectiveCRD is the CRD of EffectivePolicy.
const effectiveCRD = "effectivepolicies." + policy.Group

// keep says what a record keeps of an object; values can be combined.
type keep int

const (
	// keepAnnotations keeps the annotations that only we may write.
	keepAnnotations keep = 1 << iota
	// keepConditions keeps the conditions of an object and of its listeners: ours completely, and
	// the types of the others.
	keepConditions
	// keepStatus keeps the status of a policy.
	keepStatus
	// keepEffective keeps the whole content of an EffectivePolicy.
	keepEffective

	keepNothing keep = 0
)

func (k keep) has(what keep) bool { return k&what != 0 }

// kind is a kind of objects to watch. Two watches of equal kinds are the same.
type kind struct {
	schema.GroupKind
	resource   schema.GroupVersionResource
	namespaced bool
	keep       keep
	role       role
	// defined means that the snapshot needs the CRD, too.
	defined bool
	// optional means that the kind comes from another project's CRD: if we may not read it, this
	// must not stop the service.
	optional bool
	// metadata means that only metadata is requested.
	metadata bool
}

var (
	crdObjects = kind{GroupKind: crd.GroupKind, resource: crdResource, metadata: true}
	namespaces = kind{GroupKind: hierarchy.NamespaceKind, resource: namespaceResource, metadata: true}
)

// matters reports, from the metadata of a CRD alone, whether its definition can make it one that is
// watched.
func matters(name string, labels map[string]string, options policy.Options) bool {
	if _, ok := hierarchyCRDs[name]; ok {
		return true
	}
	return options.Known().Concerns(name, labels)
}

// kindOf reads from a CRD what to watch; ok is false when there is nothing.
func kindOf(u *unstructured.Unstructured, options policy.Options) (k kind, ok bool) {
	d, err := options.Known().Read(u)
	if err != nil {
		return kind{}, false
	}
	k.GroupKind, k.namespaced = d.GroupKind, d.Namespaced
	k.resource = schema.GroupVersionResource{Group: k.Group, Version: d.Version, Resource: d.Plural}
	if d.Route {
		k.keep, k.defined, k.optional, ok = keepAnnotations, true, true, true
	}
	if d.IsPolicy() {
		k.defined, k.optional, ok = true, k.Group != policy.Group, true
		if d.ManagesStatus() {
			k.keep = keepStatus
		}
	}
	if what, fixed := hierarchyCRDs[d.Name]; fixed {
		k.keep, k.role, k.optional, ok = what.keep, what.role, false, true
	}
	return k, ok && established(u)
}

func established(crd *unstructured.Unstructured) bool {
	return meta.IsStatusConditionTrue(condition.In(crd.Object, "status", "conditions"), string(apiextensionsv1.Established))
}

func crdRef(name string) hierarchy.Ref {
	return hierarchy.NewRef(crd.GroupKind.Group, crd.GroupKind.Kind, "", name)
}
