package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/merge"
)

// Group is the API group of this project. It matters twice: kinds in it are
// shown without their group, and their status is ours to write.
const Group = "attache.dev"

// What a CRD says about itself as a policy kind or a route kind.
const (
	// PolicyLabel marks a CRD as a policy kind; its value is the class (GEP-713).
	PolicyLabel = "gateway.networking.k8s.io/policy"
	// RouteLabel, "true", marks a CRD with spec.parentRefs as a route kind.
	RouteLabel = "attache.dev/route"
	// InlineAnnotation maps fields of route rules to fields of the policy:
	// {"HTTPRoute":{"request":"timeouts.request"}}. Instead of a path,
	// {"path":"retry.codes","as":"string"} also turns numbers into strings.
	InlineAnnotation = "attache.dev/inline"
	// AppliesToAnnotation lists the fields that mean something on each route
	// kind: {"UDPRoute":["idle"],"*":["*"]}. "*" as a key is every kind not
	// listed, in a list every field. Without it everything applies everywhere.
	AppliesToAnnotation = "attache.dev/applies-to"
	// BoundsAnnotation gives the type of each field that can have bounds:
	// {"request":"duration","maxRetries":"integer","rate":"quantity"}.
	BoundsAnnotation = "attache.dev/bounds"
	// ManageStatusAnnotation, "true", asks us to write the status of a kind
	// that is not ours.
	ManageStatusAnnotation = "attache.dev/manage-status"
)

// Class is how a policy kind attaches (GEP-713).
type Class string

const (
	// Inherited policies flow down the hierarchy and merge.
	Inherited Class = "Inherited"
	// Direct policies affect their target alone; the oldest wins.
	Direct Class = "Direct"
)

// Validator checks a merged effective value against the schema and rules of
// the policy kind's own block and returns one message for each rule broken,
// sorted (semantics section 6).
type Validator interface {
	Validate(block string, merged map[string]any) []string
}

// Kind is a policy kind as its CRD describes it. The engine knows nothing
// about any kind but this.
type Kind struct {
	GroupKind schema.GroupKind
	// Plural is the resource name, Namespaced its scope.
	Plural     string
	Namespaced bool
	// Version is the served version to read it in: the storage version if
	// served, else the first one.
	Version string
	Class   Class
	// Strategy is that of an object which does not say one: what the CRD fills
	// in, and Atomic when it fills in nothing.
	Strategy merge.Strategy
	// ManageStatus says whether its status is ours to write.
	ManageStatus bool
	// Block is the name of the block whose schema a merged value must satisfy:
	// "default", "defaults", "override" or "overrides"; empty when spec itself
	// is the block.
	Block     string
	Validator Validator

	inline    map[string]map[string]InlineField
	appliesTo map[string][]string
	bounds    map[string]BoundType
}

// InlineField is where a route rule states the value of a policy field.
type InlineField struct {
	Path     []string
	AsString bool
}

// Name is the kind as results show it: the bare kind in our group,
// "Kind.group" elsewhere.
func (k *Kind) Name() string { return KindName(k.GroupKind) }

// Comparable says by which type the values of a field compare, if they do.
func (k *Kind) Comparable(field string) (BoundType, bool) {
	t, ok := k.bounds[field]
	return t, ok
}

// Inline says where the rules of a route kind state values of the policy's
// fields, by field. A route kind in another group than Gateway API's is named
// "Kind.group" in the table.
func (k *Kind) Inline(route schema.GroupKind) map[string]InlineField {
	return k.inline[hierarchy.KindName(route)]
}

// Group is the API group of the kind.
func (k *Kind) Group() string { return k.GroupKind.Group }

// KindName is the name of a policy kind in results: the bare kind in our own
// group, "Kind.group" elsewhere.
func KindName(gk schema.GroupKind) string {
	if gk.Group == Group {
		return gk.Kind
	}
	return gk.Kind + "." + gk.Group
}

// Applies says whether a field of the policy means anything on a route kind.
// A route kind in another group than Gateway API's is named "Kind.group" in
// the table.
func (k *Kind) Applies(route schema.GroupKind, field string) bool {
	if k.appliesTo == nil {
		return true
	}
	fields, listed := k.appliesTo[hierarchy.KindName(route)]
	if !listed {
		fields = k.appliesTo["*"]
	}
	return slices.Contains(fields, "*") || slices.Contains(fields, field)
}

// AppliesAtAll says whether any field of the policy means anything on a route
// kind.
func (k *Kind) AppliesAtAll(route schema.GroupKind) bool {
	if k.appliesTo == nil {
		return true
	}
	fields, listed := k.appliesTo[hierarchy.KindName(route)]
	if !listed {
		fields = k.appliesTo["*"]
	}
	return len(fields) > 0
}

// KindFromCRD reads a policy kind from its CustomResourceDefinition. The
// second result is false when the CRD is not of a policy kind: it carries no
// policy label and is not named by configuration (named). An error means that
// it claims to be one and says nonsense about it.
func KindFromCRD(crd *unstructured.Unstructured, named bool) (Kind, bool, error) {
	label, labelled := crd.GetLabels()[PolicyLabel]
	if !labelled && !named {
		return Kind{}, false, nil
	}
	gk, version, plural, ok := crdNames(crd)
	if !ok {
		return Kind{}, false, fmt.Errorf("CustomResourceDefinition %s: spec.group, spec.names.kind and one served version are needed", crd.GetName())
	}
	scope, _, _ := unstructured.NestedString(crd.Object, "spec", "scope")
	annotations := crd.GetAnnotations()
	k := Kind{
		GroupKind:    gk,
		Plural:       plural,
		Namespaced:   scope != "Cluster",
		Version:      version.name,
		Class:        Inherited,
		Strategy:     version.strategy,
		ManageStatus: gk.Group == Group || annotations[ManageStatusAnnotation] == "true",
		Block:        version.block,
	}
	switch {
	case !labelled, strings.EqualFold(label, string(Inherited)), strings.EqualFold(label, "true"):
	case strings.EqualFold(label, string(Direct)):
		k.Class = Direct
	default:
		return Kind{}, false, fmt.Errorf("CustomResourceDefinition %s: label %s is %q: write Inherited or Direct", crd.GetName(), PolicyLabel, label)
	}
	if err := k.readAnnotations(annotations); err != nil {
		return Kind{}, false, fmt.Errorf("CustomResourceDefinition %s: %w", crd.GetName(), err)
	}
	return k, true, nil
}

