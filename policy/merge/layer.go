package merge

import "iter"

// Strategy says how a layer, when it is the established one, is combined with the challenger below
// it (GEP-713, semantics section 3).
type Strategy uint8

const (
	// Atomic takes the whole winner.
	Atomic Strategy = iota
	// Patch puts the winner over the loser by RFC 7386, JSON Merge Patch: objects field by field,
	// everything else (including lists) as a whole.
	Patch
)

// String returns the strategy as it is written in a policy.
func (s Strategy) String() string {
	if s == Patch {
		return "Patch"
	}
	return "Atomic"
}

// Block says to which part of its object a layer belongs.
type Block uint8

const (
	// Default yields to every more specific value.
	Default Block = iota
	// Inline is a value written in the route rule itself: stronger than every
	// default, weaker than every override.
	Inline
	// Override beats everything except an override of a higher level.
	Override
	// Bound marks a value that no layer set and that a bound supplied. It is only the block of an
	// origin, never of a layer.
	Bound
)

// String returns the block as an origin shows it.
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

// Layer is what one object contributes at one target.
type Layer struct {
	Block    Block
	Strategy Strategy
	// Value is a JSON object as encoding/json would decode it; integers may also be int64. Nil or
	// empty contributes nothing. A null inside it removes the values of weaker layers there, as in
	// RFC 7386; in an inline layer it is ignored. An inline layer has no values inside a value that
	// a Shape takes whole.
	Value map[string]any

	// read is what Value states, nil until Read.
	read *statement
}

// Read is the layer with its value taken apart, for those that are folded again and again. Its Value
// is not to be replaced from then on.
func (l Layer) Read() Layer {
	if l.read == nil {
		l.read = read(l.Value)
	}
	return l
}

// Leaves yields what a layer that was Read states, in the order of the paths. Nulls are left out, and
// an object with nothing but nulls is an empty one. The paths may be kept.
func (l Layer) Leaves() iter.Seq2[[]string, any] {
	return func(yield func([]string, any) bool) {
		for i := range l.read.leaves {
			if !yield(l.read.leaves[i].path, l.read.leaves[i].value) {
				return
			}
		}
	}
}

// Origin says which layer set one leaf, and which other layers stated a value there and lost.
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
	// Digest is that of Path and Value, BeatDigest a hash of what the layers of Beat state there.
	Digest, BeatDigest uint64
}

// Rule is what removed a value that is not in the result.
type Rule uint8

const (
	// AtomicOverride replaced everything below it.
	AtomicOverride Rule = iota + 1
	// AtomicDefault is a default that yields as a whole to any challenger.
	AtomicDefault
	// Whole is a path or a group that is taken whole from the strongest layer.
	Whole
	// Null removed the values of weaker layers.
	Null
)

// String returns the rule as results show it.
func (r Rule) String() string {
	return [...]string{"", "AtomicOverride", "AtomicDefault", "Whole", "Null"}[r]
}

// Lost is a leaf that a layer states, that is not in the result, and that no origin beat: no layer
// sets it, or only a weaker one.
type Lost struct {
	Path  []string
	Value any
	// Layer is the index of the layer that stated it.
	Layer int
	Rule  Rule
	// By is the layer to which the rule refers: the Atomic override, the challenger of an Atomic
	// default, the winner of a whole path or group, or the layer that states null.
	By int
}

// Result is a merged value with the origin of each of its leaves, and every value that was stated
// and lost, both sorted by path.
type Result struct {
	Value   map[string]any
	Origins []Origin
	Lost    []Lost
}
