package validate

import (
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/attache-dev/attache/policy/crd"
)

// broken validates a value and returns the rule of each problem, sorted by message.
func (n *node) broken(value map[string]any) []crd.Broken {
	errs, rules := n.check(context.Background(), value)
	list := make([]crd.Broken, 0, len(errs)+len(rules))
	for _, err := range errs {
		list = append(list, crd.Broken{Field: fieldPath(err.Field), Rule: string(err.Type), Message: messageOf(err)})
	}
	for _, r := range rules {
		b := crd.Broken{Field: r.path, At: r.at, Rule: string(r.err.Type), Message: messageOf(r.err)}
		if r.rule != nil && r.text != "" {
			b.Rule = r.text
		}
		list = append(list, b)
	}
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, crd.CompareBroken)
	return slices.CompactFunc(list, func(a, b crd.Broken) bool { return crd.CompareBroken(a, b) == 0 })
}

// messageOf returns the message of a rule, after the field that it concerns. The value is left out:
// the merged value is shown next to the message, with its origin.
func messageOf(err *field.Error) string {
	message := err.Detail
	if message == "" {
		message = err.ErrorBody()
	}
	if name := fieldOf(err); name != "" && !strings.HasPrefix(message, name) {
		message = name + ": " + message
	}
	return message
}
