package review

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/publish"
)

// The API server limits the total size of the annotations of an object. An author who fills it up
// would prevent later updates of our annotation, so they may not take the room for it.
const (
	allAnnotations = 256 << 10
	// OurAnnotation is the room that an object has to keep free for our annotation.
	OurAnnotation = publish.MaxAnnotation + 1<<10
)

// Crowds reports whether a change leaves less room for our annotation than it needs, and less than
// before.
func (c ObjectChange) Crowds() bool {
	now := othersAnnotations(c.New)
	return now > allAnnotations-OurAnnotation && now > othersAnnotations(c.Old)
}

// othersAnnotations returns the size of all annotations except ours, as an API server counts it.
func othersAnnotations(u *unstructured.Unstructured) int {
	if u == nil {
		return 0
	}
	size := 0
	for key, value := range u.GetAnnotations() {
		if !publish.Reserved(key) {
			size += len(key) + len(value)
		}
	}
	return size
}

// room refuses annotations that leave no room for ours.
func (v *Verdict) room(e Edit) {
	for _, c := range e.Changes {
		if c.New == nil || !c.Crowds() || !carries(v.After, c.Ref()) {
			continue
		}
		v.Refusals = append(v.Refusals, Refusal{Object: c.Ref(), Field: "metadata.annotations", Message: fmt.Sprintf(
			"they take %d bytes: leave %d of the %d that all annotations of an object may take to %s, and take some of the others away",
			othersAnnotations(c.New), OurAnnotation, allAnnotations, publish.Annotation)})
	}
}

// carries reports whether objects of a kind have our annotation.
func carries(s *policy.Snapshot, ref hierarchy.Ref) bool {
	return s.IsRoute(ref.GroupKind) || ref.GroupKind == hierarchy.GatewayKind
}
