package status

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/publish"
)

// FieldOwner is the field manager of attache.
const FieldOwner = "attache"

// Claimed reports whether our field manager owns all of an object's status. The API server
// attributes fields that somebody else wrote to them. The name of a field manager proves nothing by
// itself: the chart's admission policy prevents others from writing at all.
func Claimed(u *unstructured.Unstructured) bool {
	status, present := u.Object["status"]
	if !present {
		return true
	}
	var ours []map[string]any
	for _, entry := range u.GetManagedFields() {
		if entry.Manager != FieldOwner || entry.FieldsV1 == nil {
			continue
		}
		var fields map[string]any
		if json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		if below, ok := fields["f:status"].(map[string]any); ok {
			ours = append(ours, below)
		}
	}
	return len(ours) > 0 && covered(ours, status)
}

// Claim sets the managedFields of an object to a minimal form for caches: either the whole status
// is ours, or there is no status.
func Claim(u *unstructured.Unstructured, claimed bool) {
	if !claimed {
		u.SetManagedFields(nil)
		return
	}
	whole := &metav1.FieldsV1{}
	whole.SetRawString(`{"f:status":{}}`)
	u.SetManagedFields([]metav1.ManagedFieldsEntry{{
		Manager: FieldOwner, Operation: metav1.ManagedFieldsOperationApply, Subresource: "status",
		FieldsType: "FieldsV1", FieldsV1: whole,
	}})
}

// covered reports whether sets of fields together own a whole value. An empty set stands for a
// leaf, or for a value that is owned as a whole.
func covered(sets []map[string]any, value any) bool {
	if slices.ContainsFunc(sets, func(s map[string]any) bool { return len(s) == 0 }) {
		return true
	}
	below := func(owns func(path string) bool) (list []map[string]any) {
		for _, set := range sets {
			for path, fields := range set {
				if fields, ok := fields.(map[string]any); ok && owns(path) {
					list = append(list, fields)
				}
			}
		}
		return list
	}
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			if inside := below(func(path string) bool { return path == "f:"+key }); len(inside) == 0 || !covered(inside, v) {
				return false
			}
		}
		return true
	case []any:
		for _, v := range value {
			if inside := below(func(path string) bool { return names(path, v) }); len(inside) == 0 || !covered(inside, v) {
				return false
			}
		}
		return true
	}
	return false
}

// names reports whether a key of FieldsV1 identifies an element of a list: by its keys (k:) or by
// its value (v:).
func names(path string, element any) bool {
	if text, ok := strings.CutPrefix(path, "v:"); ok {
		return text == string(publish.Compact(element))
	}
	text, ok := strings.CutPrefix(path, "k:")
	var keys map[string]any
	if !ok || json.Unmarshal([]byte(text), &keys) != nil {
		return false
	}
	fields, _ := element.(map[string]any)
	for key, want := range keys {
		if !reflect.DeepEqual(fields[key], want) {
			return false
		}
	}
	return len(keys) > 0
}
