package regorule

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/attache-dev/attache/policy/guardrail"
)

const (
	// maxDigits is the maximum length of a number: exact arithmetic takes longer with longer
	// numbers.
	maxDigits = 64
	// maxProduct is the maximum size of a text that a function builds from several.
	maxProduct = 1 << 20
	// maxPairs is the maximum number of pairs of elements that one call may compare.
	maxPairs = 250_000
)

// wideExponent and wideVerb match numbers and format verbs that are short but produce very long
// texts.
var (
	wideExponent = regexp.MustCompile(`[eE][-+]?[0-9]{4}`)
	wideVerb     = regexp.MustCompile(`%[^%a-zA-Z]*([0-9]{3}|[*])`)
)

// weighAll returns the weight of arguments and refuses those that are too large to process.
func weighAll(operands []*ast.Term) (int, error) {
	budget := guardrail.MaxWeight
	for _, o := range operands {
		if err := spend(o, &budget); err != nil {
			return 0, err
		}
	}
	return guardrail.MaxWeight - budget, nil
}

// spend takes the weight of a value from a budget and stops when it is used up.
func spend(t *ast.Term, budget *int) error {
	if *budget--; *budget < 0 {
		return fmt.Errorf("a value is too large: it holds more than %d values or %d bytes of text", guardrail.MaxWeight, guardrail.MaxWeight*8)
	}
	switch v := t.Value.(type) {
	case ast.String:
		*budget -= len(v) / 8
		return guardrail.Fits(len(v))
	case ast.Number:
		return digits(string(v))
	case *ast.Array:
		for i := range v.Len() {
			if err := spend(v.Elem(i), budget); err != nil {
				return err
			}
		}
	case ast.Set:
		return v.Iter(func(e *ast.Term) error { return spend(e, budget) })
	case ast.Object:
		return v.Iter(func(k, e *ast.Term) error { return errors.Join(spend(k, budget), spend(e, budget)) })
	}
	return nil
}

func digits(number string) error {
	if len(number) > maxDigits || wideExponent.MatchString(number) {
		return fmt.Errorf("a number is too long: at most %d digits, and three in the exponent", maxDigits)
	}
	return nil
}

// checks are further limits of single functions.
var checks = map[string]func([]*ast.Term) error{
	"regex.match": patternFirst, "regex.find_n": patternFirst, "regex.split": patternFirst,
	"regex.find_all_string_submatch_n": patternFirst, "regex.is_valid": patternFirst,
	"regex.replace": func(o []*ast.Term) error {
		if err := guardrail.Matchable(text(o, 0), text(o, 1)); err != nil {
			return err
		}
		return product(len(text(o, 0))+1, len(text(o, 2))+1)
	},
	"sprintf": func(o []*ast.Term) error {
		format := text(o, 0)
		if wideVerb.MatchString(format) {
			return errors.New("a width of three digits, or *, is too wide")
		}
		return product(strings.Count(format, "%"), bytes(o[1]))
	},
	"concat": func(o []*ast.Term) error {
		return guardrail.Fits(length(o[1])*len(text(o, 0)) + bytes(o[1]))
	},
	"replace": func(o []*ast.Term) error {
		s, old, new := text(o, 0), text(o, 1), text(o, 2)
		return guardrail.Fits(len(s) + strings.Count(s, old)*max(0, len(new)-len(old)))
	},
	"strings.replace_n":        func(o []*ast.Term) error { return product(len(text(o, 1))+1, bytes(o[0])+1) },
	"strings.any_prefix_match": pairs, "strings.any_suffix_match": pairs, "object.subset": pairs,
	"numbers.range": ranging, "numbers.range_step": ranging,
	"bits.lsh": shift, "bits.rsh": shift,
	"units.parse": numeral, "units.parse_bytes": numeral, "to_number": numeral,
	"product": func(o []*ast.Term) error {
		if bytes(o[0]) > 16*maxDigits {
			return errors.New("too many digits to multiply")
		}
		return nil
	},
}

func patternFirst(o []*ast.Term) error { return guardrail.Matchable(text(o, 1), text(o, 0)) }

// matching returns the work of matching a regular expression, as guardrail.MaxMatching counts it.
func matching(name string, o []*ast.Term) int {
	pattern, subject := text(o, 0), text(o, 1)
	switch {
	case !strings.HasPrefix(name, "regex."):
		return 0
	case name == "regex.replace":
		pattern, subject = text(o, 1), text(o, 0)
	}
	size, _ := guardrail.PatternSize(pattern)
	return size * len(subject)
}

func numeral(o []*ast.Term) error {
	if s := text(o, 0); s != "" {
		return digits(s)
	}
	return nil
}

func ranging(o []*ast.Term) error {
	if distance := math.Abs(number(o[1]) - number(o[0])); distance > guardrail.MaxRange {
		return fmt.Errorf("%.0f numbers are too many: at most %d", distance, guardrail.MaxRange)
	}
	return nil
}

func shift(o []*ast.Term) error {
	if number(o[1]) > maxDigits {
		return fmt.Errorf("a shift by more than %d bits is too wide", maxDigits)
	}
	return nil
}

func pairs(o []*ast.Term) error {
	if product := length(o[0]) * length(o[1]); product > maxPairs {
		return fmt.Errorf("%d pairs of elements are too many to compare: at most %d", product, maxPairs)
	}
	return nil
}

func product(a, b int) error {
	if a*b > maxProduct {
		return fmt.Errorf("the result may have %d bytes, and %d is the limit", a*b, maxProduct)
	}
	return nil
}

// text returns an argument that is a string, else "".
func text(operands []*ast.Term, i int) string {
	if i >= len(operands) {
		return ""
	}
	s, _ := operands[i].Value.(ast.String)
	return string(s)
}

// number returns an argument that is a number, else 0.
func number(t *ast.Term) float64 {
	n, _ := t.Value.(ast.Number)
	f, _ := n.Float64()
	return f
}

// length returns the number of elements, 1 for a value without elements.
func length(t *ast.Term) int {
	if v, ok := t.Value.(interface{ Len() int }); ok {
		return v.Len()
	}
	return 1
}

// bytes returns the approximate length of a weighed value as text.
func bytes(t *ast.Term) int {
	size := 0
	ast.WalkTerms(t, func(e *ast.Term) bool {
		switch v := e.Value.(type) {
		case ast.String:
			size += len(v)
		case ast.Number:
			size += len(v)
		default:
			size += 5
		}
		return false
	})
	return size
}
