package guardrail

import (
	"fmt"
	"regexp/syntax"
	"time"
)

// What rules of any language may take. Time is bounded by counting (cost in CEL,
// steps and work in Rego), the same on every machine, so that a verdict can be
// had again; MaxTime stands behind it. Neither is noticed inside a single call of
// a function, so functions look at their arguments first: the other limits bound
// what one call can do to some milliseconds and about a megabyte.
const (
	// MaxTime is how long a rule may run on one path, not counting times in which
	// the machine did something else. Counting ends a rule long before; when the
	// clock does, nothing is decided, for a verdict must not depend on a machine.
	MaxTime = time.Second
	// MaxString is the length of a text in bytes.
	MaxString = 64 << 10
	// MaxWeight is how much a list or an object may hold when it is unfolded: one
	// for each value, and one for each 8 bytes of text.
	MaxWeight = 64 << 10
	// MaxRange is how many numbers may be made at once.
	MaxRange = 10_000
	// MaxPattern is the length of a regular expression in bytes.
	MaxPattern = 512
	// MaxProgram is the size of a regular expression when it is unfolded: x{1000}
	// is not seven but a thousand.
	MaxProgram = 5000
	// MaxMatching is the size of a regular expression times the length of the text
	// that it is matched against.
	MaxMatching = 4 << 20
	// MaxMessage is the length of a message in bytes; longer ones are cut.
	MaxMessage = 1024
)

// TooSlow is the error of a rule that ran for MaxTime. It is not a finding: on
// another machine the rule may end.
type TooSlow struct{}

func (TooSlow) Error() string {
	return fmt.Sprintf("a rule ran for %s on one path and did not end", MaxTime)
}

// Fits refuses texts that are too long.
func Fits(size int) error {
	if size > MaxString {
		return fmt.Errorf("a text of %d bytes is too long: at most %d", size, MaxString)
	}
	return nil
}

// Matchable refuses to match a text with a regular expression when it would take
// too long. No engine can be interrupted in the middle of a match.
func Matchable(text, pattern string) error {
	if err := Fits(len(text)); err != nil {
		return err
	}
	size, err := PatternSize(pattern)
	if err != nil {
		return err
	}
	if size*(len(text)+1) > MaxMatching {
		return fmt.Errorf("a text of %d bytes is too long for this regular expression", len(text))
	}
	return nil
}

// PatternSize is about the number of instructions that a regular expression
// compiles to, and an error when that is too many. It is worked out without
// compiling, which would take longest for those that are refused.
func PatternSize(pattern string) (int, error) {
	if len(pattern) > MaxPattern {
		return 0, fmt.Errorf("a regular expression of %d bytes is too long: at most %d", len(pattern), MaxPattern)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, err
	}
	size := instructions(parsed)
	if size > MaxProgram {
		return 0, fmt.Errorf("the regular expression repeats too much: it unfolds to %d steps, and %d is the limit", size, MaxProgram)
	}
	return size, nil
}

func instructions(re *syntax.Regexp) int {
	size := 1
	if re.Op == syntax.OpLiteral {
		size = len(re.Rune)
	}
	for _, sub := range re.Sub {
		size += instructions(sub)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min+1, re.Max)
	}
	return size
}
