package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/bound"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// Policy is one parsed policy object: compact, immutable, and the only thing that is kept of the
// object.
type Policy struct {
	Ref        hierarchy.Ref
	Kind       *Kind
	Created    time.Time
	Generation int64
	UID        string
	Targets    []Target
	// Unread are references with an unknown field, which may narrow the target: the policy
	// contributes nothing there.
	Unread []Target
	// Selectors stand for further targets, by their labels (Snapshot.Selected).
	Selectors []Selector
	// Layers are what the policy contributes at each of its targets, at most
	// one default and one override.
	Layers []merge.Layer
	Bounds []Bound
	// Leaves are the paths of all leaves of Layers, each once, sorted.
	Leaves []crd.Path
	// Strategy is the policy's strategy as a person reads it; blocks may differ
	// only in kinds that are not ours.
	Strategy merge.Strategy
	// SaysStrategy means that the object itself states its strategy in a known word.
	SaysStrategy bool
	// overrides means that the values of a policy without blocks are overrides.
	overrides bool
	// Remarks are about fields that are not understood or not read.
	Remarks []Remark
	// Problems make the policy Invalid: it contributes nothing anywhere.
	Problems []string

	// spec is kept to parse again when the kind's CRD changes. Layers share it.
	spec map[string]any
}

// Target is one object or section that a policy names.
type Target struct {
	Ref hierarchy.Ref
	// Field is the path at which the policy names or selects it: "spec.targetRef",
	// "spec.targetRefs[2]", "spec.targetSelectors[0]".
	Field string
	// Selected means that the policy selects it by its labels.
	Selected bool
	// Unknown is a field of the reference that is not known; empty in references that are read.
	Unknown string
}

// The fields of a reference and of a selector that are read.
var (
	targetWords   = []string{"group", "kind", "name", "namespace", "sectionName"}
	selectorWords = []string{"group", "kind", "matchLabels", "matchExpressions", "namespaces", "sectionName"}
)

// unknownWord returns the first unknown field of a reference or a selector; empty when all are
// known. A field with the value null does not count.
func unknownWord(object map[string]any, known []string) string {
	first := ""
	for key, value := range object {
		if value != nil && !slices.Contains(known, key) && (first == "" || key < first) {
			first = key
		}
	}
	return first
}

// Paths of every policy. They are made once, and never changed.
var (
	specPath       = field.NewPath("spec")
	targetRefPath  = specPath.Child("targetRef")
	targetRefsPath = specPath.Child("targetRefs")
	selectorsPath  = specPath.Child("targetSelectors")
	boundsPath     = specPath.Child("bounds")
	targetRefText  = targetRefPath.String()
)

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
		errs = append(errs, field.Required(specPath, "a policy needs a spec with a targetRef"))
	}
	p.spec = runtime.DeepCopyJSON(spec)
	errs = p.read(errs)
	for _, e := range errs {
		p.Problems = append(p.Problems, e.Error())
	}
	return p, errs
}

// again parses the same policy once more, for a changed kind.
func (p *Policy) again(kind *Kind) *Policy {
	q := &Policy{Ref: p.Ref, Kind: kind, Created: p.Created, Generation: p.Generation, UID: p.UID, spec: p.spec}
	for _, e := range q.read(nil) {
		q.Problems = append(q.Problems, e.Error())
	}
	return q
}

// read fills in what spec says.
func (p *Policy) read(errs field.ErrorList) field.ErrorList {
	kind, spec, path := p.Kind, p.spec, specPath
	if err := fits(spec, path); err != nil {
		errs = p.readTargets(errs)
		return append(errs, err) // it states nothing
	}
	errs = p.readTargets(errs)
	p.Selectors, errs = parseSelectors(kind, spec["targetSelectors"], selectorsPath, errs)
	strategy, words, err := p.specStrategy(path)
	if p.Strategy = strategy; err != nil {
		errs = append(errs, err)
	}
	errs = p.parseLayers(words, path, errs)
	p.readLeaves()
	if kind.Definition.Bounds != nil {
		p.Bounds, errs = parseBounds(kind, spec["bounds"], boundsPath, errs)
		p.boundsNotRead(spec["bounds"])
	}
	if len(p.Layers) == 0 && len(p.Bounds) == 0 && len(errs) == 0 && kind.Class == Inherited && kind.Group() == Group {
		errs = append(errs, field.Required(path, "the policy says nothing: give it a default, an override or bounds"))
	}
	return errs
}

