package celrule

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/interpreter"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/guardrail"
)

// rule is one compiled expression.
type rule struct {
	code, source   string
	program        cel.Program
	message        string
	messageProgram cel.Program
	fieldPath      string
	uses           guardrail.Variables
	// kinds are the policy kinds of effective that it reads; whole means that it may read any.
	kinds []string
	whole bool
}

// Kinds implements guardrail.KindReader.
func (r *rule) Kinds() (names []string, only bool) { return r.kinds, !r.whole }

// Uses returns the variables that the expression and its message read.
func (r *rule) Uses() guardrail.Variables { return r.uses }

// Check evaluates the expression; false is a finding.
func (r *rule) Check(ctx context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	limited, cancel := patience(ctx)
	defer cancel()
	value, _, err := r.program.ContextEval(limited, variables(in))
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if isSlow(err) {
			return nil, guardrail.TooSlow{}
		}
		failure := fmt.Errorf("expression %s: %s", r.code, reason(err))
		if key, absent := strings.CutPrefix(err.Error(), noSuchKey); absent {
			return nil, &AbsentError{Key: key, err: failure}
		}
		return nil, failure
	}
	switch value {
	case types.True:
		return nil, nil
	case types.False:
		return []guardrail.Finding{{Code: r.code, Message: r.say(limited, in), FieldPath: r.fieldPath}}, nil
	}
	return nil, fmt.Errorf("expression %s: the result is a %s, and must be true or false", r.code, value.Type().TypeName())
}

// noSuchKey is the beginning of CEL's errors about a missing key of a map. CEL has no type for
// them.
const noSuchKey = "no such key: "

// AbsentError means that an expression reads a key that the input does not have.
type AbsentError struct {
	Key string
	err error
}

// Error returns the error of the expression.
func (e *AbsentError) Error() string { return e.err.Error() }

// patience is a context that ends when a rule has used up its time. The time is counted in four
// quarters, each of which ends when this is noticed: a machine that stalls for a second uses up one
// quarter and not all of them.
func patience(ctx context.Context) (context.Context, func()) {
	limited, cancel := context.WithCancel(ctx)
	const quarters = 4
	var mutex sync.Mutex
	var timer *time.Timer
	passed := 0
	mutex.Lock()
	defer mutex.Unlock()
	timer = time.AfterFunc(guardrail.MaxTime/quarters, func() {
		mutex.Lock()
		defer mutex.Unlock()
		if passed++; passed == quarters {
			cancel()
			return
		}
		timer.Reset(guardrail.MaxTime / quarters)
	})
	return limited, func() {
		timer.Stop()
		cancel()
	}
}

// say makes the message. If the message cannot be made, the finding must not be lost.
func (r *rule) say(ctx context.Context, in guardrail.Input) string {
	if r.messageProgram == nil {
		return r.message
	}
	value, _, err := r.messageProgram.ContextEval(ctx, variables(in))
	if err != nil {
		return fmt.Sprintf("%s is not true (and its messageExpression fails: %s)", r.source, reason(err))
	}
	text, _ := value.Value().(string)
	return prose.Clip(text, guardrail.MaxMessage)
}

// reason returns an error of an evaluation as people read it.
func reason(err error) string {
	var cancelled interpreter.EvalCancelledError
	switch {
	case errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded:
		return fmt.Sprintf("too expensive on this input: stopped at a cost of %d", MaxCost)
	case isSlow(err):
		return guardrail.TooSlow{}.Error()
	}
	return err.Error()
}

// isSlow reports whether an evaluation timed out.
func isSlow(err error) bool {
	var cancelled interpreter.EvalCancelledError
	return errors.Is(err, interpreter.InterruptError{}) ||
		errors.As(err, &cancelled) && cancelled.Cause != interpreter.CostLimitExceeded
}

// variables looks names up in an input document.
type variables guardrail.Input

// ResolveName finds a variable; one that the document does not have is null.
func (v variables) ResolveName(name string) (any, bool) {
	if name == namespaceObject {
		name = "namespace"
	}
	if value := v[name]; value != nil {
		return value, true
	}
	return types.NullValue, guardrail.VariableNamed(name) != 0
}

// Parent returns nil, because there is no outer scope.
func (v variables) Parent() interpreter.Activation { return nil }
