package crd

import "k8s.io/apimachinery/pkg/runtime/schema"

// Class is how a policy kind attaches (GEP-713).
type Class string

const (
	// Inherited policies flow down the hierarchy and merge.
	Inherited Class = "Inherited"
	// Direct policies only affect their target; the oldest wins.
	Direct Class = "Direct"
)

// Property is one property that can be declared for a kind.
type Property string

// The properties. All but Docs and Targets can be written on a CRD.
const (
	PropertyClass        Property = "class"
	PropertyTargets      Property = "targets"
	PropertyStrategy     Property = "strategy"
	PropertyWhole        Property = "whole"
	PropertyAtMost       Property = "at-most"
	PropertyBlock        Property = "block"
	PropertyInline       Property = "inline"
	PropertyAppliesTo    Property = "applies-to"
	PropertyBounds       Property = "bounds"
	PropertySummary      Property = "summary"
	PropertyStatedBy     Property = "stated-by"
	PropertyManageStatus Property = "manage-status"
)

// annotated are the properties that annotations can declare, each as attache.dev/ and its name.
var annotated = [...]Property{
	PropertyStrategy, PropertyWhole, PropertyAtMost, PropertyBlock, PropertyInline, PropertyAppliesTo,
	PropertyBounds, PropertySummary, PropertyStatedBy, PropertyManageStatus,
}

// Annotation returns the annotation of a CRD that declares a property.
func (p Property) Annotation() string { return Group + "/" + string(p) }

// Source is where a property was declared.
type Source string

// The sources, the strongest first.
const (
	SourceAnnotation    Source = "annotation"
	SourceProfile       Source = "profile"
	SourceLabel         Source = "label"
	SourceConfiguration Source = "configuration"
)

// Declarations are the declared properties of a policy kind. A property that is not declared is nil
// or zero.
type Declarations struct {
	Class Class
	// Targets are all kinds that the kind may attach to; empty when this is not declared.
	Targets []schema.GroupKind
	// Word says where an object states its strategy, and what the words mean.
	Word *StrategyWord
	// Whole are the values that are taken whole from the strongest layer that has them. A group of
	// several paths is one value; its first path is the head.
	Whole []Whole
	// AtMost are the fields that never exceed another field.
	AtMost []AtMost
	// Blocks says where the blocks of a policy are.
	Blocks *Blocks
	// Inline says where route rules state values of the policy's fields, by route kind.
	Inline map[string][]InlineField
	// AppliesTo are the fields that have an effect on each route kind; nil means every field on
	// every kind. The kind "*" stands for every kind that is not listed, the path "*" for every
	// field.
	AppliesTo map[string][]Path
	// Bounds are the fields that can have bounds, sorted by path.
	Bounds []BoundedField
	// Summary are the values that a summary of an effective policy shows, sorted by name.
	Summary []SummaryValue
	// StatedBy are the values for which a data plane has to know which policy states them.
	StatedBy []Path
	// ManageStatus reports whether we write the status of the kind's objects.
	ManageStatus *bool
}

// StrategyWord says where an object states its strategy, and what the words mean (semantics section
// 2).
type StrategyWord struct {
	// Default is the strategy of an object that does not state one; if it is empty, the default of
	// the schema applies, or else Atomic.
	Default Strategy
	// Field is the path of the word in the object: spec.mergeType. If it is empty, the fields that
	// every kind may have are read.
	Field Path
	// OfChallenger means that the lower object has the word, and that it means "merge me into what
	// is above": the most specific policy on the path applies, patched onto one other policy or
	// alone.
	OfChallenger bool
	// Values are the words and what they mean, in lower case.
	Values map[string]Strategy
	// Overrides are the words that turn the values of the policy into overrides, in lower case.
	Overrides []string
	// With are the levels at which the policy to merge with is searched; empty for all levels. The
	// closest one counts.
	With []string
	// At are the levels at which the word may be used; empty for all.
	At []string
	// Join are the lists that are joined instead of replaced.
	Join []Path
	// Conflict says what happens to two policies on one target.
	Conflict Conflict
	// SelectorsByAge means that age alone decides between policies that name a target and policies
	// that select it; otherwise one that names the target wins over one that selects it.
	SelectorsByAge bool
}

// Conflict is what happens to two policies of one kind on one target.
type Conflict string

const (
	// ConflictOldest lets the oldest hold the target alone.
	ConflictOldest Conflict = "oldest"
	// ConflictField lets each policy hold the fields that no older one states.
	ConflictField Conflict = "field"
	// ConflictMerge accepts both; the older is the established one.
	ConflictMerge Conflict = "merge"
)

// Strategy is how a layer is combined with the one below it.
type Strategy string

const (
	// Atomic takes the whole winner.
	Atomic Strategy = "Atomic"
	// Patch merges one into the other, field by field.
	Patch Strategy = "Patch"
)

// Whole is a value that is taken whole: one path, or a group of paths that belong together.
type Whole []Path

// AtMost means that one field never exceeds another.
type AtMost struct{ Field, Limit Path }

// Blocks has the paths of the default and the override of a policy, from spec down; nil for a block
// that the kind does not have.
type Blocks struct{ Default, Override Path }

// InlineField says where a route rule states the value of a field of the policy.
type InlineField struct {
	Field Path
	// Path leads to the value from the rule.
	Path Path
	// AsString turns numbers into text.
	AsString bool
}

// BoundType is the type by which the values of a field are compared.
type BoundType string

// The types of fields that can have bounds.
const (
	// DurationBound compares GEP-2257 durations.
	DurationBound BoundType = "duration"
	// IntegerBound compares integers.
	IntegerBound BoundType = "integer"
	// QuantityBound compares Kubernetes quantities (100, 500m, 2k).
	QuantityBound BoundType = "quantity"
	// TextBound has no order: only oneOf bounds it.
	TextBound BoundType = "text"
)

// BoundedField is a field that can have bounds (semantics 3.1).
type BoundedField struct {
	Field Path
	Type  BoundType
	// Off is what switches the limit off; nil when nothing does.
	Off *Off
	// Absent is the value that an absent field counts as; nil when there is none.
	Absent any
}

// Off is what switches a field off, and is therefore beyond every maximum.
type Off struct {
	// Switch is the field with that value; empty for the bounded field itself.
	Switch Path
	Value  any
}

// SummaryValue is a value that a summary shows under a name.
type SummaryValue struct {
	Name  string
	Field Path
}
