package celrule

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/cel-go/common/functions"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"

	"github.com/attache-dev/attache/policy/guardrail"
)

// maxPairs is the maximum number of pairs of elements that one call may compare.
const maxPairs = 250_000

// unguarded functions take constant time and memory for all arguments.
var unguarded = map[string]bool{
	operators.LogicalNot: true, operators.Negate: true, operators.Subtract: true, operators.Multiply: true,
	operators.Divide: true, operators.Modulo: true, operators.NotStrictlyFalse: true, operators.OldNotStrictlyFalse: true, //nolint:staticcheck // deprecated names can still be in a checked expression
	"size": true, "dyn": true, "type": true, "value": true, "hasValue": true,
}

// guard is a decorator of program plans: it replaces each call with one that checks its arguments
// first.
func (t *tables) guard(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := node.(interpreter.InterpretableCall)
	if !ok || unguarded[call.Function()] || len(call.Args()) == 0 {
		return node, nil
	}
	g := &guarded{InterpretableCall: call, args: call.Args(), check: checks[call.Function()]}
	switch call.Function() {
	case operators.Equals, operators.NotEquals:
		return g, nil
	case "matches", "find", "findAll":
		// The planner later replaces a call with a constant pattern, so the check has to be in the
		// argument that it keeps.
		if pattern, isConst := g.args[1].(interpreter.InterpretableConst); isConst {
			g.args = []interpreter.InterpretableV2{&subject{g.args[0], pattern.Value()}, g.args[1]}
		}
	}
	g.overload = t.overloads[call.OverloadID()]
	if g.overload == nil {
		g.overload = t.overloads[call.Function()]
	}
	if g.overload != nil && g.overload.NonStrict {
		return node, nil
	}
	return g, nil
}

// guarded is a call that checks its arguments first.
type guarded struct {
	interpreter.InterpretableCall
	args     []interpreter.InterpretableV2
	overload *functions.Overload
	check    func([]ref.Val) error
}

// Args returns the arguments, the receiver first.
func (g *guarded) Args() []interpreter.InterpretableV2 { return g.args }

// Eval evaluates the call.
func (g *guarded) Eval(vars interpreter.Activation) ref.Val { return g.Exec(interpreter.AsFrame(vars)) }

// Exec evaluates the call.
func (g *guarded) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	var space [3]ref.Val
	values := space[:0]
	for _, arg := range g.args {
		v := arg.Exec(frame)
		if types.IsUnknownOrError(v) {
			return v
		}
		values = append(values, v)
	}
	if frame.CheckInterrupt() {
		return types.WrapErr(interpreter.InterruptError{})
	}
	if err := g.tooMuch(values); err != nil {
		return types.NewErrWithNodeID(g.ID(), "%s: %v", displayName(g.Function()), err)
	}
	return types.LabelErrNode(g.ID(), g.invoke(values))
}

func (g *guarded) invoke(values []ref.Val) ref.Val {
	switch g.Function() {
	case operators.Equals:
		return types.Equal(values[0], values[1])
	case operators.NotEquals:
		return types.Bool(types.Equal(values[0], values[1]) != types.True)
	}
	if f := g.overload; f != nil && (f.OperandTrait == 0 || values[0].Type().HasTrait(f.OperandTrait)) {
		switch {
		case len(values) == 1 && f.Unary != nil:
			return f.Unary(values[0])
		case len(values) == 2 && f.Binary != nil:
			return f.Binary(values[0], values[1])
		case f.Function != nil:
			return f.Function(values...)
		}
	}
	if receiver, ok := values[0].(traits.Receiver); ok && values[0].Type().HasTrait(traits.ReceiverType) {
		return receiver.Receive(g.Function(), g.OverloadID(), values[1:])
	}
	return types.NewErr("no such overload: %s", displayName(g.Function()))
}

// displayName returns a function as people write it: == for _==_.
func displayName(function string) string {
	if name, isOperator := operators.FindReverse(function); isOperator && name != "" {
		return name
	}
	return strings.TrimPrefix(function, "@")
}

func (g *guarded) tooMuch(values []ref.Val) error {
	_, isMap := values[len(values)-1].(traits.Mapper)
	if isMap && (g.Function() == operators.In || g.Function() == operators.OldIn) {
		return nil // looking up a key does not look at the rest
	}
	if building(values[0]) {
		if size := values[0].(traits.Sizer).Size().(types.Int); size > guardrail.MaxWeight {
			return fmt.Errorf("%d elements are too many: at most %d", size, guardrail.MaxWeight)
		}
		return nil
	}
	for _, v := range values {
		if err := weigh(v); err != nil {
			return err
		}
	}
	if g.check != nil {
		return g.check(values)
	}
	return nil
}

// building reports whether a value is the list or map that a comprehension is building. It grows by
// one element at a time, which is not checked; it is checked when it is used.
func building(v ref.Val) bool {
	switch v.(type) {
	case traits.MutableLister, traits.MutableMapper:
		return true
	}
	return false
}

