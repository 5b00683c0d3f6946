package merge

// Strategy says how a layer, when it is the established one, meets the
// challenger below it (GEP-713, semantics section 3).
type Strategy uint8

const (
	// Atomic takes the winner whole.
	Atomic Strategy = iota
	// Patch puts the winner over the loser by RFC 7386, JSON Merge Patch:
	// objects field by field, everything else (lists too) whole.
	Patch
)

// String is the strategy as a policy writes it.
func (s Strategy) String() string {
	if s == Patch {
		return "Patch"
	}
	return "Atomic"
}

// Block says in which part of its object a layer stands.
type Block uint8

const (
	// Default yields to anything more specific.
	Default Block = iota
	// Inline is a value written in the route rule itself: stronger than every
	// default, weaker than every override.
	Inline
	// Override beats anything less strong than an override of a higher level.
	Override
	// Bound marks a value that nobody set and a bound supplied. It is never
	// the block of a layer, only of an origin.
	Bound
)

// String is the block as an origin shows it.
func (b Block) String() string {
	switch b {
	case Default:
		return "default"
	case Inline:
		return "inline"
	case Override:
		return "override"
	default:
		return "bound"
	}
}

// Layer is what one object contributes at one place.
type Layer struct {
	Block    Block
	Strategy Strategy
	// Value is a JSON object as encoding/json would decode it; integers may
	// also be int64. Nil or empty contributes nothing. A null inside it
	// removes what weaker layers say there, as in RFC 7386; in an inline layer
	// it states nothing. An inline layer has no value inside what a Shape takes
	// whole.
	Value map[string]any
}

// Origin says which layer set one leaf, and which other layers stated
// something there and lost.
type Origin struct {
	// Path leads to the leaf from the root of the merged value.
	Path []string
	// Value is the leaf: a scalar, a list, or an empty object.
	Value any
	// Layer is the index of the winner in the layers given to Fold.
	Layer int
	// Joined are the indexes of the layers whose entries are in a joined list
	// beside the winner's, in the order of the entries.
	Joined []int
	// Beat are the indexes of the layers that lost, the strongest first.
	Beat []int
}

// Rule is what removed a value that is not in the result.
type Rule uint8

const (
	// AtomicOverride took everything below it whole.
	AtomicOverride Rule = iota + 1
	// AtomicDefault is a default that yields as a whole to any challenger.
	AtomicDefault
	// Whole is a path or a group that is taken whole from the strongest layer.
	Whole
	// Null removed what weaker layers say.
	Null
)

// String is the rule as results show it.
func (r Rule) String() string {
	return [...]string{"", "AtomicOverride", "AtomicDefault", "Whole", "Null"}[r]
}

// Lost is a leaf that a layer states, that is not in the result, and that no
// origin beat: nobody sets it, or only somebody weaker does.
type Lost struct {
	Path  []string
	Value any
	// Layer is who stated it.
	Layer int
	Rule  Rule
	// By is the layer that the rule speaks for: the Atomic override, the
	// challenger of an Atomic default, the winner of a whole path or group, or
	// the one that states null.
	By int
}

// Result is a merged value with the origin of every leaf of it and everything
// that was stated and lost, both sorted by path.
type Result struct {
	Value   map[string]any
	Origins []Origin
	Lost    []Lost
}
