package export

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
)

// The labels and annotations of our objects (E5.2).
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedBy      = "attache"
	ExporterLabel  = "attache.dev/exporter"
	ForAnnotation  = "attache.dev/for"
	// CarriesAnnotation names the foreign policy that an object carries over.
	CarriesAnnotation = "attache.dev/carries"
)

// RetryAnnotation on a route asks to write once more what its data plane refused.
const RetryAnnotation = "attache.dev/retry"

const (
	// namePrefix begins every name.
	namePrefix = "attache-"
	// longestStem is the number of bytes of the route's name that the name of an object keeps.
	longestStem = 44
	// hashLength is the number of hexadecimal digits of the hash that it has.
	hashLength = 10
	// LimitPart is the rate limit of a rule, which has its own object.
	LimitPart = "ratelimit"
	// RetryPart is the retry of a rule, which has its own object.
	RetryPart = "retry"
)

// Target is what an object is for.
type Target struct {
	Exporter string
	Kind     Kind
	Route    hierarchy.Ref
	// Rule is the name of the rule, ~ and a hash for a rule without one, or empty for the whole route.
	Rule string
	// Part distinguishes the objects of one kind for one rule.
	Part string
	// hashed is the name, once it has been computed.
	hashed string
}

// Name is the name of the object (E5.1). It is stable, has at most 63 bytes, and is a valid label value.
func (t Target) Name() string {
	if t.hashed != "" {
		return t.hashed
	}
	stem := strings.ReplaceAll(t.Route.Name, ".", "-")
	if len(stem) > longestStem {
		stem = stem[:longestStem]
	}
	text := append(make([]byte, 0, 256), t.Exporter...)
	text = append(append(text, '\n'), t.Kind.Kind...)
	text = append(append(text, '.'), t.Kind.Group...)
	for _, part := range [...]string{t.Route.Kind, t.Route.Namespace, t.Route.Name, t.Rule, t.Part} {
		text = append(append(text, '\n'), part...)
	}
	sum := sha256.Sum256(text)
	name := append(append(make([]byte, 0, 64), namePrefix...), strings.TrimRight(stem, "-")...)
	return string(hex.AppendEncode(append(name, '-'), sum[:hashLength/2]))
}

// ObjectKey identifies an object among those of one route: by its kind, and the rule and the part that it
// is for. Routes of the same shape have objects with the same keys.
type ObjectKey string

// Key is the key of the object.
func (t Target) Key() ObjectKey { return ObjectKey(t.Kind.Kind + "#" + t.Rule + "/" + t.Part) }

// Named returns the target with its name computed, for callers that need it several times.
func (t Target) Named() Target {
	t.hashed = t.Name()
	return t
}

// purpose is the value of ForAnnotation.
func (t Target) purpose() string {
	purpose := t.Route.Kind + "/" + t.Route.Name
	if t.Rule != "" {
		purpose += "#" + t.Rule
	}
	return purpose
}

// Object returns the object without a spec.
func (t Target) Object(in *Input) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": t.Kind.Group + "/" + t.Kind.Version, "kind": t.Kind.Kind,
		"metadata": t.metadata(in, map[string]any{ManagedByLabel: ManagedBy, ExporterLabel: t.Exporter}),
	}}
}

// metadata returns the metadata of the object with some labels.
func (t Target) metadata(in *Input, labels any) map[string]any {
	metadata := map[string]any{
		"name": t.Name(), "namespace": t.Route.Namespace, "labels": labels,
		"annotations": map[string]any{ForAnnotation: t.purpose()},
	}
	if in.UID != "" {
		metadata["ownerReferences"] = []any{map[string]any{
			"apiVersion": in.Route.GroupKind.Group + "/" + in.Version, "kind": in.Route.Kind, "name": in.Route.Name, "uid": in.UID,
		}}
	}
	return metadata
}

// Write returns the object with a spec.
func (t Target) Write(in *Input, spec map[string]any) Written {
	object := t.Object(in)
	object.Object["spec"] = spec
	return Written{object, t}
}

// Ours reports whether an exporter wrote an object (E5.3): it has our label, and the annotation that
// says what it is for agrees with its name.
func Ours(u *unstructured.Unstructured) bool {
	_, ours := RouteOf(u)
	return ours
}

// RouteOf returns the route that an object of ours is for. It is false for any other object, and for
// one whose annotation does not agree with its name.
func RouteOf(u *unstructured.Unstructured) (hierarchy.Ref, bool) {
	purpose, rule, _ := strings.Cut(u.GetAnnotations()[ForAnnotation], "#")
	kind, name, named := strings.Cut(purpose, "/")
	if !named || u.GetLabels()[ManagedByLabel] != ManagedBy {
		return hierarchy.Ref{}, false
	}
	gvk := u.GroupVersionKind()
	at := Target{
		Exporter: u.GetLabels()[ExporterLabel], Kind: Kind{Group: gvk.Group, Kind: gvk.Kind}, Rule: rule,
		Route: hierarchy.NewRef(hierarchy.Group, kind, u.GetNamespace(), name),
	}
	return at.Route, at.names(u)
}

// TakenBy returns why a foreign policy at the target prevents ours, and its name: it has the name that
// ours would have, or it is older.
func (t Target) TakenBy(f *Foreign) (Reason, string) {
	if f.Object.GetName() == t.Name() && f.Object.GetNamespace() == t.Route.Namespace {
		return NameTaken, t.Name()
	}
	return ForeignPolicy, f.String()
}

// names reports whether an object has the name of the target, for any part that its kind has.
func (t Target) names(u *unstructured.Unstructured) bool {
	if t.Exporter != Traefik {
		return t.Name() == u.GetName()
	}
	for _, part := range [...]string{LimitPart, RetryPart} {
		if t.Part = part; t.Name() == u.GetName() {
			return true
		}
	}
	// The name of the limit is part of what is hashed, and is nowhere else in the object.
	_, limits, _ := unstructured.NestedMap(u.Object, "spec", "rateLimit")
	stem := t.Name()
	return limits && strings.HasPrefix(u.GetName(), stem[:len(stem)-hashLength]) && len(u.GetName()) == len(stem)
}
