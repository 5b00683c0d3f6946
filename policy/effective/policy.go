package effective

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

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
	// NotSet is everything that was stated and is not in Value, unless an origin
	// beat it; sorted by field.
	NotSet []NotSet
	// NotApplicable are the fields left out because they mean nothing on this
	// kind of route (semantics section 8), sorted.
	NotApplicable []crd.Path
	// Invalid are the rules of the kind's schema that the merged value breaks
	// (semantics section 6), sorted by message.
	Invalid []crd.Broken
	// Ignored are bounds that contradict one of a higher level.
	Ignored []IgnoredBound
	// Yielding are bounds that do not apply, because an override from above decides.
	Yielding []YieldingBound
	// Parts say what each attached policy came to on the path, the least
	// specific first.
	Contributions []Contribution

	// identity is equal for what readers cannot tell apart.
	identity string
	// valueSize is about how long Value is as JSON.
	valueSize int
}

// Origin says who set one leaf of an effective policy (semantics section 4).
type Origin struct {
	// Path leads to the leaf.
	Path  crd.Path
	Value any
	// From is the policy, or the route for an inline value.
	From hierarchy.Ref
	// Target is what the policy is attached to, or the rule. For a rule without
	// a name its Section is rules[2], which is for reading only.
	Target hierarchy.Ref
	Level  hierarchy.Level
	Block  merge.Block
	// Beat are the others that stated something there, the strongest first.
	Beat []Beaten
	// ClampedBy is who gave the final value where it is not the winner's own: the
	// policy whose bound it is, or the origin of the field that this one cannot
	// exceed. Stated is what the winner had said: of this field, or of Switch.
	ClampedBy hierarchy.Ref
	Stated    any
	// Limit is the field that this one cannot exceed, where that moved the value;
	// Switch the field that switched this one off, where a bound took that out.
	Limit, Switch crd.Path
	// Joined are the others whose entries are in a joined list.
	Joined []hierarchy.Ref

	// layer is the winner among the layers of the fold, -1 for a bound.
	layer int
}

// StatedText is Stated as a reader sees it: with the name of the field where it is another one's.
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
	// From states it, at a level: on paths that read the same it can be attached
	// to different objects.
	From  hierarchy.Ref
	Level hierarchy.Level
	Block merge.Block
	Rule  Rule
	// By is whose doing it is; zero for NotApplicable and Incomplete.
	By hierarchy.Ref
}

// Beaten is a value that lost.
type Beaten struct {
	From  hierarchy.Ref
	Level hierarchy.Level
	Block merge.Block
	Value any
}

// String is the loser as results show it: "TimeoutPolicy shop/checkout (default)".
func (b Beaten) String() string { return fmt.Sprintf("%s (%s)", b.From, b.Block) }

// Same says whether two results of one kind read the same.
func (m *Policy) Same(other *Policy) bool { return m.identity == other.identity }

// AppendValues writes the values alone, the same for all results of a kind that have the same.
func (m *Policy) AppendValues(b []byte) []byte {
	for i := range m.Origins {
		b = appendValue(strconv.AppendQuote(b, m.Origins[i].Path.String()), m.Origins[i].Value)
	}
	return b
}

// Size is about how many bytes m takes where it is published.
func (m *Policy) Size() int {
	size := m.valueSize
	for i := range m.Origins {
		// An origin is a reference, a target, and one more reference for each loser.
		size += perOrigin + 2*len(m.Origins[i].Path.String()) + perBeaten*len(m.Origins[i].Beat)
	}
	return size
}

// What references, levels and blocks take in an EffectivePolicy, measured.
const (
	perOrigin = 280
	perBeaten = 160
)

// appendIdentity writes everything that a reader can see of m. The value is in its origins.
func (m *Policy) appendIdentity(b []byte) []byte {
	b = append(b, m.Kind.Name()...)
	for _, path := range m.NotApplicable {
		b = strconv.AppendQuote(append(b, '\n'), path.String())
	}
	for _, ignored := range m.Ignored {
		b = strconv.AppendQuote(append(b, "\n?"...), ignored.String())
	}
	for _, broken := range m.Invalid {
		b = strconv.AppendQuote(append(b, "\n!"...), broken.Message)
	}
	for i := range m.NotSet {
		n := &m.NotSet[i]
		b = appendRef(appendAll(b, "\n-", n.Path.String(), "="), &n.From)
		b = appendRef(appendAll(b, "@", n.Level.String(), " ", n.Block.String(), " ", string(n.Rule), " "), &n.By)
		b = appendValue(b, n.Value)
	}
	m.valueSize = 0
	for i := range m.Origins {
		o := &m.Origins[i]
		start := len(b)
		b = appendValue(appendAll(b, "\n", o.Path.String()), o.Value)
		m.valueSize += len(b) - start
		b = appendRef(b, &o.From)
		b = appendAll(appendRef(append(b, '@'), &o.Target), " ", o.Block.String())
		if !o.ClampedBy.IsZero() {
			b = appendValue(append(appendRef(append(b, '+'), &o.ClampedBy), o.Switch.String()...), o.Stated)
		}
		for j := range o.Beat {
			l := &o.Beat[j]
			b = appendValue(appendAll(appendRef(append(b, '<'), &l.From), "@", l.Level.String(), " ", l.Block.String()), l.Value)
		}
	}
	return append(b, '\n')
}

func appendAll(b []byte, parts ...string) []byte {
	for _, part := range parts {
		b = append(b, part...)
	}
	return b
}

func appendRef(b []byte, r *hierarchy.Ref) []byte {
	return appendAll(b, r.GroupKind.Group, "/", r.Kind, " ", r.Namespace, "/", r.Name, "#", r.Section)
}

// appendValue writes a value, the same for all that read the same.
func appendValue(b []byte, value any) []byte {
	b = append(b, '=')
	switch v := value.(type) {
	case string:
		return append(append(b, '"'), v...)
	case int64:
		return strconv.AppendInt(b, v, 10)
	}
	out, _ := json.Marshal(value)
	return append(b, out...)
}

func compareKinds(a, b *policy.Kind) int { return strings.Compare(a.Name(), b.Name()) }
