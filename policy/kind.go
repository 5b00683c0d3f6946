package policy

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// Group is the API group of this project. It matters in two ways: kinds in it are shown without
// their group, and we write their status.
const Group = crd.Group

// Class is how a policy kind attaches (GEP-713).
type Class = crd.Class

// The classes.
const (
	Inherited = crd.Inherited
	Direct    = crd.Direct
)

// Validator checks a merged effective value against the schema and rules of
// the policy kind's own block and returns the rules that it breaks, sorted by
// their messages (semantics section 6).
type Validator interface {
	Validate(merged map[string]any) []crd.Broken
}

// Kind is a policy kind as its CRD describes it. The engine knows nothing else about any kind.
type Kind struct {
	// Definition is what the CRD says, without the schema.
	crd.Definition
	// Strategy is the strategy of an object that does not state one: the default in the CRD, or
	// Atomic if there is none.
	Strategy  merge.Strategy
	Validator Validator

	vocabulary
}

// newKind makes a policy kind from what its CRD says.
func newKind(d crd.Definition) *Kind {
	d.Schema = crd.Schema{}
	return &Kind{Definition: d, Strategy: mergeStrategy(d.DefaultStrategy), vocabulary: newVocabulary(&d)}
}

func mergeStrategy(s crd.Strategy) merge.Strategy {
	if s == crd.Patch {
		return merge.Patch
	}
	return merge.Atomic
}

// Name is the kind as results show it: the bare kind in our group,
// "Kind.group" elsewhere.
func (k *Kind) Name() string { return KindName(k.GroupKind) }

// boundIsFault reports whether a field has no bounds because its declaration is invalid (semantics,
// names in annotations).
func (k *Kind) boundIsFault(field string) bool {
	return slices.ContainsFunc(k.Faults, func(f crd.Fault) bool {
		return f.About(crd.PropertyBounds) && (f.Name == "" || boundName(f.Name) == field)
	})
}

// InlineFields says where the rules of a route kind state values of the policy's
// fields. A route kind in another group than Gateway API's is named "Kind.group"
// in the table.
func (k *Kind) InlineFields(route schema.GroupKind) []crd.InlineField {
	return k.Inline[hierarchy.KindName(route)]
}

// Group is the API group of the kind.
func (k *Kind) Group() string { return k.GroupKind.Group }

// KindName is the name of a policy kind in results: the bare kind in our own
// group, "Kind.group" elsewhere.
func KindName(gk schema.GroupKind) string {
	if gk.Group == Group {
		return gk.Kind
	}
	return gk.Kind + "." + gk.Group
}

// AppliesAtAll reports whether any field of the policy has an effect on a route kind.
func (k *Kind) AppliesAtAll(route schema.GroupKind) bool {
	return k.AppliesTo == nil || len(k.applicable(route)) > 0
}

func (k *Kind) applicable(route schema.GroupKind) []crd.Path {
	fields, listed := k.AppliesTo[hierarchy.KindName(route)]
	if !listed {
		fields = k.AppliesTo["*"]
	}
	return fields
}

// MayTarget reports whether objects of the kind may attach to another kind, as far as this is
// declared.
func (k *Kind) MayTarget(gk schema.GroupKind) bool {
	return len(k.Targets) == 0 || slices.Contains(k.Targets, gk)
}

// coreSpelled is how some vendors spell the core group, whose name is empty. A profile allows it
// for a target by listing the target with both spellings.
const coreSpelled = "core"

// TargetKinds are the kinds that objects of the kind may attach to, as far as this is declared.
func (k *Kind) TargetKinds() []schema.GroupKind {
	return slices.DeleteFunc(slices.Clone(k.Targets), func(gk schema.GroupKind) bool { return gk.Group == coreSpelled })
}

// groupOf is the group of a kind that a target names without one.
func (k *Kind) groupOf(kind string) string {
	group := hierarchy.Group
	for _, gk := range k.TargetKinds() {
		switch {
		case gk.Kind != kind:
		case gk.Group == hierarchy.Group:
			return gk.Group
		case group == hierarchy.Group:
			group = gk.Group
		}
	}
	return group
}

// targetNames are the kinds that objects of the kind may attach to.
func (k *Kind) targetNames() string {
	kinds := k.TargetKinds()
	names := make([]string, len(kinds))
	for i, gk := range kinds {
		names[i] = strings.TrimSuffix(hierarchy.KindName(gk), ".") // the core group has no name
	}
	return prose.List(names, 8)
}

// notLookedAt returns that the kind does not attach to a target. If it attaches to a kind of the
// same name in another group, the message suggests that group.
func (k *Kind) notLookedAt(target hierarchy.Ref) string {
	text := fmt.Sprintf("%s is not looked at by this kind: a %s attaches to %s", target, k.GroupKind.Kind, k.targetNames())
	for _, gk := range k.TargetKinds() {
		if gk.Kind == target.Kind {
			return text + fmt.Sprintf("; its group is %q, did you mean group: %q?", target.GroupKind.Group, gk.Group)
		}
	}
	return text
}

// blockNames are all spellings of the blocks of a policy (semantics section
// 2), with what each is.
var blockNames = [...]struct {
	name     string
	override bool
}{
	{"default", false}, {"defaults", false}, {"override", true}, {"overrides", true},
}
