package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// Policy is one parsed policy object: compact, immutable, and all that is kept
// of it.
type Policy struct {
	Ref        hierarchy.Ref
	Kind       *Kind
	Created    time.Time
	Generation int64
	UID        string
	Targets    []Target
	// Layers are what the policy contributes at each of its targets, at most
	// one default and one override.
	Layers []merge.Layer
	Bounds []Bound
	// Strategy is the policy's strategy as a person reads it; blocks may differ
	// only in kinds that are not ours.
	Strategy merge.Strategy
	// Problems make the policy Invalid: it contributes nothing anywhere.
	Problems []string

	// spec is kept to parse again when the kind's CRD changes. Layers share it.
	spec map[string]any
}

// Target is one object or section that a policy names.
type Target struct {
	Ref hierarchy.Ref
	// Field is where the policy names it: "spec.targetRef" or
	// "spec.targetRefs[2]".
	Field string
}

// Parse reads a policy of a known kind. It reports everything that is wrong at
// once; a policy with errors is still returned, with the messages in Problems,
// so that it can be shown and given a status. u is neither changed nor kept.
func Parse(kind *Kind, u *unstructured.Unstructured) (*Policy, field.ErrorList) {
	p := &Policy{
		Ref:        hierarchy.NewRef(kind.GroupKind.Group, kind.GroupKind.Kind, u.GetNamespace(), u.GetName()),
		Kind:       kind,
		Created:    u.GetCreationTimestamp().Time,
		Generation: u.GetGeneration(),
		UID:        string(u.GetUID()),
	}
	var errs field.ErrorList
	spec, isObject := u.Object["spec"].(map[string]any)
	if !isObject {
		errs = append(errs, field.Required(field.NewPath("spec"), "a policy needs a spec with a targetRef"))
	}
	p.spec = runtime.DeepCopyJSON(spec)
	errs = p.read(errs)
	for _, e := range errs {
		p.Problems = append(p.Problems, e.Error())
	}
	return p, errs
}

// again parses the same policy for a changed kind.
func (p *Policy) again(kind *Kind) *Policy {
	q := &Policy{Ref: p.Ref, Kind: kind, Created: p.Created, Generation: p.Generation, UID: p.UID, spec: p.spec}
	for _, e := range q.read(nil) {
		q.Problems = append(q.Problems, e.Error())
	}
	return q
}

// read fills in what spec says.
func (p *Policy) read(errs field.ErrorList) field.ErrorList {
	kind, spec, path := p.Kind, p.spec, field.NewPath("spec")
	p.Targets, errs = parseTargets(p.Ref.Namespace, spec, path, errs)
	var err *field.Error
	if p.Strategy, err = specStrategy(spec, path); err != nil {
		errs = append(errs, err)
	}
	p.Layers, errs = parseLayers(kind, spec, p.Strategy, path, errs)
	if kind.Definition.Bounds != nil {
		p.Bounds, errs = parseBounds(kind, spec["bounds"], path.Child("bounds"), errs)
	}
	if len(p.Layers) == 0 && len(p.Bounds) == 0 && len(errs) == 0 && kind.Class == Inherited {
		errs = append(errs, field.Required(path, "the policy says nothing: give it a default, an override or bounds"))
	}
	return errs
}

func parseTargets(namespace string, spec map[string]any, path *field.Path, errs field.ErrorList) ([]Target, field.ErrorList) {
	one, hasOne := spec["targetRef"]
	many, hasMany := spec["targetRefs"]
	if hasOne && hasMany {
		errs = append(errs, field.Forbidden(path.Child("targetRefs"), "targetRef and targetRefs are both set: keep one of them"))
	}
	var targets []Target
	add := func(raw any, at *field.Path) {
		t, err := parseTarget(namespace, raw, at)
		if err != nil {
			errs = append(errs, err)
		} else if !slices.ContainsFunc(targets, func(o Target) bool { return o.Ref == t.Ref }) {
			targets = append(targets, t)
		}
	}
	if hasOne {
		add(one, path.Child("targetRef"))
	}
	if hasMany {
		list, isList := many.([]any)
		if !isList {
			errs = append(errs, field.Invalid(path.Child("targetRefs"), many, "write a list of {group, kind, name}"))
		}
		for i, raw := range list {
			add(raw, path.Child("targetRefs").Index(i))
		}
	}
	return targets, errs
}