func (k *Kind) readAnnotations(annotations map[string]string) error {
	if text, ok := annotations[AppliesToAnnotation]; ok {
		if err := json.Unmarshal([]byte(text), &k.appliesTo); err != nil {
			return fmt.Errorf(`annotation %s: %w: write {"HTTPRoute":["*"],"UDPRoute":["idle"]}`, AppliesToAnnotation, err)
		}
	}
	if text, ok := annotations[BoundsAnnotation]; ok {
		if err := json.Unmarshal([]byte(text), &k.bounds); err != nil {
			return fmt.Errorf(`annotation %s: %w: write {"request":"duration"}`, BoundsAnnotation, err)
		}
		for _, field := range slices.Sorted(maps.Keys(k.bounds)) {
			if !k.bounds[field].known() {
				return fmt.Errorf("annotation %s: field %s has type %q: write duration, integer or quantity", BoundsAnnotation, field, k.bounds[field])
			}
		}
	}
	text, ok := annotations[InlineAnnotation]
	if !ok {
		return nil
	}
	var table map[string]map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &table); err != nil {
		return fmt.Errorf(`annotation %s: %w: write {"HTTPRoute":{"request":"timeouts.request"}}`, InlineAnnotation, err)
	}
	k.inline = make(map[string]map[string]InlineField, len(table))
	for route, fields := range table {
		k.inline[route] = make(map[string]InlineField, len(fields))
		for field, raw := range fields {
			f, err := parseInlineField(raw)
			if err != nil {
				return fmt.Errorf("annotation %s: %s.%s: %w", InlineAnnotation, route, field, err)
			}
			k.inline[route][field] = f
		}
	}
	return nil
}

func parseInlineField(raw json.RawMessage) (InlineField, error) {
	var path string
	if json.Unmarshal(raw, &path) == nil {
		return InlineField{Path: strings.Split(path, ".")}, nil
	}
	var long struct{ Path, As string }
	if err := json.Unmarshal(raw, &long); err != nil || long.Path == "" || (long.As != "" && long.As != "string") {
		return InlineField{}, fmt.Errorf(`%s is neither a path like "retry.attempts" nor {"path":"retry.codes","as":"string"}`, raw)
	}
	return InlineField{Path: strings.Split(long.Path, "."), AsString: long.As == "string"}, nil
}

// RouteKindFromCRD says which route kind a CRD defines, if it defines one: it
// is labelled as such or named by configuration.
func RouteKindFromCRD(crd *unstructured.Unstructured, named bool) (schema.GroupKind, bool) {
	if crd.GetLabels()[RouteLabel] != "true" && !named {
		return schema.GroupKind{}, false
	}
	gk, _, _, ok := crdNames(crd)
	return gk, ok
}

type crdVersion struct {
	name, block string
	strategy    merge.Strategy
}

// crdNames reads from a CRD what it defines and the version to read it in.
func crdNames(crd *unstructured.Unstructured) (gk schema.GroupKind, version crdVersion, plural string, ok bool) {
	gk.Group, _, _ = unstructured.NestedString(crd.Object, "spec", "group")
	gk.Kind, _, _ = unstructured.NestedString(crd.Object, "spec", "names", "kind")
	plural, _, _ = unstructured.NestedString(crd.Object, "spec", "names", "plural")
	spec, _ := crd.Object["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		v, _ := v.(map[string]any)
		served, _ := v["served"].(bool)
		storage, _ := v["storage"].(bool)
		if served && (storage || version.name == "") {
			version.name, _ = v["name"].(string)
			version.block = blockOf(v)
			version.strategy = strategyOf(v)
		}
	}
	return gk, version, plural, gk.Kind != "" && version.name != ""
}

// blockNames are all spellings of the blocks of a policy (semantics section
// 2), with what each is.
var blockNames = [...]struct {
	name     string
	override bool
}{
	{"default", false}, {"defaults", false}, {"override", true}, {"overrides", true},
}

// blockOf finds the first block that the schema of a CRD version declares.
func blockOf(version map[string]any) string {
	properties, _, _ := unstructured.NestedFieldNoCopy(version, "schema", "openAPIV3Schema", "properties", "spec", "properties")
	fields, _ := properties.(map[string]any)
	for _, b := range blockNames {
		if _, ok := fields[b.name]; ok {
			return b.name
		}
	}
	return ""
}

// strategyOf finds the strategy that a CRD version fills in.
func strategyOf(version map[string]any) merge.Strategy {
	properties, _, _ := unstructured.NestedFieldNoCopy(version, "schema", "openAPIV3Schema", "properties", "spec", "properties")
	fields, _ := properties.(map[string]any)
	for _, key := range strategyFields {
		field, _ := fields[key].(map[string]any)
		if word, isText := field["default"].(string); isText {
			return strategies[strings.ToLower(word)]
		}
	}
	return merge.Atomic
}
