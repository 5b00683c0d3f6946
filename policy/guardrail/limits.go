package guardrail

import (
	"fmt"
	"regexp/syntax"
	"time"
)

// Limits of rules in all languages. Time is limited by counting (cost in CEL, steps and work in
// Rego), identically on every machine, so that verdicts are reproducible; MaxTime is the fallback.
// Neither is checked inside a single call of a function, so functions check their arguments first:
// the other limits restrict one call to some milliseconds and about a megabyte.
const (
	// MaxTime is how long a rule may run on one path, not counting times in which the machine did
	// something else. Counting normally ends a rule long before. When the timeout does, nothing is
	// decided, because a verdict must not depend on the machine.
	MaxTime = time.Second
	// MaxString is the length of a text in bytes.
	MaxString = 64 << 10
	// MaxWeight is the maximum size of a list or an object with everything in it: one for each
	// value, and one for each 8 bytes of text.
	MaxWeight = 64 << 10
	// MaxRange is the maximum number of numbers that may be generated at once.
	MaxRange = 10_000
	// MaxPattern is the length of a regular expression in bytes.
	MaxPattern = 512
	// MaxProgram is the maximum size of a regular expression with expanded repetitions: x{1000}
	// counts as a thousand, and not as seven.
	MaxProgram = 5000
	// MaxMatching is the maximum product of the size of a regular expression and the length of the
	// text that it is matched against.
	MaxMatching = 4 << 20
	// MaxMessage is the length of a message in bytes; longer ones are cut.
	MaxMessage = 1024
)

// TooSlow is the error of a rule that ran for MaxTime. It is not a finding: on another machine the
// rule may finish.
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

// PatternSize returns the approximate number of instructions of a compiled regular expression, and
// an error if there are too many. It does not compile the expression, because that would take
// longest for those that are refused.
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