// readTargets reads the references, and keeps those with an unknown field apart.
func (p *Policy) readTargets(errs field.ErrorList) field.ErrorList {
	targets, errs := parseTargets(p.Kind, p.Ref.Namespace, p.spec, errs)
	read := func(t Target) bool { return t.Unknown == "" }
	for _, t := range targets {
		if !read(t) {
			p.Unread = append(p.Unread, t)
		}
	}
	if p.Targets = targets; len(p.Unread) > 0 {
		p.Targets = slices.DeleteFunc(targets, func(t Target) bool { return !read(t) })
	}
	return errs
}

func parseTargets(kind *Kind, namespace string, spec map[string]any, errs field.ErrorList) ([]Target, field.ErrorList) {
	one, hasOne := spec["targetRef"]
	many, hasMany := spec["targetRefs"]
	if hasOne && hasMany {
		errs = append(errs, field.Forbidden(targetRefsPath, "targetRef and targetRefs are both set: keep one of them"))
	}
	var targets []Target
	add := func(raw any, at *field.Path, text string) {
		t, err := parseTarget(kind, namespace, raw, at)
		if err != nil {
			errs = append(errs, err)
		} else if !slices.ContainsFunc(targets, func(o Target) bool { return o.Ref == t.Ref && o.Unknown == t.Unknown }) {
			t.Field = text
			targets = append(targets, t)
		}
	}
	if hasOne {
		add(one, targetRefPath, targetRefText)
	}
	list, isList := many.([]any)
	if hasMany && !isList {
		errs = append(errs, field.Invalid(targetRefsPath, many, "write a list of {group, kind, name}"))
	}
	for i, raw := range list {
		at := targetRefsPath.Index(i)
		add(raw, at, at.String())
	}
	return targets, errs
}

// targetGroup is the API group that a target reference or a selector names. If it is absent, it is
// the core group in our kinds, whose schema requires the field. In other kinds it is Gateway API's
// group, or the group of the target kind in the vendor's declaration. The core group may also be
// written "core", if the vendor declares so.
func targetGroup(of *Kind, object map[string]any, at *field.Path) (string, *field.Error) {
	raw, present := object["group"]
	group, _ := raw.(string)
	kind, _ := object["kind"].(string)
	if bare, version, versioned := strings.Cut(group, "/"); versioned {
		return "", field.Invalid(at.Child("group"), group, fmt.Sprintf("a group has no version: write %q without %q", bare, "/"+version))
	}
	switch {
	case of.Group() == Group:
	case !present:
		return of.groupOf(kind), nil
	case group == coreSpelled && slices.Contains(of.Targets, schema.GroupKind{Group: coreSpelled, Kind: kind}):
		return "", nil
	}
	return group, nil
}

// parseTarget reads a reference at a path, without its Field.
func parseTarget(of *Kind, namespace string, raw any, at *field.Path) (Target, *field.Error) {
	object, isObject := raw.(map[string]any)
	if !isObject {
		return Target{}, field.Invalid(at, raw, "write an object {group, kind, name}")
	}
	text := func(key string) string { s, _ := object[key].(string); return s }
	kind, name := text("kind"), text("name")
	group, wrong := targetGroup(of, object, at)
	if wrong != nil {
		return Target{}, wrong
	}
	if kind == "" {
		return Target{}, field.Required(at.Child("kind"), "say what kind of object the policy attaches to")
	}
	if name == "" {
		return Target{}, field.Required(at.Child("name"), "say which object the policy attaches to")
	}
	if ns := text("namespace"); ns != "" {
		namespace = ns
	}
	if isClusterScoped(schema.GroupKind{Group: group, Kind: kind}) {
		namespace = ""
	}
	ref := hierarchy.NewRef(group, kind, namespace, name).WithSection(text("sectionName"))
	return Target{Ref: ref, Unknown: unknownWord(object, targetWords)}, nil
}

