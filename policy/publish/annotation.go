package publish

import (
	"encoding/json"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// Annotation is the key under which a route or a Gateway carries its own
// effective policy, for data planes to read. AnnotationVersion is the version of
// its format.
const (
	Annotation        = policy.Group + "/effective-policies"
	AnnotationVersion = 2
)

// MaxAnnotation is the size in bytes over which the scopes are left out.
const MaxAnnotation = 16 << 10

// Reasons why the newest result of a target is not published.
const (
	// WithheldViolation is that a guardrail objects to it.
	WithheldViolation = "GuardrailViolated"
	// WithheldUndecided is that the guardrails could not be asked in time.
	WithheldUndecided = "Undecided"
)

// AnnotationValue is the annotation of a route or a Gateway (api.md section 4).
// The second result is false when no policy reaches it and there must be none.
func AnnotationValue(e *effective.Target) (string, bool) {
	if e == nil || !e.Reached() {
		return "", false
	}
	scopes := shortScopes(e)
	return Content{digest: digest(scopes), generation: e.Generation, Scopes: scopes, statedBy: statedBy(e), name: ObjectName(e.Target)}.Text(), true
}

// Content is what an annotation says.
type Content struct {
	digest     string
	generation int64
	Scopes     []any
	Withheld   string
	statedBy   []any
	// name is where to look for what does not fit.
	name string
}

// Text is the annotation as compact JSON with sorted keys.
func (c Content) Text() string {
	value := map[string]any{"version": AnnotationVersion}
	if c.digest != "" {
		value["digest"] = c.digest
	}
	if c.generation != 0 {
		value["generation"] = c.generation
	}
	if c.Withheld != "" {
		value["withheld"] = c.Withheld
	}
	if c.Scopes != nil {
		value["scopes"] = c.Scopes
	}
	if len(c.statedBy) > 0 {
		value["statedBy"] = c.statedBy
	}
	text := Compact(value)
	if len(text) > MaxAnnotation {
		delete(value, "scopes")
		delete(value, "statedBy")
		value["see"] = c.name
		text = Compact(value)
	}
	return string(text)
}

// WithheldAnnotation is the annotation of a target for which nothing was published
// yet and whose first result is withheld.
func WithheldAnnotation(generation int64, reason string) string {
	return Content{generation: generation, Withheld: reason, Scopes: []any{}}.Text()
}

// ContentOf is what the annotation says that goes with an EffectivePolicy.
func ContentOf(target hierarchy.Ref, object *unstructured.Unstructured) (Content, bool) {
	if object == nil {
		return Content{}, false
	}
	entries, _, _ := unstructured.NestedSlice(object.Object, "status", "scopes")
	c := Content{Scopes: make([]any, 0, len(entries)), name: ObjectName(target)}
	for _, entry := range entries {
		entry, ok := entry.(map[string]any)
		if !ok {
			continue
		}
		scope := map[string]any{"parents": entry["parents"], "effective": entry["effective"]}
		if rules, some := entry["rules"]; some {
			scope["rules"] = rules
		}
		c.Scopes = append(c.Scopes, scope)
	}
	c.statedBy, _, _ = unstructured.NestedSlice(object.Object, "status", "statedBy")
	c.digest, _, _ = unstructured.NestedString(object.Object, "status", "digest")
	generation, _, _ := unstructured.NestedFieldNoCopy(object.Object, "status", "observedGeneration")
	c.generation = number(generation)
	return c, c.digest != ""
}

// Refers says whether an annotation names the EffectivePolicy in place of what
// applies, because that is too long.
func Refers(annotation string) bool {
	var value struct {
		See string `json:"see"`
	}
	return json.Unmarshal([]byte(annotation), &value) == nil && value.See != ""
}

// Reserved says whether an annotation key is ours alone to write: the
// annotation itself, and the same key in any other spelling of case.
func Reserved(key string) bool { return strings.EqualFold(key, Annotation) }
