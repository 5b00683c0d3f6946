package main

import (
	"context"
	"fmt"
	"time"
)

const (
	guardrail     = "examples/shop-changes/04-guardrail.yaml"
	deleteCeiling = "kubectl delete timeoutpolicy edge-ceiling -n platform"
)

// guard is a teammate who deletes what holds for everybody, before and after
// there is a guardrail.
func (t *tour) guard(ctx context.Context) error {
	t.story.title("A teammate deletes that override. What would it change?")
	out, err := t.types(ctx, deleteCeiling+" --dry-run=server")
	if err != nil {
		return err
	}
	if err := expect("the answer", out, "Warning: TimeoutPolicy platform/edge-ceiling changes 6 routes in 2 namespaces and 2 Gateways: kubectl effective-policy diff -f FILE --delete"); err != nil {
		return err
	}
	t.story.say("Under it, the feed of the shop has no timeout at all. A guardrail looks at what is in force:")
	if _, err := t.types(ctx, "kubectl apply -f "+guardrail); err != nil {
		return err
	}
	begin := time.Now()
	if err := t.refusedSoon(ctx, deleteCeiling+" --dry-run=server"); err != nil {
		return err
	}
	t.story.check("in force after %s; now the deletion is refused:", took(begin))
	if out, err = t.failsAt(ctx, deleteCeiling); err != nil {
		return err
	}
	if err := expect("the refusal", out, "deleting TimeoutPolicy platform/edge-ceiling is refused by guardrail no-endless-requests",
		"HTTPRoute shop/orders-feed", "effective.TimeoutPolicy.request is 0s, set by TimeoutPolicy shop/orders-feed", "to fix it"); err != nil {
		return err
	}
	if _, err := t.reads(ctx, "kubectl get timeoutpolicy edge-ceiling -n platform"); err != nil {
		return err
	}
	t.story.check("it is still there")
	return nil
}

// patience is how long a guardrail may take to reach the webhooks.
const patience = 15 * time.Second

// refusedSoon waits until a command line is refused.
func (t *tour) refusedSoon(ctx context.Context, line string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		if _, err := t.reads(ctx, line); err != nil {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%q should be refused by now", line)
		case <-again.C:
		}
	}
}
