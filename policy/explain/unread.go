package explain

import (
	"cmp"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
)

// Unread is an object that looks like a policy and is not read as one, because its CRD is not
// labelled as a policy kind (semantics section 10).
type Unread struct {
	Ref hierarchy.Ref
	// Targets are the objects on the hierarchy that it names.
	Targets []hierarchy.Ref
}

// Message says what to do about it.
func (u *Unread) Message() string {
	return "looks like a policy and is not read as one: label its CRD " + crd.PolicyLabel + ", or give --policy-kinds " + u.Ref.GroupKind.String()
}

// AddUnread adds a finding for each unread policy that is the object described, or
// names it, a section of it, or something above it.
func (d *Description) AddUnread(s *policy.Snapshot, unread []Unread) {
	above := s.Graph().Above(d.Ref)
	concerns := func(at hierarchy.Ref) bool {
		return at == d.Ref || d.Ref.Section == "" && at.Object() == d.Ref || slices.Contains(above, at)
	}
	for i := range unread {
		u := &unread[i]
		if u.Ref == d.Ref || slices.ContainsFunc(u.Targets, concerns) {
			d.Findings = append(d.Findings, Remark{Message: s.Text(u.Ref) + " " + u.Message()})
		}
	}
}

// UnreadPolicies finds objects with targets on the hierarchy that the snapshot does not know as
// policies, sorted.
func UnreadPolicies(s *policy.Snapshot, objects []*unstructured.Unstructured) []Unread {
	var unread []Unread
	for _, u := range objects {
		ref := hierarchy.RefOf(u)
		if _, isPolicy := s.Kind(ref.GroupKind); isPolicy || s.IsRoute(ref.GroupKind) || ref.GroupKind.Group == hierarchy.Group || ref.GroupKind.Group == policy.Group {
			continue
		}
		if targets := targetsOnHierarchy(s, u); len(targets) > 0 {
			unread = append(unread, Unread{Ref: ref, Targets: targets})
		}
	}
	slices.SortFunc(unread, func(a, b Unread) int { return hierarchy.Compare(a.Ref, b.Ref) })
	return unread
}

// targetsOnHierarchy are what an object names in the fields that policies have.
func targetsOnHierarchy(s *policy.Snapshot, u *unstructured.Unstructured) []hierarchy.Ref {
	spec, _ := u.Object["spec"].(map[string]any)
	entries := []any{spec["targetRef"]}
	for _, key := range []string{"targetRefs", "targetSelectors"} {
		list, _ := spec[key].([]any)
		entries = append(entries, list...)
	}
	var targets []hierarchy.Ref
	for _, entry := range entries {
		named, _ := entry.(map[string]any)
		text := func(key string) string { value, _ := named[key].(string); return value }
		group := text("group")
		if _, has := named["group"]; !has {
			group = hierarchy.Group
		}
		gk := schema.GroupKind{Group: group, Kind: text("kind")}
		if s.IsRoute(gk) || gk.Group == hierarchy.Group && gk.Kind != "" {
			targets = append(targets, hierarchy.NewRef(gk.Group, gk.Kind, cmp.Or(text("namespace"), u.GetNamespace()), text("name")).WithSection(text("sectionName")))
		}
	}
	return targets
}

// UnreadKinds counts unread policies by kind, in words.
func UnreadKinds(unread []Unread) []string {
	var lines []string
	for i := 0; i < len(unread); {
		n := 1
		for i+n < len(unread) && unread[i+n].Ref.GroupKind == unread[i].Ref.GroupKind {
			n++
		}
		kind := unread[i].Ref.GroupKind.String()
		text := "1 object of kind " + kind + " looks like a policy and is not read as one"
		if n > 1 {
			text = strconv.Itoa(n) + " objects of kind " + kind + " look like policies and are not read as such"
		}
		lines = append(lines, text+": label the CRD "+crd.PolicyLabel+", or give --policy-kinds "+kind)
		i += n
	}
	return lines
}
