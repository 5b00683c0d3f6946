// Package attache holds modules in go.mod that the rules of guardrails will use.
// It goes when they do.
package attache

import (
	_ "github.com/google/cel-go/cel"
	_ "github.com/open-policy-agent/opa/v1/rego"
)
