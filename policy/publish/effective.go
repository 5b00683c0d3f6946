package publish

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
)

// APIVersion and Kind of the objects this package makes (api.md section 3).
const (
	APIVersion = policy.Group + "/v1alpha1"
	Kind       = "EffectivePolicy"
)

// EffectivePolicy returns the object that shows e, without an owner and conditions, which only
// published objects have; nil when no policy reaches the target.
func EffectivePolicy(e *effective.Target) *unstructured.Unstructured {
	if e == nil || !e.Reached() {
		return nil
	}
	return Show(e)
}

// Show returns the object that shows e, also for a target that no policy reaches, with empty
// scopes. It is for display, and is not written to the API server.
func Show(e *effective.Target) *unstructured.Unstructured {
	scopes := make([]any, 0, len(e.Scopes))
	for _, s := range e.Scopes {
		scope := shortScope(e, s)
		origins, notSet, notApplicable, invalid := []any{}, []any{}, []any{}, []any{}
		for _, m := range s.Result.Kinds {
			for _, o := range m.Origins {
				origins = append(origins, originOf(m.Kind.Name(), o))
			}
			for _, n := range m.NotSet {
				notSet = append(notSet, notSetOf(m.Kind.Name(), n))
			}
			notApplicable = append(notApplicable, notApplicableOf(m)...)
			for _, broken := range m.Invalid {
				invalid = append(invalid, invalidOf(m, broken))
			}
		}
		scope["origins"], scope["notSet"], scope["notApplicable"], scope["invalid"] = origins, notSet, notApplicable, invalid
		scopes = append(scopes, scope)
	}
	object := Bare(e.Target)
	object.Object["status"] = map[string]any{
		"digest":  Digest(e),
		"summary": summary(e),
		"scopes":  scopes,
	}
	if stated := statedBy(e); len(stated) > 0 {
		_ = unstructured.SetNestedSlice(object.Object, stated, "status", "statedBy")
	}
	if e.Generation != 0 {
		_ = unstructured.SetNestedField(object.Object, e.Generation, "status", "observedGeneration")
	}
	return object
}

// Glance is like Show, but only has the summary, for tables.
func Glance(e *effective.Target) *unstructured.Unstructured {
	object := Bare(e.Target)
	object.Object["status"] = map[string]any{"summary": summary(e)}
	return object
}

// Bare returns the EffectivePolicy of a target without a status.
func Bare(target hierarchy.Ref) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{
		"targetRef": map[string]any{"group": target.GroupKind.Group, "kind": target.Kind, "name": target.Name},
	}}
	object.SetAPIVersion(APIVersion)
	object.SetKind(Kind)
	object.SetNamespace(target.Namespace)
	object.SetName(ObjectName(target))
	return object
}

// shortScope is a scope without its origins, as the annotation has it.
func shortScope(e *effective.Target, s effective.Scope) map[string]any {
	parents := make([]any, len(s.Parents))
	for i, l := range s.Parents {
		parents[i] = Parent(l)
	}
	scope := map[string]any{"parents": parents, "effective": effectiveOf(s)}
	if rules := rulesOf(s.Rules); rules != nil {
		scope["rules"] = rules
	}
	return scope
}

func effectiveOf(s effective.Scope) map[string]any {
	values := map[string]any{}
	for _, m := range s.Result.Kinds {
		if len(m.Value) > 0 {
			values[m.Kind.Name()] = runtime.DeepCopyJSON(m.Value)
		}
	}
	return values
}

func originOf(kind string, o effective.Origin) map[string]any {
	origin := map[string]any{
		"policy": kind,
		"field":  o.Path.String(),
		"level":  o.Level.String(),
		"block":  o.Block.String(),
		"from":   reference(o.From),
		"target": reference(o.Target),
	}
	beat := make([]any, len(o.Beat))
	for i, b := range o.Beat {
		beat[i] = map[string]any{"level": b.Level.String(), "block": b.Block.String(), "value": copied(b.Value), "from": reference(b.From)}
	}
	origin["beat"] = beat
	if !o.ClampedBy.IsZero() {
		origin["clampedBy"] = reference(o.ClampedBy)
		if o.Stated != nil {
			origin["stated"] = copied(o.StatedText())
		}
	}
	return origin
}

// notSetOf returns a value that was stated and is not in force, with what removed it.
func notSetOf(kind string, n effective.NotSet) map[string]any {
	entry := map[string]any{
		"policy": kind, "field": n.Path.String(), "value": copied(n.Value), "level": n.Level.String(), "block": n.Block.String(),
		"from": reference(n.From), "rule": string(n.Rule),
	}
	if !n.By.IsZero() {
		entry["by"] = reference(n.By)
	}
	return entry
}

// maxNotSet is the maximum number of values that are not set in a published scope.
const maxNotSet = 64

// Trim removes entries of an EffectivePolicy that do not fit, and counts them.
func Trim(object *unstructured.Unstructured) {
	scopes, _, _ := unstructured.NestedFieldNoCopy(object.Object, "status", "scopes")
	for _, scope := range objects(scopes) {
		if notSet, _ := scope["notSet"].([]any); len(notSet) > maxNotSet {
			scope["notSet"], scope["notSetMore"] = notSet[:maxNotSet], int64(len(notSet)-maxNotSet)
		}
	}
}

// notApplicableOf lists the fields that have no effect here, with each policy that sets one.
func notApplicableOf(m *effective.Policy) []any {
	var list []any
	for _, at := range m.NotApplicable {
		for _, c := range m.Contributions() {
			if p := c.Attachment.Policy; states(p, at) {
				list = append(list, map[string]any{"policy": m.Kind.Name(), "field": at.String(), "from": reference(p.Ref)})
			}
		}
	}
	return list
}

// states reports whether a policy states a value at a path.
func states(p *policy.Policy, at crd.Path) bool {
	for _, layer := range p.Layers {
		var value any = layer.Value
		for _, key := range at {
			object, _ := value.(map[string]any)
			value = object[key]
		}
		if value != nil {
			return true
		}
	}
	return false
}

// invalidOf returns a rule that the merged value breaks, with the policies that state the values
// involved.
func invalidOf(m *effective.Policy, broken crd.Broken) map[string]any {
	entry := map[string]any{"policy": m.Kind.Name(), "message": broken.Message}
	if len(broken.Field) > 0 {
		entry["field"] = broken.Field.String()
	}
	var from []hierarchy.Ref
	for _, o := range m.Origins {
		if broken.Names(o.Path) {
			from = append(from, o.From)
		}
	}
	if len(from) == 0 {
		for _, o := range m.Origins {
			from = append(from, o.From)
		}
	}
	slices.SortFunc(from, hierarchy.Compare)
	var references []any
	for _, ref := range slices.Compact(from) {
		references = append(references, reference(ref))
	}
	if references != nil {
		entry["from"] = references
	}
	return entry
}

// Digest is the SHA-256 of the scopes as the annotation has them (parents, rules, effective
// values), in order, as compact JSON with sorted keys: it changes exactly when the effective values
// change.
func Digest(e *effective.Target) string { return digestOf(appendScopes(nil, e)) }

func digest(scopes []any) string { return digestOf(Compact(scopes)) }

// digestOf returns the digest of scopes that are encoded already.
func digestOf(scopes []byte) string {
	sum := sha256.Sum256(scopes)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Compact returns JSON with sorted keys, without white space, and with only the escapes that JSON
// requires, so that every language produces the same. Its input only has values that came from
// JSON, which can always be encoded.
func Compact(v any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic("status: a value that came from JSON does not encode: " + err.Error())
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}
