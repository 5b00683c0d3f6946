package export

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
)

// What every object of ours carries (E5.2).
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedBy      = "attache"
	ExporterLabel  = "attache.dev/exporter"
	ForAnnotation  = "attache.dev/for"
	// CarriesAnnotation names the foreign policy that an object carries over.
	CarriesAnnotation = "attache.dev/carries"
)

// RetryAnnotation on a route has what its plane refused written once more.
const RetryAnnotation = "attache.dev/retry"

// longestStem is how much of the route's name an object's name keeps.
const longestStem = 44

// target is what an object is for.
type target struct {
	exporter string
	kind     Kind
	route    hierarchy.Ref
	// rule is the rule's name, ~ and a hash for an unnamed one, or empty for
	// the whole route.
	rule string
	// part tells apart the objects of one kind for one rule.
	part string
}

// name is the object's name (E5.1): stable, at most 63 bytes, a legal label
// value.
func (t target) name() string {
	stem := strings.ReplaceAll(t.route.Name, ".", "-")
	if len(stem) > longestStem {
		stem = stem[:longestStem]
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{
		t.exporter, t.kind.Kind + "." + t.kind.Group, t.route.Kind, t.route.Namespace, t.route.Name, t.rule, t.part,
	}, "\n")))
	return "attache-" + strings.TrimRight(stem, "-") + "-" + hex.EncodeToString(sum[:])[:10]
}

// purpose is the annotation that says what an object is for.
func (t target) purpose() string {
	purpose := t.route.Kind + "/" + t.route.Name
	if t.rule != "" {
		purpose += "#" + t.rule
	}
	return purpose
}

// object is the object without its spec.
func (t target) object(in *Input) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetAPIVersion(t.kind.Group + "/" + t.kind.Version)
	u.SetKind(t.kind.Kind)
	u.SetNamespace(t.route.Namespace)
	u.SetName(t.name())
	u.SetLabels(map[string]string{ManagedByLabel: ManagedBy, ExporterLabel: t.exporter})
	u.SetAnnotations(map[string]string{ForAnnotation: t.purpose()})
	if in.UID != "" {
		u.Object["metadata"].(map[string]any)["ownerReferences"] = []any{map[string]any{
			"apiVersion": in.Route.GroupKind.Group + "/" + in.Version, "kind": in.Route.Kind, "name": in.Route.Name, "uid": in.UID,
		}}
	}
	return u
}

// Ours says whether an object is one that an exporter wrote (E5.3): by its
// label, and an annotation that says what it is for.
func Ours(u *unstructured.Unstructured) bool {
	return u.GetLabels()[ManagedByLabel] == ManagedBy && u.GetAnnotations()[ForAnnotation] != ""
}

// RouteOf is the route that an object of ours is for; false for any other object.
func RouteOf(u *unstructured.Unstructured) (hierarchy.Ref, bool) {
	purpose, _, _ := strings.Cut(u.GetAnnotations()[ForAnnotation], "#")
	kind, name, named := strings.Cut(purpose, "/")
	if !Ours(u) || !named {
		return hierarchy.Ref{}, false
	}
	return hierarchy.NewRef(hierarchy.Group, kind, u.GetNamespace(), name), true
}
