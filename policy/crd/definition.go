package crd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Group is the API group of this project. Kinds in it are shown without their group, and we write
// their status.
const Group = "attache.dev"

// The labels of a CRD.
const (
	// PolicyLabel marks a CRD as a policy kind; its value is the class (GEP-713).
	PolicyLabel = "gateway.networking.k8s.io/policy"
	// RouteLabel, "true", marks a CRD with spec.parentRefs as a route kind.
	RouteLabel = Group + "/route"
)

// GroupKind is the kind of CustomResourceDefinitions themselves.
var GroupKind = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// Is reports whether an object is a CustomResourceDefinition.
func Is(u *unstructured.Unstructured) bool { return u.GroupVersionKind().GroupKind() == GroupKind }

// Definition is what a CRD defines, and what is declared about it.
type Definition struct {
	// Name is the name of the CRD.
	Name      string
	GroupKind schema.GroupKind
	// Plural is the resource name, Namespaced is its scope.
	Plural     string
	Namespaced bool
	// Version is the served version to read the kind in: the storage version if it is served, else
	// the first one; empty when no version is served.
	Version string
	// Route means that it is a route kind.
	Route bool
	// Schema is the schema of whole objects in Version.
	Schema Schema
	// DefaultStrategy is the strategy of an object that does not state one.
	DefaultStrategy Strategy
	// Block leads from spec to the block whose schema a merged value must satisfy; empty for a kind
	// without blocks, whose spec is the block.
	Block Path
	Declarations
	// Sources says where each declared property was declared, and Words has its text there.
	Sources map[Property]Source
	Words   map[Property]string
	// Docs is the page that a profile is based on, Read is the version of the project that was read;
	// both are empty without a profile.
	Docs, Read string
	// Faults are the mistakes in the declarations, sorted.
	Faults []Fault
}

// Fault is a mistake in a declaration about a kind. The declaration is ignored.
type Fault struct {
	// Field is its path: "metadata.annotations[attache.dev/bounds]".
	Field string
	// Name is the name in it that is wrong; empty when all of it is wrong.
	Name    string
	Message string
}

// Text says what is wrong, with the name.
func (f Fault) Text() string {
	if f.Name == "" {
		return f.Message
	}
	return f.Name + ": " + f.Message
}

// About reports whether it is in the declaration of a property.
func (f Fault) About(p Property) bool {
	return f.Field == "metadata.annotations["+p.Annotation()+"]" || f.Field == "profile."+string(p)
}

// String is the fault in one line.
func (f Fault) String() string { return f.Field + ": " + f.Text() }

// IsPolicy reports whether the CRD defines a policy kind.
func (d *Definition) IsPolicy() bool { return d.Class != "" }

// Profile declares properties of a CRD whose author does not.
type Profile struct {
	// CRD is the name of the CustomResourceDefinition, Kind is the kind that it defines.
	CRD  string
	Kind schema.GroupKind
	Declarations
	// Faults are the mistakes in the profile itself.
	Faults []Fault
	// Words are the properties as written in the profile, in JSON.
	Words map[Property]string
	// Docs is the page that it is based on, Read is the version of the project that was read.
	Docs, Read string
}

// Known is what an installation knows about CRDs in addition to the CRDs themselves.
type Known struct {
	// PolicyKinds and RouteKinds name kinds whose CRDs have no label.
	PolicyKinds, RouteKinds []schema.GroupKind
	// Profiles are keyed by the name of the CRD.
	Profiles map[string]*Profile
}

// Concerns reports, from the metadata of a CRD alone, whether it may define a policy kind or a
// route kind. The configuration names kinds, not CRDs, so it applies to all CRDs of the group.
func (k Known) Concerns(name string, labels map[string]string) bool {
	if _, ok := labels[PolicyLabel]; ok || labels[RouteLabel] == "true" || k.Profiles[name] != nil {
		return true
	}
	_, group, _ := strings.Cut(name, ".")
	named := func(gk schema.GroupKind) bool { return gk.Group == group }
	return slices.ContainsFunc(k.PolicyKinds, named) || slices.ContainsFunc(k.RouteKinds, named)
}

// Read reads a CRD. It fails only if the CRD does not say which kind it defines.
func (k Known) Read(crd *unstructured.Unstructured) (Definition, error) {
	d := Definition{Name: crd.GetName(), Sources: map[Property]Source{}, Words: map[Property]string{}}
	spec, _ := crd.Object["spec"].(map[string]any)
	d.GroupKind.Group, _ = spec["group"].(string)
	names, _ := spec["names"].(map[string]any)
	d.GroupKind.Kind, _ = names["kind"].(string)
	d.Plural, _ = names["plural"].(string)
	scope, _ := spec["scope"].(string)
	d.Namespaced = scope != "Cluster"
	d.readVersion(spec)
	if d.GroupKind.Kind == "" || d.Version == "" {
		return d, fmt.Errorf("CustomResourceDefinition %s: spec.group, spec.names.kind and one served version are needed", d.Name)
	}
	labels := crd.GetLabels()
	d.Route = labels[RouteLabel] == "true" || slices.Contains(k.RouteKinds, d.GroupKind)
	d.readDeclarations(crd.GetAnnotations(), k.Profiles[d.Name])
	d.readClass(labels, slices.Contains(k.PolicyKinds, d.GroupKind))
	if d.IsPolicy() {
		d.Words[PropertyClass] = string(d.Class)
	}
	d.Block = d.blockPath()
	d.DefaultStrategy = d.defaultStrategy()
	d.checkNames()
	slices.SortFunc(d.Faults, compareFaults)
	return d, nil
}