func parseTarget(namespace string, raw any, at *field.Path) (Target, *field.Error) {
	object, isObject := raw.(map[string]any)
	if !isObject {
		return Target{}, field.Invalid(at, raw, "write an object {group, kind, name}")
	}
	text := func(key string) string { s, _ := object[key].(string); return s }
	group, kind, name := text("group"), text("kind"), text("name")
	if kind == "" {
		return Target{}, field.Required(at.Child("kind"), "say what kind of object the policy attaches to")
	}
	if name == "" {
		return Target{}, field.Required(at.Child("name"), "say which object the policy attaches to")
	}
	if bare, version, versioned := strings.Cut(group, "/"); versioned {
		return Target{}, field.Invalid(at.Child("group"), group, fmt.Sprintf("a group has no version: write %q without %q", bare, "/"+version))
	}
	if ns := text("namespace"); ns != "" {
		namespace = ns
	}
	if isClusterScoped(group, kind) {
		namespace = ""
	}
	ref := hierarchy.NewRef(group, kind, namespace, name).WithSection(text("sectionName"))
	return Target{Ref: ref, Field: at.String()}, nil
}

func isClusterScoped(group, kind string) bool {
	return group == hierarchy.Group && kind == "GatewayClass"
}

func specStrategy(spec map[string]any, path *field.Path) (merge.Strategy, *field.Error) {
	for _, key := range crd.StrategyFields {
		raw, present := spec[key]
		if !present {
			continue
		}
		word, _ := raw.(string)
		strategy, known := crd.StrategyOf(word)
		if !known {
			return merge.Atomic, field.NotSupported(path.Child(key), raw, []string{"Atomic", "Patch"})
		}
		return mergeStrategy(strategy), nil
	}
	return merge.Atomic, nil
}

// parseLayers reads the blocks of a policy, or spec itself when it has none.
func parseLayers(kind *Kind, spec map[string]any, strategy merge.Strategy, path *field.Path, errs field.ErrorList) ([]merge.Layer, field.ErrorList) {
	if kind.Class == Direct {
		return nil, errs
	}
	var layers []merge.Layer
	blocks, seen := 0, map[merge.Block]string{}
	for _, b := range blockNames {
		raw, present := spec[b.name]
		if !present {
			continue
		}
		blocks++
		block := merge.Default
		if b.override {
			block = merge.Override
		}
		if other, twice := seen[block]; twice {
			errs = append(errs, field.Forbidden(path.Child(b.name), fmt.Sprintf("%s and %s are both set: keep one of them", other, b.name)))
			continue
		}
		seen[block] = b.name
		object, isObject := raw.(map[string]any)
		if !isObject {
			errs = append(errs, field.Invalid(path.Child(b.name), raw, "write an object with the policy's fields"))
			continue
		}
		if layer := blockLayer(object, block, strategy, kind.Group() == Group); len(layer.Value) > 0 {
			layers = append(layers, layer)
		}
	}
	if blocks > 0 {
		return layers, errs
	}
	whole := maps.Clone(spec)
	for _, key := range kind.NotValues() {
		delete(whole, key)
	}
	if len(whole) > 0 {
		layers = append(layers, merge.Layer{Block: merge.Default, Strategy: strategy, Value: whole})
	}
	return layers, errs
}

// blockLayer reads one block. A strategy inside the block, in kinds that are
// not ours, decides over the one in spec; a word that is no strategy is an
// ordinary field of that kind.
func blockLayer(object map[string]any, block merge.Block, strategy merge.Strategy, ours bool) merge.Layer {
	if word, isText := object["strategy"].(string); isText && !ours {
		if s, known := crd.StrategyOf(word); known {
			strategy = mergeStrategy(s)
			object = maps.Clone(object)
			delete(object, "strategy")
		}
	}
	return merge.Layer{Block: block, Strategy: strategy, Value: object}
}

func parseBounds(kind *Kind, raw any, path *field.Path, errs field.ErrorList) ([]Bound, field.ErrorList) {
	if raw == nil {
		return nil, errs
	}
	object, isObject := raw.(map[string]any)
	if !isObject {
		return nil, append(errs, field.Invalid(path, raw, "write {field: {min, max}}"))
	}
	var bounds []Bound
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := path.Child(name)
		kindOf, comparable := kind.Comparable(name)
		limits, isObject := object[name].(map[string]any)
		switch {
		case !comparable:
			errs = append(errs, field.NotSupported(at, name, boundedNames(kind)))
			continue
		case !isObject:
			errs = append(errs, field.Invalid(at, object[name], "write {min: …, max: …}"))
			continue
		}
		b := Bound{Field: name, Type: kindOf, Min: limits["min"], Max: limits["max"]}
		for _, end := range [...]string{"min", "max"} {
			if v := limits[end]; v != nil {
				if err := b.Type.check(v); err != nil {
					errs = append(errs, field.Invalid(at.Child(end), v, err.Error()))
				}
			}
		}
		if b.Min != nil && b.Max != nil {
			if c, err := b.Type.Compare(b.Min, b.Max); err == nil && c > 0 {
				errs = append(errs, field.Invalid(at, limits, "min is larger than max"))
			}
		}
		if b.Min != nil || b.Max != nil {
			bounds = append(bounds, b)
		}
	}
	return bounds, errs
}

func boundedNames(kind *Kind) []string {
	var names []string
	for _, b := range kind.Definition.Bounds {
		names = append(names, b.Field.String())
	}
	return names
}
