package cluster

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "k8s.io/apimachinery/pkg/util/json"
)

// body is a JSON object in a record: as it is, or compressed after a zero byte. Equal objects have
// equal bytes.
//
// A route with many rules on many listeners has a result of hundreds of kilobytes that names the
// same listeners again and again, and has a twentieth of its size when compressed. Decoded it takes
// ten times as much memory as its text, so no result stays decoded longer than needed.
type body []byte

// manyBytes is the size above which a body is compressed.
const manyBytes = 8 << 10

var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic("cluster: there is no such level of compression: " + err.Error())
	}
	return w
}}

// encode writes values that came from JSON, which can always be encoded; keys are sorted, so that
// equal values have equal bytes.
func encode(v map[string]any) body {
	text, err := json.Marshal(v)
	if err != nil {
		panic("cluster: a value that came from JSON does not encode: " + err.Error())
	}
	if len(text) < manyBytes {
		return text
	}
	packed := bytes.NewBuffer(make([]byte, 1, len(text)/16))
	w, _ := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(packed)
	_, _ = w.Write(text) // writing to a buffer never fails
	_ = w.Close()
	return bytes.Clone(packed.Bytes())
}

// decode is the reverse, with numbers of the types of the API machinery. Nulls are left out.
func (b body) decode() map[string]any {
	text := []byte(b)
	if len(b) > 0 && b[0] == 0 {
		var err error
		if text, err = io.ReadAll(flate.NewReader(bytes.NewReader(b[1:]))); err != nil {
			panic("cluster: a record does not decompress: " + err.Error())
		}
	}
	var object map[string]any
	if err := kjson.Unmarshal(text, &object); err != nil {
		panic("cluster: a record does not decode: " + err.Error())
	}
	for key, value := range object {
		if value == nil {
			delete(object, key)
		}
	}
	return object
}

// packedField is the field of a compact object with its body, in place of the fields that the body
// contains. No object of an API server has such a field.
const packedField = "\x00body"

// pack replaces the content of a result by its body, so that a list of all results, and the queue,
// hold them compressed.
func pack(u *unstructured.Unstructured) {
	text := resultBody(u)
	small := &unstructured.Unstructured{Object: map[string]any{packedField: string(text)}}
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
	if packed, ok := u.Object[packedField].(string); ok {
		return body(packed)
	}
	return encode(map[string]any{
		"metadata":  map[string]any{"ownerReferences": ownersOf(u), "managedFields": claimOf(u)},
		"targetRef": u.Object["targetRef"],
		"status":    u.Object["status"],
	})
}

// Kept is an object in compact form. Nil means none.
type Kept struct{ body body }

// Keep keeps an object of JSON values.
func Keep(u *unstructured.Unstructured) *Kept {
	if u == nil {
		return nil
	}
	return &Kept{encode(u.Object)}
}

// Object returns the object, decoded each time.
func (k *Kept) Object() *unstructured.Unstructured {
	if k == nil {
		return nil
	}
	return &unstructured.Unstructured{Object: k.body.decode()}
}
