package bench

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// largeObjects writes routes of 1.4 MiB, as large as an API server takes, and deletes them again.
func (s *site) largeObjects() {
	s.running()
	before := s.manager.metric(s.b, "process_resident_memory_bytes")
	var large []*unstructured.Unstructured
	for i := range 20 {
		large = append(large, largeRoute(i))
	}
	s.cluster.inParallel(s.b, large, s.cluster.create)
	s.manager.settle(s.b)
	most := s.manager.metric(s.b, "process_resident_memory_bytes")
	s.cluster.inParallel(s.b, large, s.cluster.remove)
	s.manager.settle(s.b)
	after := s.manager.metric(s.b, "process_resident_memory_bytes")
	for wait := time.Now(); after > 1.2*before && time.Since(wait) < 2*time.Minute; time.Sleep(5 * time.Second) {
		after = s.manager.metric(s.b, "process_resident_memory_bytes") // memory is given back in time
	}
	measured(s.b, "large-rss-MB", most/1e6)
	measured(s.b, "large-rss-ratio", after/before)
	say("20 routes of 1.4 MiB: %.0f MB before, %.0f MB with them, %.0f MB after them", before/1e6, most/1e6, after/1e6)
}

// largeRoute has 128 matches, each with three headers of 3,600 bytes.
func largeRoute(i int) *unstructured.Unstructured {
	u := httpRoute("team-0", fmt.Sprintf("large-%d", i), i, max(1, *managerRoutes/20))
	var rules []any
	for r := range 16 {
		var matches []any
		for m := range 8 {
			var headers []any
			for h := range 3 {
				headers = append(headers, object{"name": fmt.Sprintf("x-%d", h), "value": fmt.Sprint(r, m, h) + text(3600)})
			}
			matches = append(matches, object{"path": object{"type": "PathPrefix", "value": fmt.Sprintf("/%d/%d", r, m)}, "headers": headers})
		}
		rules = append(rules, object{"matches": matches})
	}
	_ = unstructured.SetNestedSlice(u.Object, rules, "spec", "rules")
	return u
}
