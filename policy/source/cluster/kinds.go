package cluster

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/status"
)

var (
	crdKind       = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
	effectiveKind = schema.GroupKind{Group: policy.Group, Kind: status.Kind}

	crdResource       = schema.GroupVersionResource{Group: crdKind.Group, Version: "v1", Resource: "customresourcedefinitions"}
	namespaceResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

// hierarchyCRDs are the CRDs that are watched whatever their labels say, with
// what is kept of their objects besides what the snapshot decodes.
var hierarchyCRDs = map[string]keep{
	"gatewayclasses." + hierarchy.Group:  keepConditions,
	"gateways." + hierarchy.Group:        keepAnnotations | keepConditions,
	"listenersets." + hierarchy.Group:    keepConditions,
	"referencegrants." + hierarchy.Group: keepNothing,
	"httproutes." + hierarchy.Group:      keepAnnotations,
	"grpcroutes." + hierarchy.Group:      keepAnnotations,
	"tlsroutes." + hierarchy.Group:       keepAnnotations,
	"tcproutes." + hierarchy.Group:       keepAnnotations,
	"udproutes." + hierarchy.Group:       keepAnnotations,
	effectiveCRD:                         keepEffective,
	guardrailCRD:                         keepStatus,
}

// effectiveCRD is the CRD of EffectivePolicy.
const effectiveCRD = "effectivepolicies." + policy.Group

// keep says what a record keeps of an object; several can be added up.
type keep int

const (
	// keepAnnotations keeps the annotations that are ours alone to write.
	keepAnnotations keep = 1 << iota
	// keepConditions keeps the conditions of an object and of its listeners: all
	// of those that are ours, and the types of the others.
	keepConditions
	// keepStatus keeps the status of a policy.
	keepStatus
	// keepEffective keeps all that an EffectivePolicy says.
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
	// defined says that the snapshot needs the CRD, too.
	defined bool
	// optional says that the kind came from a stranger's CRD: that we are not
	// allowed to read it is then no reason to serve nobody.
	optional bool
	// metadata says that metadata is all that is asked for.
	metadata bool
}

var (
	crdObjects = kind{GroupKind: crdKind, resource: crdResource, metadata: true}
	namespaces = kind{GroupKind: hierarchy.NamespaceKind, resource: namespaceResource, metadata: true}
)

// matters says, by the metadata of a CRD alone, whether its definition can make
// it one that is watched.
func matters(name string, labels map[string]string, options policy.Options) bool {
	if _, ok := hierarchyCRDs[name]; ok {
		return true
	}
	if _, ok := labels[policy.PolicyLabel]; ok || labels[policy.RouteLabel] == "true" {
		return true
	}
	_, group, _ := strings.Cut(name, ".")
	named := func(gk schema.GroupKind) bool { return gk.Group == group }
	return slices.ContainsFunc(options.PolicyKinds, named) || slices.ContainsFunc(options.RouteKinds, named)
}

// kindOf reads from a CRD what to watch; ok is false when there is nothing.
func kindOf(crd *unstructured.Unstructured, options policy.Options) (k kind, ok bool) {
	k.Group, _, _ = unstructured.NestedString(crd.Object, "spec", "group")
	k.Kind, _, _ = unstructured.NestedString(crd.Object, "spec", "names", "kind")
	plural, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "plural")
	scope, _, _ := unstructured.NestedString(crd.Object, "spec", "scope")
	version := servedVersion(crd)
	k.namespaced = scope != "Cluster"
	if _, isRoute := policy.RouteKindFromCRD(crd, slices.Contains(options.RouteKinds, k.GroupKind)); isRoute {
		k.keep, k.defined, k.optional, ok = keepAnnotations, true, true, true
	}
	// A CRD that talks nonsense about itself is no policy kind; the snapshot
	// says what is wrong with it.
	p, isPolicy, err := policy.KindFromCRD(crd, slices.Contains(options.PolicyKinds, k.GroupKind))
	if err == nil && isPolicy {
		k.defined, k.optional, ok = true, p.Group() != policy.Group, true
		version = p.Version
		if p.ManageStatus {
			k.keep = keepStatus
		}
	}
	if what, fixed := hierarchyCRDs[crd.GetName()]; fixed {
		k.keep, k.optional, ok = what, false, true
	}
	k.resource = schema.GroupVersionResource{Group: k.Group, Version: version, Resource: plural}
	return k, ok && version != "" && established(crd)
}

// servedVersion is the version to read a kind in: v1 if it is served, else the
// storage version if that is, else the first one.
func servedVersion(crd *unstructured.Unstructured) string {
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	best, rank := "", 0
	for _, v := range versions {
		v, _ := v.(map[string]any)
		name, _ := v["name"].(string)
		served, _ := v["served"].(bool)
		storage, _ := v["storage"].(bool)
		score := 0
		switch {
		case !served:
		case name == "v1":
			score = 3
		case storage:
			score = 2
		default:
			score = 1
		}
		if score > rank {
			best, rank = name, score
		}
	}
	return best
}

func established(crd *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	for _, c := range conditions {
		c, _ := c.(map[string]any)
		if c["type"] == "Established" {
			return c["status"] == "True"
		}
	}
	return false
}

func crdRef(name string) hierarchy.Ref {
	return hierarchy.NewRef(crdKind.Group, crdKind.Kind, "", name)
}