// specStrategy reads the strategy that the spec of a policy says, and returns the paths in spec of the
// words that are no values of the policy. A value that is not a string, or, in kinds of other groups,
// not a known word, is an ordinary field of the kind and stays (semantics section 2).
func (p *Policy) specStrategy(path *field.Path) (merge.Strategy, []crd.Path, *field.Error) {
	places := strategyPaths
	if w := p.Kind.Word; w != nil && len(w.Field) > 1 && w.Field[0] == "spec" {
		places = []crd.Path{w.Field[1:]}
	}
	for _, place := range places {
		raw, present := valueAt(p.spec, place)
		if !present {
			continue
		}
		word, isText := raw.(string)
		strategy, known := p.word(word)
		switch {
		case known:
			p.SaysStrategy = true
			p.overrides = p.Kind.Word != nil && slices.Contains(p.Kind.Word.Overrides, strings.ToLower(word))
			return strategy, places, nil
		case p.Kind.Group() == Group:
			return merge.Atomic, nil, field.NotSupported(path.Child(place[0], place[1:]...), raw, []string{"Atomic", "Patch"})
		case isText:
			p.remark(StrategyNotUnderstood, append([]string{"spec"}, place...), word)
			return merge.Atomic, nil, nil
		}
	}
	return p.Kind.Strategy, nil, nil
}

// strategyPaths are the paths in spec of the fields that state the strategy in kinds that do not
// declare such a field.
var strategyPaths = func() (paths []crd.Path) {
	for _, name := range crd.StrategyFields {
		paths = append(paths, crd.Path{name})
	}
	return paths
}()

// withoutWords returns the spec without the known words at some paths: if two state the strategy,
// the first counts.
func (p *Policy) withoutWords(places []crd.Path) map[string]any {
	spec := p.spec
	for _, place := range places {
		raw, _ := valueAt(spec, place)
		word, isText := raw.(string)
		if _, known := p.word(word); isText && known {
			spec = withoutPath(spec, place)
		}
	}
	return spec
}

// word looks a strategy up.
func (p *Policy) word(text string) (merge.Strategy, bool) {
	if w := p.Kind.Word; w != nil {
		s, known := w.Means(text)
		return mergeStrategy(s), known
	}
	s, known := crd.StrategyOf(text)
	return mergeStrategy(s), known
}

// statedPaths are the leaves that a policy states, in any block.
func (p *Policy) statedPaths() [][]string {
	if p.Kind.Class == Direct {
		return leafPaths(nil, bare(p.Kind, p.spec))
	}
	var paths [][]string
	for _, layer := range p.Layers {
		paths = append(paths, leafPaths(nil, layer.Value)...)
	}
	return paths
}

// readLeaves lists the leaves of the layers; nulls do not count.
func (p *Policy) readLeaves() {
	p.Leaves = nil
	for i, layer := range p.Layers {
		layer = layer.Read()
		p.Layers[i] = layer
		for path, v := range layer.Leaves() {
			if _, isObject := v.(map[string]any); isObject && !isEmptyAt(layer.Value, path) {
				continue // it has nulls only
			}
			p.Leaves = append(p.Leaves, path)
		}
	}
	if len(p.Layers) > 1 {
		slices.SortFunc(p.Leaves, slices.Compare[crd.Path])
		p.Leaves = slices.CompactFunc(p.Leaves, slices.Equal[crd.Path])
	}
}

// isEmptyAt reports whether the object at a path has nothing in it, not even nulls.
func isEmptyAt(value map[string]any, path []string) bool {
	stated, _ := valueAt(value, path)
	object, _ := stated.(map[string]any)
	return len(object) == 0
}

// leafPaths lists the leaves of a value.
func leafPaths(path []string, value map[string]any) [][]string {
	var paths [][]string
	for _, key := range slices.Sorted(maps.Keys(value)) {
		at := append(slices.Clip(path), key)
		if object, isObject := value[key].(map[string]any); isObject && len(object) > 0 {
			paths = append(paths, leafPaths(at, object)...)
		} else {
			paths = append(paths, at)
		}
	}
	return paths
}

