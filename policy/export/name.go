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

const (
	// longestStem is how much of the route's name an object's name keeps.
	longestStem = 44
	// hashLength is how much of the hash it has.
	hashLength = 10
	// limitPart and retryPart are the parts of a rule that have objects of one kind.
	limitPart = "ratelimit"
	retryPart = "retry"
)

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
	// hashed is the name, where it is known already.
	hashed string
}

// name is the object's name (E5.1): stable, at most 63 bytes, a legal label
// value.
func (t target) name() string {
	if t.hashed != "" {
		return t.hashed
	}
	stem := strings.ReplaceAll(t.route.Name, ".", "-")
	if len(stem) > longestStem {
		stem = stem[:longestStem]
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{
		t.exporter, t.kind.Kind + "." + t.kind.Group, t.route.Kind, t.route.Namespace, t.route.Name, t.rule, t.part,
	}, "\n")))
	return "attache-" + strings.TrimRight(stem, "-") + "-" + hex.EncodeToString(sum[:])[:hashLength]
}

// named is the target with its name, for who asks for it several times.
func (t target) named() target {
	t.hashed = t.name()
	return t
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

// Ours says whether an object is one that an exporter wrote (E5.3): by its label, and by an
// annotation that says what it is for and agrees with its name.
func Ours(u *unstructured.Unstructured) bool {
	_, ours := RouteOf(u)
	return ours
}

// RouteOf is the route that an object of ours is for; false for any other object, and for one that
// says that it is for something else than what it is named for.
func RouteOf(u *unstructured.Unstructured) (hierarchy.Ref, bool) {
	purpose, rule, _ := strings.Cut(u.GetAnnotations()[ForAnnotation], "#")
	kind, name, named := strings.Cut(purpose, "/")
	if !named || u.GetLabels()[ManagedByLabel] != ManagedBy {
		return hierarchy.Ref{}, false
	}
	gvk := u.GroupVersionKind()
	at := target{
		exporter: u.GetLabels()[ExporterLabel], kind: Kind{Group: gvk.Group, Kind: gvk.Kind}, rule: rule,
		route: hierarchy.NewRef(hierarchy.Group, kind, u.GetNamespace(), name),
	}
	return at.route, at.names(u)
}

// takenBy is why a foreign policy at the target keeps ours away, and who it is: it has the name that
// ours would have, or it was there first.
func (t target) takenBy(f *Foreign) (Reason, string) {
	if f.Object.GetName() == t.name() && f.Object.GetNamespace() == t.route.Namespace {
		return NameTaken, t.name()
	}
	return ForeignPolicy, f.name()
}

// names says whether an object has the name of the target, for any part that its kind has.
func (t target) names(u *unstructured.Unstructured) bool {
	if t.exporter != Traefik {
		return t.name() == u.GetName()
	}
	for _, part := range [...]string{limitPart, retryPart} {
		if t.part = part; t.name() == u.GetName() {
			return true
		}
	}
	// The name of a limit is a part of the name, and stands nowhere else.
	_, limits, _ := unstructured.NestedMap(u.Object, "spec", "rateLimit")
	stem := t.name()
	return limits && strings.HasPrefix(u.GetName(), stem[:len(stem)-hashLength]) && len(u.GetName()) == len(stem)
}
