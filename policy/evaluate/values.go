package evaluate

import (
	"encoding/binary"

	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Memory gives results numbers by the values that they hold, so that what comes from other policies
// and says the same is one to the rules that read nothing else. It remembers what they said, from one
// Evaluator to the next: that follows from the rule and the values, and from nothing that an edit or
// another snapshot changes. It is for one goroutine.
type Memory struct {
	numbers map[string]int
	kinds   map[*effective.Policy]int
	// results are the numbers of whole results, for rules that may read every kind.
	results map[*effective.PathPolicies]int
	scratch []byte
	// answers are those of rules that read nothing but values.
	answers map[valuesQuestion]answer
}

// valuesQuestion is everything that the answer of such a rule depends on.
type valuesQuestion struct {
	rule     guardrail.Rule
	values   int
	asBefore bool
}

// maxNumbered is how many results are remembered, as many as answers are.
const maxNumbered = maxAnswers

// NewMemory returns a Memory of nothing.
func NewMemory() *Memory {
	return &Memory{numbers: map[string]int{}, kinds: map[*effective.Policy]int{}, results: map[*effective.PathPolicies]int{}, answers: map[valuesQuestion]answer{}}
}

// Size is how much is remembered.
func (v *Memory) Size() int {
	return len(v.numbers) + len(v.kinds) + len(v.results) + len(v.answers)
}

// of is the number of what a rule reads of a result; 0 of one that is not there.
func (v *Memory) of(rule guardrail.Rule, r *effective.PathPolicies) int {
	if r == nil {
		return 0
	}
	if reader, ok := rule.(guardrail.KindReader); ok {
		if kinds, only := reader.Kinds(); only && len(kinds) == 1 {
			m, _ := r.Kind(kinds[0])
			return v.ofKind(m)
		}
	}
	return v.ofAll(r)
}

// ofAll is the number of all values of a result.
func (v *Memory) ofAll(r *effective.PathPolicies) int {
	if n, known := v.results[r]; known {
		return n
	}
	if len(v.results) >= maxNumbered {
		clear(v.results)
	}
	whole := make([]byte, 1, 64) // it begins with a zero, which no kind's text does
	for _, m := range r.Kinds {
		whole = binary.AppendVarint(whole, int64(v.ofKind(m)))
	}
	n := v.number(whole)
	v.results[r] = n
	return n
}

// ofKind is the number of one kind's values; 1 where it has none.
func (v *Memory) ofKind(m *effective.Policy) int {
	if m == nil || len(m.Value) == 0 {
		return 1
	}
	if n, known := v.kinds[m]; known {
		return n
	}
	if len(v.kinds) >= maxNumbered {
		clear(v.kinds)
	}
	v.scratch = m.AppendValues(append(append(v.scratch[:0], m.Kind.Name()...), ' '))
	n := v.number(v.scratch)
	v.kinds[m] = n
	return n
}

// number is that of a text. Numbers are never given twice, or answers would be mixed up.
func (v *Memory) number(text []byte) int {
	if n, known := v.numbers[string(text)]; known {
		return n
	}
	n := len(v.numbers) + 2
	v.numbers[string(text)] = n
	return n
}
