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
	// removes what weaker layers say there, as in RFC 7386.
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
	// Beat are the indexes of the layers that lost, the strongest first.
	Beat []int
}

// Result is a merged value with the origin of every leaf of it, sorted by path.
type Result struct {
	Value   map[string]any
	Origins []Origin
}
