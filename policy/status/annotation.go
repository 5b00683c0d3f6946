package status

import (
	"strings"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// Annotation is the key under which a route or a Gateway carries its own
// effective policy, for data planes to read.
const Annotation = policy.Group + "/effective-policies"

// MaxAnnotation is the size in bytes over which the scopes are left out.
const MaxAnnotation = 16 << 10

// AnnotationValue is the annotation of a route or a Gateway (api.md section 4).
// The second result is false when no policy reaches it and there must be none.
func AnnotationValue(e *effective.Target) (string, bool) {
	if e == nil || !e.Reached() {
		return "", false
	}
	scopes := make([]any, len(e.Scopes))
	for i, s := range e.Scopes {
		scopes[i] = shortScope(s)
	}
	return annotationText(Digest(e), scopes, ObjectName(e.Target)), true
}

// annotationText puts an annotation together; name is where to look for what
// does not fit.
func annotationText(digest string, scopes []any, name string) string {
	value := compact(map[string]any{"digest": digest, "scopes": scopes})
	if len(value) > MaxAnnotation {
		value = compact(map[string]any{"digest": digest, "see": Kind + " " + name})
	}
	return string(value)
}

// Reserved says whether an annotation key is ours alone to write: the
// annotation itself, and the same key in any other spelling of case.
func Reserved(key string) bool { return strings.EqualFold(key, Annotation) }
