package cluster

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"maps"
	"math/bits"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// record is everything that is kept of an object outside the snapshot.
type record struct {
	// version is the newest resourceVersion known, be it from the watch or from
	// the answer to a write of our own.
	version string
	uid     string
	meaning meaning
	written written
	// terminating means that a Namespace is being deleted.
	terminating bool
}

// meaning distinguishes two versions of an object that differ in what the snapshot reads: the API
// server counts changes of spec in metadata.generation.
type meaning struct {
	uid        string
	generation int64
	labels     uint64
	// marks are of the annotations that the snapshot reads.
	marks uint64
}

// written is what we wrote there, or what somebody replaced it with.
type written struct{ annotations, body body }

func (w written) equal(other written) bool {
	return w.annotations.sum == other.annotations.sum && w.body.sum == other.body.sum
}

// print stands for all of it.
func (w written) print() uint64 {
	return binary.LittleEndian.Uint64(w.annotations.sum[:]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(w.body.sum[:]), 1)
}

// compact removes what is not read from an object, and packs the content of a result. It changes u,
// and is idempotent.
func compact(u *unstructured.Unstructured, k kind) {
	if _, packed := u.Object[packedField]; packed {
		return
	}
	status.Claim(u, k.keep.has(keepEffective) && status.Claimed(u))
	annotations := u.GetAnnotations()
	maps.DeleteFunc(annotations, func(key, _ string) bool {
		return !readAnnotations[key] && (!k.keep.has(keepAnnotations) || !publish.Reserved(key))
	})
	if len(annotations) == 0 {
		annotations = nil
	}
	u.SetAnnotations(annotations)
	if !k.keep.has(keepEffective) {
		u.SetOwnerReferences(nil)
	}
	switch {
	case k.keep.has(keepConditions):
		u.Object["status"] = conditionsOf(u)
	case !k.keep.has(keepEffective | keepStatus):
		delete(u.Object, "status")
	}
	if k.keep.has(keepEffective) {
		pack(u)
	}
}

// readAnnotations are those that the snapshot reads.
var readAnnotations = map[string]bool{
	hierarchy.ExportAnnotation: true, injected.Annotation: true,
	hierarchy.MetricsAnnotation: true, hierarchy.TracingAnnotation: true, hierarchy.LogLevelAnnotation: true,
}

// marksOf are the annotations of an object that the snapshot reads.
func marksOf(u *unstructured.Unstructured) map[string]string {
	annotations := u.GetAnnotations()
	maps.DeleteFunc(annotations, func(key, _ string) bool { return !readAnnotations[key] })
	return annotations
}

// fromMetadata returns an object that only has metadata.
func fromMetadata(k kind, m *metav1.PartialObjectMetadata) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(k.resource.GroupVersion().WithKind(k.Kind))
	u.SetNamespace(m.Namespace)
	u.SetName(m.Name)
	u.SetUID(m.UID)
	u.SetResourceVersion(m.ResourceVersion)
	u.SetLabels(m.Labels)
	u.SetDeletionTimestamp(m.DeletionTimestamp)
	return u
}

func newRecord(k kind, u *unstructured.Unstructured) *record {
	r := &record{
		version: u.GetResourceVersion(),
		uid:     string(u.GetUID()),
		meaning: meaning{uid: string(u.GetUID()), generation: u.GetGeneration(), labels: hashOf(u.GetLabels()), marks: hashOf(marksOf(u))},

		terminating: k.GroupKind == hierarchy.NamespaceKind && u.GetDeletionTimestamp() != nil,
	}
	annotations := u.GetAnnotations()
	maps.DeleteFunc(annotations, func(key, _ string) bool { return !publish.Reserved(key) })
	if k.keep.has(keepAnnotations) && len(annotations) > 0 {
		r.written.annotations = encode(annotations, &packers.annotations)
	}
	switch {
	case k.keep.has(keepStatus | keepConditions):
		r.written.body = encode(map[string]any{"status": u.Object["status"]}, &packers.statuses)
	case k.keep.has(keepEffective):
		r.meaning = meaning{} // the snapshot does not read it
		r.written.body = resultBody(u)
	}
	return r
}

// conditionsOf returns a status without what other controllers write, except for the types of their
// conditions, because their number matters.
func conditionsOf(u *unstructured.Unstructured) map[string]any {
	status, _, _ := unstructured.NestedMap(u.Object, "status")
	kept := map[string]any{"conditions": oursAmong(status["conditions"])}
	listeners, _ := status["listeners"].([]any)
	entries := make([]any, 0, len(listeners))
	for _, l := range listeners {
		if l, ok := l.(map[string]any); ok {
			entries = append(entries, map[string]any{"name": l["name"], "conditions": oursAmong(l["conditions"])})
		}
	}
	kept["listeners"] = entries
	return kept
}

func oursAmong(conditions any) []any {
	list, _ := conditions.([]any)
	kept := make([]any, 0, len(list))
	for _, c := range list {
		c, _ := c.(map[string]any)
		kind, _ := c["type"].(string)
		if strings.HasPrefix(kind, policy.Group+"/") {
			kept = append(kept, c)
		} else {
			kept = append(kept, map[string]any{"type": kind})
		}
	}
	return kept
}

// claimOf returns what Claim left of an object's managedFields.
func claimOf(u *unstructured.Unstructured) any {
	entries, _, _ := unstructured.NestedFieldNoCopy(u.Object, "metadata", "managedFields")
	return entries
}

func ownersOf(u *unstructured.Unstructured) any {
	owners, _, _ := unstructured.NestedFieldNoCopy(u.Object, "metadata", "ownerReferences")
	return owners
}

// older reports whether version a is known to be older than b.
func older(a, b string) bool {
	c, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && c < 0
}

func hashOf(labels map[string]string) uint64 {
	h := fnv.New64a()
	hashInto(h, labels)
	return h.Sum64()
}

func hashInto(h io.Writer, texts map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		_, _ = io.WriteString(h, key+"\x00"+texts[key]+"\x00") // a hash takes everything
	}
}
