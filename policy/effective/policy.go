package effective

import (
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// Policy is the effective policy of one kind on a path. It is immutable and
// shared between all paths with the same result.
type Policy struct {
	Kind *policy.Kind
	// Value is the effective spec; empty when every field is NotApplicable.
	Value map[string]any
	// Origins has one entry for each leaf of Value, sorted by field.
	Origins []Origin
	// NotSet has everything that was stated, is not in Value, and was not beaten by an origin;
	// sorted by field.
	NotSet []NotSet
	// NotApplicable are the fields that were removed because they have no effect on this kind of
	// route (semantics section 8), sorted.
	NotApplicable []crd.Path
	// Invalid are the rules of the kind's schema that the merged value breaks
	// (semantics section 6), sorted by message.
	Invalid []crd.Broken
	// Ignored are bounds that contradict a bound of a higher level.
	Ignored []IgnoredBound
	// Yielding are bounds that do not apply, because an override from above decides.
	Yielding []YieldingBound

	// attached are the policies on the path; on is the kind of route if not all fields apply there.
	attached      attachedList
	on            *schema.GroupKind
	counted       sync.Once
	contributions []Contribution

	// reading is the first of all results of a memory that read the same. digest is the same for all of
	// them.
	reading *Policy
	mark    *mark
	digest  uint64
}

// Origin says who set one leaf of an effective policy (semantics section 4).
type Origin struct {
	// Path leads to the leaf.
	Path  crd.Path
	Value any
	// Source is who states it: From, attached to Target, at Level, in Block. It is shared, and never
	// nil.
	*policy.Source
	// Beat are the others that stated a value there, the strongest first.
	Beat []Beaten
	// Detail is what only few origins have. It may be shared, and is never nil.
	*Detail

	// layer is the index of the winner among the layers of the fold, -1 for a bound.
	layer int
	// digest is that of Path and Value, beaten that of the values of Beat.
	digest, beaten uint64
}

// Detail is what only few origins have.
type Detail struct {
	// ClampedBy is the source of the final value if it is not the winner's own: the policy whose
	// bound applies, or the origin of the field that this one cannot exceed. Stated is the value
	// that the winner stated: for this field, or for Switch.
	ClampedBy hierarchy.Ref
	Stated    any
	// Limit is the field that this one cannot exceed, if that moved the value. Switch is the field
	// that switched this one off, if a bound removed it.
	Limit, Switch crd.Path
	// Joined are the other sources of entries in a joined list.
	Joined []hierarchy.Ref
}

// plain is the Detail of an origin that has none. It is never changed.
var plain = &Detail{}

// StatedText returns Stated as a reader sees it: with the name of the field if it is the value of
// another field.
func (o *Origin) StatedText() any {
	if o.Switch == nil {
		return o.Stated
	}
	return fmt.Sprintf("%s: %v", o.Switch, o.Stated)
}

// Rule is what removed a value that is not set.
type Rule string

// The rules of api.md section 3.
const (
	AtomicOverride Rule = "AtomicOverride"
	AtomicDefault  Rule = "AtomicDefault"
	Whole          Rule = "Whole"
	Null           Rule = "Null"
	Bounds         Rule = "Bounds"
	NotApplicable  Rule = "NotApplicable"
	Incomplete     Rule = "Incomplete"
)

// NotSet is a value that a policy or a route states and that is not in force
// (semantics section 4).
type NotSet struct {
	Path  crd.Path
	Value any
	// From states it, at a level: on paths with equal results it can be attached to different
	// objects.
	From  hierarchy.Ref
	Level hierarchy.Level
	Block merge.Block
	Rule  Rule
	// By is the cause; zero for NotApplicable and Incomplete.
	By hierarchy.Ref
}

// Beaten is a value that lost.
type Beaten struct {
	// Source is who states it. Results with different Targets of it may be shared.
	*policy.Source
	Value any
}

// String returns the loser as results show it: "TimeoutPolicy shop/checkout (default)".
func (b Beaten) String() string { return fmt.Sprintf("%s (%s)", b.From, b.Block) }

// AppendValues writes the values alone, the same for all results of a kind that have the same, and for
// no others.
func (m *Policy) AppendValues(b []byte) []byte { return m.appendLeaves(b) }

// Size returns the approximate number of bytes of m in published form.
func (m *Policy) Size() int {
	size := 0
	var space [64]byte
	scratch := space[:0]
	for i := range m.Origins {
		o := &m.Origins[i]
		scratch = appendValue(scratch[:0], o.Value)
		path := -1
		for _, key := range o.Path {
			path += 1 + len(key)
		}
		// An origin is a reference, a target, and one more reference for each loser.
		size += 1 + len(scratch) + perOrigin + 3*path + perBeaten*len(o.Beat)
	}
	return size
}

// Measured sizes of references, levels and blocks in an EffectivePolicy.
const (
	perOrigin = 280
	perBeaten = 160
)

func compareKinds(a, b *policy.Kind) int { return strings.Compare(a.Name(), b.Name()) }
