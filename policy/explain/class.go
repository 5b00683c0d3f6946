package explain

import (
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
)

// ClassMissing says what follows from GatewayClasses that are not there: among
// manifests they count as there, on a cluster not (semantics section 7).
func ClassMissing(s *policy.Snapshot, classes []hierarchy.Ref) string {
	names := make([]string, len(classes))
	assumed := true
	for i, class := range classes {
		names[i] = class.Name
		assumed = assumed && s.HasClass(class)
	}
	subject, is, counts := "GatewayClass ", " is", " and counts"
	if len(names) > 1 {
		subject, is, counts = "GatewayClasses ", " are", " and count"
	}
	if assumed {
		return subject + prose.List(names, 3) + is + " not among the manifests" + counts + " as there"
	}
	return subject + prose.List(names, 3) + is + " not there: policies on it have no effect"
}
