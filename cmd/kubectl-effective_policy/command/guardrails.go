package command

import (
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
)

// compilers are those of the languages that guardrails can be written in.
var compilers = guardrail.Compilers{CEL: celrule.Compile, Rego: regorule.Compile}
