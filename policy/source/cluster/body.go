package cluster

import (
	"crypto/sha256"
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/attache-dev/attache/policy/source/kubejson"
)

// body is a JSON object in a record, packed.
//
// Decoded it takes ten times as much memory as its text, and the text of the results of a large cluster
// takes more than everything else that is known of it, so neither is kept longer than needed.
type body struct {
	packed
	// sum is of the text: equal objects have equal sums, however they are packed.
	sum sum
}

// sum stands for a text: 128 bits, for which nobody finds another text.
type sum [16]byte

// encode packs values that came from JSON, which can always be encoded; keys are sorted, so that equal
// values have equal sums.
func encode(v any, with *packer) body {
	text, err := json.Marshal(v)
	if err != nil {
		panic("cluster: a value that came from JSON does not encode: " + err.Error())
	}
	return body{packed: with.pack(text), sum: sumOf(text)}
}

func sumOf(text []byte) sum {
	whole := sha256.Sum256(text)
	return sum(whole[:len(sum{})])
}

// isNone reports whether there is no object.
func (b body) isNone() bool { return b.sum == sum{} }

// decode is the reverse of encode, with numbers of the types of the API machinery. Nulls are left out.
func (b body) decode() map[string]any {
	text := b.unpack()
	r := kubejson.Of(text)
	object, ok := r.Object()
	if !ok || !r.Done() {
		object = nil
		if err := kjson.Unmarshal(text, &object); err != nil {
			panic("cluster: a record does not decode: " + err.Error())
		}
	}
	for key, value := range object {
		if value == nil {
			delete(object, key)
		}
	}
	return object
}

// texts is decode for an object of texts.
func (b body) texts() map[string]string {
	if b.isNone() {
		return nil
	}
	var texts map[string]string
	if err := json.Unmarshal(b.unpack(), &texts); err != nil {
		panic("cluster: a record does not decode: " + err.Error())
	}
	return texts
}

// packedField is the field of a compact object with its body, in place of the fields that the body
// contains. No object of an API server has such a field.
const packedField = "\x00body"

// pack replaces the content of a result by its body, so that a list of all results, and the queue, hold
// them packed.
func pack(u *unstructured.Unstructured) {
	small := &unstructured.Unstructured{Object: map[string]any{packedField: resultBody(u)}}
	small.SetAPIVersion(u.GetAPIVersion())
	small.SetKind(u.GetKind())
	small.SetNamespace(u.GetNamespace())
	small.SetName(u.GetName())
	small.SetUID(u.GetUID())
	small.SetResourceVersion(u.GetResourceVersion())
	u.Object = small.Object
}

// resultBody is the part of an EffectivePolicy that a record keeps.
func resultBody(u *unstructured.Unstructured) body {
	if packed, ok := u.Object[packedField].(body); ok {
		return packed
	}
	return encode(map[string]any{
		"metadata":  map[string]any{"ownerReferences": ownersOf(u), "managedFields": claimOf(u)},
		"targetRef": u.Object["targetRef"],
		"status":    u.Object["status"],
	}, &packers.results)
}

// Kept is an object in compact form. Nil means none.
type Kept struct{ body body }

// Keep keeps an object of JSON values.
func Keep(u *unstructured.Unstructured) *Kept {
	if u == nil {
		return nil
	}
	return &Kept{encode(u.Object, &packers.results)}
}

// Object returns the object, decoded each time.
func (k *Kept) Object() *unstructured.Unstructured {
	if k == nil {
		return nil
	}
	return &unstructured.Unstructured{Object: k.body.decode()}
}
