package evaluate

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
)

// Impact is what an edit changes.
type Impact struct {
	Changes []effective.Change
	// Routes and Gateways count the targets with changes; Namespaces are the namespaces of the
	// routes, sorted.
	Routes, Gateways int
	Namespaces       []string
}

// ImpactOf counts changes.
func ImpactOf(changes []effective.Change) Impact {
	impact := Impact{Changes: changes}
	var last hierarchy.Ref
	for _, c := range changes {
		if c.Target == last {
			continue
		}
		last = c.Target
		if c.Target.GroupKind == hierarchy.GatewayKind {
			impact.Gateways++
			continue
		}
		impact.Routes++
		impact.Namespaces = append(impact.Namespaces, c.Target.Namespace)
	}
	slices.Sort(impact.Namespaces)
	impact.Namespaces = slices.Compact(impact.Namespaces)
	return impact
}

// Input is the variable change of rules.
func (i Impact) Input() map[string]any {
	return map[string]any{
		"routes":     int64(i.Routes),
		"gateways":   int64(i.Gateways),
		"namespaces": int64(len(i.Namespaces)),
	}
}