// weigh refuses values that are too large to process.
func weigh(v ref.Val) error {
	switch v := v.(type) {
	case types.Bool, types.Int, types.Uint, types.Double, types.Null:
		return nil
	case types.String:
		return guardrail.Fits(len(v))
	}
	budget := guardrail.MaxWeight
	return spend(v, &budget)
}

// spend subtracts the weight of a value from a budget and stops when it is used up, so that lists
// that contain each other many times are not expanded.
func spend(v ref.Val, budget *int) error {
	if *budget--; *budget < 0 {
		return fmt.Errorf("a value is too large: it holds more than %d values or %d bytes of text", guardrail.MaxWeight, guardrail.MaxWeight*8)
	}
	switch v := v.(type) {
	case types.String:
		*budget -= len(v) / 8
		return guardrail.Fits(len(v))
	case types.Bytes:
		*budget -= len(v) / 8
		return guardrail.Fits(len(v))
	case *types.Optional:
		if v.HasValue() {
			return spend(v.GetValue(), budget)
		}
	case traits.Mapper:
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			value, _ := v.Find(key)
			if err := spendBoth(key, value, budget); err != nil {
				return err
			}
		}
	case traits.Lister:
		if int64(v.Size().(types.Int)) > int64(*budget) {
			*budget = 0
		}
		for it := v.Iterator(); it.HasNext() == types.True; {
			if err := spend(it.Next(), budget); err != nil {
				return err
			}
		}
	}
	return nil
}

func spendBoth(key, value ref.Val, budget *int) error {
	if err := spend(key, budget); err != nil || value == nil {
		return err
	}
	return spend(value, budget)
}

// checks are further limits of single functions.
var checks = map[string]func([]ref.Val) error{
	"matches": matching, "find": matching, "findAll": matching,
	"sets.contains": pairs, "sets.equivalent": pairs, "sets.intersects": pairs, "distinct": pairs,
	"lists.range": ranging,
	"join":        joining, "replace": replacing, "format": formatting,
	"quantity": exponents, "isQuantity": exponents,
}

func text(values []ref.Val, i int) string {
	if i < len(values) {
		if s, ok := values[i].(types.String); ok {
			return string(s)
		}
	}
	return ""
}

func matching(values []ref.Val) error {
	return guardrail.Matchable(text(values, 0), text(values, 1))
}

// subject is the text that a constant pattern is matched against.
type subject struct {
	interpreter.InterpretableV2
	pattern ref.Val
}

// Exec evaluates the text and checks it.
func (s *subject) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	v := s.InterpretableV2.Exec(frame)
	value, ok := v.(types.String)
	if !ok {
		return v
	}
	if frame.CheckInterrupt() {
		return types.WrapErr(interpreter.InterruptError{})
	}
	if err := matching([]ref.Val{value, s.pattern}); err != nil {
		return types.NewErrWithNodeID(s.ID(), "matches: %v", err)
	}
	return v
}

// Eval evaluates the text and checks it.
func (s *subject) Eval(vars interpreter.Activation) ref.Val { return s.Exec(interpreter.AsFrame(vars)) }

func pairs(values []ref.Val) error {
	product := int64(1)
	for _, v := range []ref.Val{values[0], values[len(values)-1]} {
		if list, ok := v.(traits.Sizer); ok {
			product *= int64(list.Size().(types.Int))
		}
	}
	if product > maxPairs {
		return fmt.Errorf("%d pairs of elements are too many to compare: at most %d", product, maxPairs)
	}
	return nil
}

func ranging(values []ref.Val) error {
	if n, ok := values[0].(types.Int); ok && n > guardrail.MaxRange {
		return fmt.Errorf("%d elements are too many: at most %d", n, guardrail.MaxRange)
	}
	return nil
}

func joining(values []ref.Val) error {
	list, ok := values[0].(traits.Lister)
	if !ok {
		return nil
	}
	size := int(list.Size().(types.Int)) * len(text(values, 1))
	for it := list.Iterator(); it.HasNext() == types.True; {
		if s, ok := it.Next().(types.String); ok {
			size += len(s)
		}
	}
	return guardrail.Fits(size)
}

func replacing(values []ref.Val) error {
	s, old, new := text(values, 0), text(values, 1), text(values, 2)
	return guardrail.Fits(len(s) + strings.Count(s, old)*max(0, len(new)-len(old)))
}

var wide = regexp.MustCompile(`%[^%a-zA-Z]*[0-9]{3}`)

func formatting(values []ref.Val) error {
	if wide.MatchString(text(values, 0)) {
		return fmt.Errorf("a precision of three digits is too wide")
	}
	size := 0
	if list, ok := values[len(values)-1].(traits.Lister); ok {
		for it := list.Iterator(); it.HasNext() == types.True; {
			if s, ok := it.Next().(types.String); ok {
				size += len(s)
			}
		}
	}
	return guardrail.Fits(size)
}

var wideExponent = regexp.MustCompile(`[eE][-+]?[0-9]{4}`)

func exponents(values []ref.Val) error {
	if s := text(values, 0); len(s) > 64 || wideExponent.MatchString(s) {
		return fmt.Errorf("a quantity is at most 64 characters long, with an exponent of at most three digits")
	}
	return nil
}
