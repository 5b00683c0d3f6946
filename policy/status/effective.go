package status

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// APIVersion and Kind of the objects this package makes (api.md section 3).
const (
	APIVersion = policy.Group + "/v1alpha1"
	Kind       = "EffectivePolicy"
)

// maxName is the longest name that the API server takes.
const maxName = 253

// ObjectName is the name of the EffectivePolicy of a route or a Gateway:
// "httproute.checkout". A name that would be too long ends in a hash of the
// whole instead.
func ObjectName(target hierarchy.Ref) string {
	name := strings.ToLower(target.Kind) + "." + target.Name
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:maxName-9], "-.") + "-" + hex.EncodeToString(sum[:4])
}

// EffectivePolicy is the object that shows e, without an owner; nil when no
// policy reaches the target.
func EffectivePolicy(e *effective.Target) *unstructured.Unstructured {
	if e == nil || !e.Reached() {
		return nil
	}
	return Show(e)
}

// Show is the object that shows e, also of a target that no policy reaches: its
// scopes are empty then. It is for people who ask; nobody writes it.
func Show(e *effective.Target) *unstructured.Unstructured {
	scopes := make([]any, 0, len(e.Scopes))
	for _, s := range e.Scopes {
		scope := shortScope(s)
		origins, notApplicable, invalid := []any{}, []any{}, []any{}
		for _, m := range s.Result.Kinds {
			for _, o := range m.Origins {
				origins = append(origins, originOf(m.Kind.Name(), o))
			}
			for _, f := range m.NotApplicable {
				notApplicable = append(notApplicable, m.Kind.Name()+"."+f)
			}
			for _, broken := range m.Invalid {
				invalid = append(invalid, m.Kind.Name()+": "+broken.Message)
			}
		}
		scope["origins"], scope["notApplicable"], scope["invalid"] = origins, notApplicable, invalid
		scopes = append(scopes, scope)
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": APIVersion,
		"kind":       Kind,
		"metadata":   map[string]any{"name": ObjectName(e.Target), "namespace": e.Target.Namespace},
		"targetRef":  map[string]any{"group": e.Target.GroupKind.Group, "kind": e.Target.Kind, "name": e.Target.Name},
		"status": map[string]any{
			"digest":  Digest(e),
			"summary": summary(e),
			"scopes":  scopes,
		},
	}}
	if e.Generation != 0 {
		_ = unstructured.SetNestedField(object.Object, e.Generation, "status", "observedGeneration")
	}
	return object
}

// shortScope is a scope without its origins, as the annotation has it.
func shortScope(s effective.Scope) map[string]any {
	parents := make([]any, len(s.Parents))
	for i, l := range s.Parents {
		parents[i] = Parent(l)
	}
	rules := make([]any, len(s.Rules))
	for i, r := range s.Rules {
		rules[i] = r
	}
	return map[string]any{"parents": parents, "rules": rules, "effective": effectiveOf(s)}
}

// Parent names a listener as scopes do.
func Parent(l *hierarchy.Listener) map[string]any {
	p := map[string]any{"gateway": l.Gateway.Place(), "listener": l.Ref.Section}
	if !l.ListenerSet.IsZero() {
		p["listenerSet"] = l.ListenerSet.Place()
	}
	return p
}

func effectiveOf(s effective.Scope) map[string]any {
	effective := map[string]any{}
	for _, m := range s.Result.Kinds {
		if len(m.Value) > 0 {
			effective[m.Kind.Name()] = runtime.DeepCopyJSON(m.Value)
		}
	}
	return effective
}

func originOf(kind string, o effective.Origin) map[string]any {
	beat := make([]any, len(o.Beat))
	for i, b := range o.Beat {
		beat[i] = b.String()
	}
	origin := map[string]any{
		"policy": kind,
		"field":  o.Field,
		"from":   o.From.String(),
		"target": o.Target.String(),
		"block":  o.Block.String(),
		"beat":   beat,
	}
	if !o.ClampedBy.IsZero() {
		origin["clampedBy"] = o.ClampedBy.String()
	}
	return origin
}

// Digest is the SHA-256 of the effective values of all scopes, in order, as
// compact JSON with sorted keys: it changes exactly when what applies changes.
func Digest(e *effective.Target) string {
	values := make([]any, len(e.Scopes))
	for i, s := range e.Scopes {
		values[i] = effectiveOf(s)
	}
	sum := sha256.Sum256(compact(values))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// compact is JSON with sorted keys and no white space. It is only given values
// that came from JSON, which always encode.
func compact(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("status: a value that came from JSON does not encode: " + err.Error())
	}
	return text
}
