package crd

import "k8s.io/apimachinery/pkg/runtime/schema"

// Class is how a policy kind attaches (GEP-713).
type Class string

const (
	// Inherited policies flow down the hierarchy and merge.
	Inherited Class = "Inherited"
	// Direct policies affect their target alone; the oldest wins.
	Direct Class = "Direct"
)

// Property is one thing that can be said about a kind.
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

// annotated are the properties that annotations say, each under attache.dev/ and its name.
var annotated = [...]Property{
	PropertyStrategy, PropertyWhole, PropertyAtMost, PropertyBlock, PropertyInline, PropertyAppliesTo,
	PropertyBounds, PropertySummary, PropertyStatedBy, PropertyManageStatus,
}

// Annotation is the annotation of a CRD that says a property.
func (p Property) Annotation() string { return Group + "/" + string(p) }

// Source is who says a property.
type Source string

// The sources, the strongest first.
const (
	SourceAnnotation    Source = "annotation"
	SourceProfile       Source = "profile"
	SourceLabel         Source = "label"
	SourceConfiguration Source = "configuration"
)

// Declarations are what is said about a policy kind. A property about which nothing is said is nil
// or zero.
type Declarations struct {
	Class Class
	// Targets are all that the kind may attach to; empty when nobody says.
	Targets []schema.GroupKind
	// Word is where an object says its strategy, and what its words mean.
	Word *StrategyWord
	// Whole are the values that are taken whole from the strongest layer that has them. A group
	// of several paths is one value, and its first path the head.
	Whole []Whole
	// AtMost are the fields that never exceed another.
	AtMost []AtMost
	// Blocks is where the blocks of a policy stand.
	Blocks *Blocks
	// Inline is where route rules state values of the policy's fields, by route kind.
	Inline map[string][]InlineField
	// AppliesTo are the fields that mean something on each route kind; nil means all on all. "*"
	// as a kind is every kind not listed, the path "*" every field.
	AppliesTo map[string][]Path
	// Bounds are the fields that can have bounds, sorted by path.
	Bounds []BoundedField
	// Summary are the values that a summary of an effective policy shows, sorted by name.
	Summary []SummaryValue
	// StatedBy are the values for which a data plane has to know the policy that states them.
	StatedBy []Path
	// ManageStatus says whether the status of the kind's objects is ours to write.
	ManageStatus *bool
}

// StrategyWord is where an object says its strategy and what its words mean (semantics section 2).
type StrategyWord struct {
	// Default is the strategy of an object that says none; empty for what the schema fills in,
	// and else Atomic.
	Default Strategy
	// Field is where the word stands, from the object down: spec.mergeType. Empty for the fields
	// that every kind may have.
	Field Path
	// OfChallenger says that the word stands on the lower object and means "merge me into what is
	// above": the most specific policy on the path is patched onto one other, or alone.
	OfChallenger bool
	// Values are the words and what they mean, in lower case.
	Values map[string]Strategy
	// Overrides are those of the words that make what the policy states an override,
	// in lower case.
	Overrides []string
	// With are the levels whose closest policy is merged with; empty for the closest of all.
	With []string
	// At are the levels at which the word may stand; empty for all.
	At []string
	// Join are the lists that are joined and not replaced.
	Join []Path
	// Conflict says what becomes of two policies on one target.
	Conflict Conflict
	// SelectorsByAge says that targets that are named and those that are selected are one list, by
	// age; otherwise a name holds its target against a selector.
	SelectorsByAge bool
}

// Conflict is what becomes of two policies of one kind on one target.
type Conflict string

const (
	// ConflictOldest lets the oldest hold the target alone.
	ConflictOldest Conflict = "oldest"
	// ConflictField lets each hold the fields that no older one states.
	ConflictField Conflict = "field"
	// ConflictMerge accepts both; the older is the established one.
	ConflictMerge Conflict = "merge"
)

// Strategy is how a layer meets what is below it.
type Strategy string

const (
	// Atomic takes the winner whole.
	Atomic Strategy = "Atomic"
	// Patch puts one onto the other, field by field.
	Patch Strategy = "Patch"
)

// Whole is a value that is taken whole: one path, or a group of paths that are one thing.
type Whole []Path

// AtMost says that one field never exceeds another.
type AtMost struct{ Field, Limit Path }

// Blocks is where the default and the override of a policy stand, from spec down; nil for one that
// the kind does not have.
type Blocks struct{ Default, Override Path }

// InlineField is where a route rule states the value of a field of the policy.
type InlineField struct {
	Field Path
	// Path leads to the value from the rule.
	Path Path
	// AsString turns numbers into text.
	AsString bool
}

// BoundType is the type by which the values of a field compare.
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
	// Off is what switches the thing off; nil when nothing does.
	Off *Off
	// Absent is what the field means where it is not set; nil when that is nothing.
	Absent any
}

// Off is what switches a field off, and so lies beyond every maximum.
type Off struct {
	// Switch is the field whose value does it; empty for the bounded field itself.
	Switch Path
	Value  any
}

// SummaryValue is a value that a summary shows under a name.
type SummaryValue struct {
	Name  string
	Field Path
}
