package status

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/publish"
)

// ReasonGuardrailViolated is the reason of Programmed=False when a guardrail prevents the values of
// a policy from being published.
const ReasonGuardrailViolated = publish.WithheldViolation

// Hold is an objection that prevents a change of the effective policy of a target.
type Hold struct {
	// Target is the route, Gateway is the Gateway on the path.
	Target, Gateway hierarchy.Ref
	Guardrail       string
	// Text says on which path and what; empty when the guardrails could not be evaluated in time. It
	// is for users who may read the target's namespace.
	Text string
}

// holds lists the holds of a policy, sorted and without duplicates.
func (p Planner) holds(of *policy.Policy) []Hold {
	if p.Holds == nil {
		return nil
	}
	holds := slices.Clone(p.Holds(of.Ref))
	slices.SortFunc(holds, func(a, b Hold) int {
		return cmp.Or(hierarchy.Compare(a.Target, b.Target), hierarchy.Compare(a.Gateway, b.Gateway),
			strings.Compare(a.Guardrail, b.Guardrail), strings.Compare(a.Text, b.Text))
	})
	return slices.Compact(holds)
}

// held returns the condition Programmed of a policy under one ancestor, given the condition that it
// would have if nothing were held back.
func held(holds []Hold, ancestor hierarchy.Ref, otherwise metav1.Condition, reader policy.Reader) metav1.Condition {
	routes := map[hierarchy.Ref]bool{}
	var texts []string
	unnamed := map[string]int{}
	for _, h := range holds {
		if h.Gateway != ancestor {
			continue
		}
		known := routes[h.Target]
		routes[h.Target] = true
		switch {
		case !reader.May(h.Target.Namespace):
			if !known {
				unnamed[h.objector()]++
			}
		case len(texts) < maxHolds:
			texts = append(texts, h.String())
		}
	}
	for _, objector := range slices.Sorted(maps.Keys(unnamed)) {
		texts = append(texts, fmt.Sprintf("%s %s of other namespaces", objector, prose.Count(unnamed[objector], "route")))
	}
	if len(routes) == 0 {
		return otherwise
	}
	return condition.New(ConditionProgrammed, "False", ReasonGuardrailViolated, fmt.Sprintf(
		"Not published on %s, where what was published last stays in force: %s. If all were published: %s",
		prose.Count(len(routes), "route"), strings.Join(texts, "; "), otherwise.Message))
}

// String names the guardrail and the path.
func (h Hold) String() string {
	if h.Text == "" {
		return fmt.Sprintf("%s %s", h.objector(), h.Target)
	}
	return fmt.Sprintf("%s %s", h.objector(), strings.TrimRight(h.Text, "."))
}

// objector returns what holds it, as the first half of a sentence about a target.
func (h Hold) objector() string {
	if h.Text == "" {
		return "the guardrails could not be asked in time about"
	}
	return "guardrail " + h.Guardrail + " objects to"
}

// maxHolds is the number of holds that a message lists one by one.
const maxHolds = 3
