package celrule_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/attache-dev/attache/policy/guardrail"
)

// A verdict does not depend on how busy a machine is: a rule that holds, and costs
// nearly as much as a rule may, finds nothing while thirty others want the
// processors. At worst it says that it came to no end, which decides nothing.
func TestABusyMachineMakesNoFinding(t *testing.T) {
	rule := compile(t, "lists.range(9000).all(a, a >= 0)")
	var others sync.WaitGroup
	for range 32 {
		others.Go(func() {
			findings, err := rule.Check(t.Context(), guardrail.Input{})
			if len(findings) > 0 || err != nil && !errors.As(err, &guardrail.TooSlow{}) {
				t.Errorf("it says %v, %v", findings, err)
			}
		})
	}
	others.Wait()
}
