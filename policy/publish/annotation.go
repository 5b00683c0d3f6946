package publish

import (
	"encoding/json"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// Annotation is the key of the annotation with the effective policy of a route or a Gateway, for
// data planes. AnnotationVersion is the version of its format.
const (
	Annotation        = policy.Group + "/effective-policies"
	AnnotationVersion = 2
)

// MaxAnnotation is the size in bytes above which the scopes are left out.
const MaxAnnotation = 16 << 10

// Reasons why the newest result of a target is not published.
const (
	// WithheldViolation means that a guardrail objects to it.
	WithheldViolation = "GuardrailViolated"
	// WithheldUndecided means that the guardrails could not be evaluated in time.
	WithheldUndecided = "Undecided"
)

// AnnotationValue returns the annotation of a route or a Gateway (api.md section 4). The second
// result is false when no policy reaches it and there must be no annotation.
func AnnotationValue(e *effective.Target) (string, bool) {
	if e == nil || !e.Reached() {
		return "", false
	}
	// This is what Content.text writes, in one piece of memory: the digest is put in once the scopes are
	// there.
	b := append(make([]byte, 0, roomFor(e)), `{"digest":"`...)
	digest := len(b)
	b = append(append(b, noDigest...), '"')
	if e.Generation != 0 {
		b = strconv.AppendInt(append(b, `,"generation":`...), e.Generation, 10)
	}
	b = append(b, `,"scopes":`...)
	scopes := len(b)
	b = appendScopes(b, e)
	copy(b[digest:], digestOf(b[scopes:]))
	b = appendStatedBy(b, e)
	b = append(strconv.AppendInt(append(b, `,"version":`...), AnnotationVersion, 10), '}')
	if len(b) > MaxAnnotation {
		return string(Content{digest: string(b[digest : digest+len(noDigest)]), generation: e.Generation}.text(nil, nil, ObjectName(e.Target))), true
	}
	return string(b), true
}

// noDigest is as long as a digest.
const noDigest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// roomFor is about how many bytes the annotation of a target takes, rather more than less.
func roomFor(e *effective.Target) int {
	room := 256
	for _, s := range e.Scopes {
		room += 64 + 128*len(s.Parents) + 32*len(s.Rules.Rules)
		for _, m := range s.Result.Kinds {
			room += 128 + 32*len(m.Origins)
		}
	}
	return room
}

// Content is the content of an annotation.
type Content struct {
	digest     string
	generation int64
	Scopes     []any
	Withheld   string
	statedBy   []any
	// name is the object that has what does not fit.
	name string
}

// Text is the annotation as compact JSON with sorted keys.
func (c Content) Text() string {
	var scopes []byte
	if c.Scopes != nil {
		scopes = appendJSON(nil, c.Scopes)
	}
	text := c.text(scopes, c.statedBy, "")
	if len(text) > MaxAnnotation {
		text = c.text(nil, nil, c.name)
	}
	return string(text)
}

// text writes the annotation with some scopes, or with a reference to them.
func (c Content) text(scopes []byte, statedBy []any, see string) []byte {
	b := make([]byte, 0, len(scopes)+256)
	member := func(name string) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), `":`...)
	}
	b = append(b, '{')
	if c.digest != "" {
		member("digest")
		b = appendString(b, c.digest)
	}
	if c.generation != 0 {
		member("generation")
		b = strconv.AppendInt(b, c.generation, 10)
	}
	if scopes != nil {
		member("scopes")
		b = append(b, scopes...)
	}
	if see != "" {
		member("see")
		b = appendString(b, see)
	}
	if len(statedBy) > 0 {
		member("statedBy")
		b = appendJSON(b, statedBy)
	}
	member("version")
	b = strconv.AppendInt(b, AnnotationVersion, 10)
	if c.Withheld != "" {
		member("withheld")
		b = appendString(b, c.Withheld)
	}
	return append(b, '}')
}

// WithheldAnnotation returns the annotation of a target whose first result is withheld.
func WithheldAnnotation(generation int64, reason string) string {
	return Content{generation: generation, Withheld: reason, Scopes: []any{}}.Text()
}

// ContentOf returns the content of the annotation that belongs to an EffectivePolicy.
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

// Refers reports whether an annotation refers to the EffectivePolicy instead of the scopes, because
// these are too long.
func Refers(annotation string) bool {
	var value struct {
		See string `json:"see"`
	}
	return json.Unmarshal([]byte(annotation), &value) == nil && value.See != ""
}

// Reserved reports whether only we may write an annotation key: the annotation itself, and the same
// key in any other case.
func Reserved(key string) bool { return strings.EqualFold(key, Annotation) }
