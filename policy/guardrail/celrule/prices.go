package celrule

import (
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"k8s.io/apiserver/pkg/cel/library"

	"github.com/attache-dev/attache/policy/guardrail"
)

// prices are the costs of calls at run time. They are those of Kubernetes, which are too low in
// three cases: for processing values that are deep rather than long, for a text made by format, and
// for regular expressions that are short when written and large when compiled.
type prices struct{ library.CostEstimator }

// The amount of work per unit of cost, so that a unit takes about half a microsecond.
const (
	weightPerUnit   = 10
	bytesPerUnit    = 10
	matchingPerUnit = 50
)

// CallCost returns the cost of one call; nil means the default of the language.
func (p prices) CallCost(function, overload string, args []ref.Val, result ref.Val) *uint64 {
	base := p.CostEstimator.CallCost(function, overload, args, result)
	extra := 0
	switch function {
	case "matches", "find", "findAll":
		size, _ := guardrail.PatternSize(text(args, 1))
		extra = size * len(text(args, 0)) / matchingPerUnit
	case "format":
		extra = len(text([]ref.Val{result}, 0)) / bytesPerUnit
	}
	extra += weightOf(args) / weightPerUnit
	if extra == 0 {
		return base
	}
	cost := uint64(extra) + 1
	if base != nil {
		cost += *base
	}
	return &cost
}

// weightOf returns the weight of those arguments that have elements.
func weightOf(args []ref.Val) int {
	if len(args) == 0 || building(args[0]) {
		return 0
	}
	total := 0
	for _, v := range args {
		switch v.(type) {
		case traits.Lister, traits.Mapper, *types.Optional:
			budget := guardrail.MaxWeight
			_ = spend(v, &budget)
			total += guardrail.MaxWeight - max(0, budget)
		}
	}
	return total
}
