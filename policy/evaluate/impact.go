package evaluate

import (
	"iter"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
)

// Impact is how much an edit changes.
type Impact struct {
	// Routes and Gateways count the targets with changes; Namespaces are the namespaces of the
	// routes, sorted.
	Routes, Gateways int
	Namespaces       []string
}

// ImpactOn counts the targets that an edit changes.
func ImpactOn(targets iter.Seq[hierarchy.Ref]) Impact {
	var impact Impact
	for target := range targets {
		if target.GroupKind == hierarchy.GatewayKind {
			impact.Gateways++
			continue
		}
		impact.Routes++
		if n := len(impact.Namespaces); n == 0 || impact.Namespaces[n-1] != target.Namespace { // targets mostly come sorted
			impact.Namespaces = append(impact.Namespaces, target.Namespace)
		}
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
