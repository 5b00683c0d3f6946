package evaluate

import (
	"context"

	"github.com/attache-dev/attache/policy/effective"
)

// Alone has every path judged by itself.
func (x *Evaluator) Alone() *Evaluator {
	x.byResults, x.ofValues = make([]bool, len(x.Guardrails)), false
	return x
}

// PublishableAlone is Publishable with every path judged by itself.
func (x *Evaluator) PublishableAlone(ctx context.Context, e *effective.Target, isNew bool) (bool, error) {
	return New(Options{Guardrails: Denying(x.Guardrails), Before: x.After, After: x.After}).Alone().publishable(ctx, e, isNew)
}