func parseBounds(kind *Kind, raw any, path *field.Path, errs field.ErrorList) ([]Bound, field.ErrorList) {
	if raw == nil {
		return nil, errs
	}
	object, isObject := raw.(map[string]any)
	if !isObject {
		return nil, append(errs, field.Invalid(path, raw, "write {field: {min, max}} or {field: {oneOf}}"))
	}
	var bounds []Bound
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := path.Child(name)
		of := kind.bounded[boundName(name)]
		limits, isObject := object[name].(map[string]any)
		switch {
		case of == nil && kind.boundIsFault(boundName(name)):
			continue // the mistake is in the kind, not in the policy: a remark
		case of == nil:
			errs = append(errs, field.NotSupported(at, name, slices.Sorted(maps.Keys(kind.bounded))))
			continue
		case !isObject:
			errs = append(errs, field.Invalid(at, object[name], "write {min: …, max: …}, or {oneOf: […]}"))
			continue
		}
		b, wrong := parseBound(of, limits, at)
		errs = append(errs, wrong...)
		if b.Min != nil || b.Max != nil || len(b.OneOf) > 0 {
			bounds = append(bounds, b)
		}
	}
	return bounds, errs
}

// boundsNotRead adds remarks for bounds that are ignored because of a mistake in the kind.
func (p *Policy) boundsNotRead(raw any) {
	object, _ := raw.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if key := boundName(name); p.Kind.bounded[key] == nil && p.Kind.boundIsFault(key) {
			p.remark(BoundNotRead, []string{"spec", "bounds", name}, object[name])
		}
	}
}

// boundName returns the name of a field in canonical form.
func boundName(text string) string {
	if path, err := crd.ParsePath(text); err == nil {
		return path.String()
	}
	return text
}

// parseBound reads the bound on one field.
func parseBound(of *bound.Comparable, limits map[string]any, at *field.Path) (Bound, field.ErrorList) {
	b := Bound{Comparable: of, Min: limits["min"], Max: limits["max"]}
	b.OneOf, _ = limits["oneOf"].([]any)
	var errs field.ErrorList
	check := func(v any, at *field.Path) {
		if v == nil {
			return
		}
		if err := of.Type.Check(v); err != nil {
			errs = append(errs, field.Invalid(at, v, err.Error()))
		}
	}
	check(b.Min, at.Child("min"))
	check(b.Max, at.Child("max"))
	for i, v := range b.OneOf {
		check(v, at.Child("oneOf").Index(i))
	}
	ends := b.Min != nil || b.Max != nil
	switch {
	case ends && of.Type == bound.TextBound:
		errs = append(errs, field.Forbidden(at, "a text has no min and max: write oneOf"))
	case ends && b.OneOf != nil:
		errs = append(errs, field.Forbidden(at, "oneOf says everything: remove min and max, or oneOf"))
	case b.Min != nil && b.Max != nil:
		if c, err := of.Compare(b.Min, b.Max); err == nil && c > 0 {
			errs = append(errs, field.Invalid(at, limits, "min is larger than max"))
		}
	}
	return b, errs
}

// Limits of a policy. A kind whose CRD does not restrict values accepts up to a hundred thousand
// fields in one object, and each of them would become an origin of every path below, in memory and
// in published results.
const (
	// MaxFields is the maximum number of fields in spec, including its targets. A list counts as one
	// field.
	MaxFields = 512
	// MaxDepth is the maximum depth of nested objects and lists.
	MaxDepth = 32
)

// fits returns what is wrong with a spec that is too large to be merged.
func fits(spec map[string]any, path *field.Path) *field.Error {
	fields, deep := extent(spec, MaxDepth)
	switch {
	case deep:
		return field.Invalid(path, "", fmt.Sprintf("objects and lists are nested more than %d deep: state less in one policy", MaxDepth))
	case fields > MaxFields:
		return field.Invalid(path, "", fmt.Sprintf("it has %d fields, and a policy may have %d: state less in one policy", fields, MaxFields))
	}
	return nil
}

// extent counts the fields of a value that are not objects, and reports whether the value is too
// deep. It does not descend any further then.
func extent(value any, depth int) (fields int, deep bool) {
	if depth < 0 {
		return 0, true
	}
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			n, below := extent(inner, depth-1)
			fields, deep = fields+n, deep || below
		}
		return max(1, fields), deep
	case []any:
		for _, inner := range v {
			_, below := extent(inner, depth-1)
			deep = deep || below
		}
	}
	return 1, deep
}
