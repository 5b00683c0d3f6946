package golden_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/status"
)

// objects are what the input would be on a cluster on which nothing of ours has
// been written yet.
type objects map[hierarchy.Ref]*unstructured.Unstructured

func (objects) Annotations(hierarchy.Ref) (map[string]string, bool)       { return nil, false }
func (objects) EffectivePolicy(string, string) *unstructured.Unstructured { return nil }
func (o objects) Policy(ref hierarchy.Ref) *unstructured.Unstructured     { return o[ref] }

// status lists what would be written into the status of every policy.
func (w *world) status(t *testing.T) []byte {
	t.Helper()
	snapshot := w.snapshot(t)
	live := objects{}
	for _, u := range w.objects(t) {
		live[hierarchy.RefOf(u)] = u
	}
	var tally effective.Tally
	for e := range effective.ResolveAll(snapshot).All() {
		tally.Add(e)
	}
	planner := status.Planner{Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }}
	policies := slices.SortedFunc(snapshot.Policies(), func(a, b *policy.Policy) int { return hierarchy.Compare(a.Ref, b.Ref) })
	var b strings.Builder
	for _, p := range policies {
		fmt.Fprintf(&b, "%s\n", p.Ref)
		writes := planner.Policy(snapshot, p, &tally, live)
		if len(writes) == 0 {
			b.WriteString("  nothing is written\n")
		}
		for _, write := range writes {
			printAncestors(&b, write.Object)
		}
	}
	return []byte(b.String())
}

func (w *world) platformNamespaces() []string {
	for i, f := range w.flags {
		if f == "--platform-namespaces" && i+1 < len(w.flags) {
			return strings.Split(w.flags[i+1], ",")
		}
	}
	return nil
}

func printAncestors(b *strings.Builder, object *unstructured.Unstructured) {
	ancestors, _, _ := unstructured.NestedSlice(object.Object, "status", "ancestors")
	for _, a := range ancestors {
		entry, _ := a.(map[string]any)
		fmt.Fprintf(b, "  %s, by %s\n", ancestorText(entry), entry["controllerName"])
		conditions, _ := entry["conditions"].([]any)
		for _, c := range conditions {
			c, _ := c.(map[string]any)
			fmt.Fprintf(b, "    %s=%s %s: %s\n", c["type"], c["status"], c["reason"], c["message"])
		}
	}
}

func ancestorText(entry map[string]any) string {
	text := func(key string) string { s, _, _ := unstructured.NestedString(entry, "ancestorRef", key); return s }
	ref := hierarchy.NewRef(text("group"), text("kind"), text("namespace"), text("name"))
	return ref.WithSection(text("sectionName")).String()
}