// readVersion finds the version to read the kind in.
func (d *Definition) readVersion(spec map[string]any) {
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		v, _ := v.(map[string]any)
		served, _ := v["served"].(bool)
		storage, _ := v["storage"].(bool)
		if !served || (!storage && d.Version != "") {
			continue
		}
		d.Version, _ = v["name"].(string)
		outer, _ := v["schema"].(map[string]any)
		node, _ := outer["openAPIV3Schema"].(map[string]any)
		d.Schema = Schema{node}
	}
}

// readDeclarations takes each property from the annotation, or else from the profile.
func (d *Definition) readDeclarations(annotations map[string]string, profile *Profile) {
	if profile != nil {
		d.Declarations = profile.Declarations
		d.Faults = append(d.Faults, profile.Faults...)
		d.Docs, d.Read = profile.Docs, profile.Read
		for _, property := range profile.said() {
			d.Sources[property], d.Words[property] = SourceProfile, profile.Words[property]
		}
	}
	for _, property := range annotated {
		text, ok := annotations[property.Annotation()]
		if !ok {
			continue
		}
		r := reader{field: "metadata.annotations[" + property.Annotation() + "]"}
		var said Declarations
		if r.property(property, []byte(text), &said); said.says(property) {
			d.take(property, said)
			d.Sources[property], d.Words[property] = SourceAnnotation, text
		}
		d.Faults = append(d.Faults, r.faults...)
	}
}

// ManagesStatus reports whether we write the status of the kind's objects: for our own kinds, and
// for kinds that ask for it.
func (d *Definition) ManagesStatus() bool {
	if d.ManageStatus == nil {
		return d.GroupKind.Group == Group
	}
	return *d.ManageStatus
}

// readClass finds the class in a profile, in the label, or in the configuration.
func (d *Definition) readClass(labels map[string]string, named bool) {
	label, labelled := labels[PolicyLabel]
	switch {
	case d.Class != "":
	case strings.EqualFold(label, string(Direct)):
		d.Class, d.Sources[PropertyClass] = Direct, SourceLabel
	case strings.EqualFold(label, string(Inherited)), strings.EqualFold(label, "true"):
		d.Class, d.Sources[PropertyClass] = Inherited, SourceLabel
	case labelled:
		d.Faults = append(d.Faults, Fault{Field: "metadata.labels[" + PolicyLabel + "]", Message: fmt.Sprintf("%q is not a class: write Inherited or Direct", label)})
	case named:
		d.Class, d.Sources[PropertyClass] = Inherited, SourceConfiguration
	}
}

// blockNames are the blocks of kinds that do not declare where theirs are.
var blockNames = [...]string{"default", "defaults", "override", "overrides"}

// blockPath finds the block whose schema a merged value must satisfy: the first block that the
// schema declares.
func (d *Definition) blockPath() Path {
	if b := d.Blocks; b != nil {
		if len(b.Default) > 0 {
			return b.Default
		}
		return b.Override
	}
	spec, _ := d.Schema.Field("spec")
	for _, name := range blockNames {
		if block, ok := spec.Field(name); ok && (block.Type() == "object" || block.Type() == "") {
			return Path{name}
		}
	}
	return nil
}

// BlockSchema is the schema of the block that a merged value must satisfy.
func (d *Definition) BlockSchema() Schema {
	node, _ := d.Schema.Field("spec")
	for _, key := range d.Block {
		node, _ = node.Field(key)
	}
	return node
}

// defaultStrategy returns the declared strategy, the default of the schema, or Atomic (GEP-713).
func (d *Definition) defaultStrategy() Strategy {
	spec, _ := d.Schema.Field("spec")
	if w := d.Word; w != nil {
		if w.Default != "" {
			return w.Default
		}
		node := d.Schema
		for _, key := range w.Field {
			node, _ = node.Field(key)
		}
		if word, ok := node.Default().(string); ok && len(w.Field) > 0 {
			s, _ := w.Means(word)
			return s
		}
	}
	for _, name := range StrategyFields {
		field, _ := spec.Field(name)
		if word, ok := field.Default().(string); ok {
			s, _ := StrategyOf(word)
			return s
		}
	}
	return Atomic
}

// NotValues are the fields of spec that are not values of a policy of a kind without blocks: where
// it applies, how it merges, and bounds.
func (d *Definition) NotValues() []string {
	names := slices.Concat(TargetFields[:], StrategyFields[:])
	if d.Word != nil && len(d.Word.Field) > 1 && d.Word.Field[0] == "spec" {
		names = append(names, d.Word.Field[1])
	}
	if d.Bounds != nil {
		names = append(names, "bounds")
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func compareFaults(a, b Fault) int {
	if c := strings.Compare(a.Field, b.Field); c != 0 {
		return c
	}
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return strings.Compare(a.Message, b.Message)
}
