package validate

import (
	"context"
	"maps"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// stored is an object as an API server would store it, where the server would take it as it is but for
// defaults, and say nothing. That is so of nearly all objects, and is known in one walk through them.
// Of one that is not ok nothing is known here: prepare does all that a server does, and says what a
// server says. The object given is neither changed nor shared.
func (v *version) stored(ctx context.Context, object map[string]any) (stored map[string]any, ok bool) {
	metadata, isObject := object["metadata"].(map[string]any)
	if !v.plain || !isObject {
		return nil, false
	}
	rest := maps.Clone(object)
	for _, name := range identity {
		delete(rest, name)
	}
	status, hasStatus := object["status"]
	hasStatus = hasStatus && v.status
	if hasStatus {
		delete(rest, "status")
	}
	if stored, ok = v.parts.root.filledObject(rest); !ok {
		return nil, false
	}
	for _, name := range []string{"apiVersion", "kind"} {
		text, isText := object[name].(string)
		if !isText {
			return nil, false
		}
		stored[name] = text
	}
	meta, written, ok := metaOf(metadata)
	if !ok || len(v.checkMeta(ctx, meta)) > 0 {
		return nil, false
	}
	stored["metadata"] = written
	if !v.parts.areFine(ctx, stored) {
		return nil, false
	}
	if hasStatus {
		stored["status"] = runtime.DeepCopyJSONValue(status)
	}
	return stored, true
}

// identity are the fields of whole objects that have a meaning of their own.
var identity = []string{"apiVersion", "kind", "metadata"}

// isPlain says that a schema has no defaults for the fields of whole objects, and asks nothing more of
// the whole than of what is in it.
func isPlain(root *part) bool {
	if root.filling.embedded {
		return false
	}
	for _, d := range root.filling.defaults {
		for _, name := range identity {
			if d.name == name {
				return false
			}
		}
	}
	return !root.fields["metadata"].hasDefaults()
}

// hasDefaults says whether there are defaults anywhere below a node.
func (n *part) hasDefaults() bool {
	if n == nil {
		return false
	}
	if len(n.filling.defaults) > 0 || n.items.hasDefaults() || n.entries.hasDefaults() {
		return true
	}
	for _, below := range n.fields {
		if below.hasDefaults() {
			return true
		}
	}
	return false
}

// metaOf reads metadata strictly, and writes it as a server does. It is not ok when something is not
// known or of another type.
func metaOf(metadata map[string]any) (meta *metav1.ObjectMeta, written map[string]any, ok bool) {
	if meta, written, ok = simpleMetaOf(metadata); ok {
		return meta, written, true
	}
	holder := map[string]any{"metadata": metadata}
	meta, _, unknown, err := objectmeta.GetObjectMetaWithOptions(holder, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil || len(unknown) > 0 || objectmeta.SetObjectMeta(holder, meta) != nil {
		return nil, nil, false
	}
	written, ok = holder["metadata"].(map[string]any)
	return meta, written, ok
}

// simpleMetaOf is metaOf for what nearly all manifests state, without a detour through JSON.
func simpleMetaOf(metadata map[string]any) (meta *metav1.ObjectMeta, written map[string]any, ok bool) {
	meta, written = &metav1.ObjectMeta{}, make(map[string]any, len(metadata))
	for name, value := range metadata {
		switch name {
		case "name":
			meta.Name, ok = value.(string)
			written[name], ok = value, ok && meta.Name != ""
		case "namespace":
			meta.Namespace, ok = value.(string)
			written[name], ok = value, ok && meta.Namespace != ""
		case "labels":
			meta.Labels, written[name], ok = textsOf(value)
		case "annotations":
			meta.Annotations, written[name], ok = textsOf(value)
		default:
			ok = false
		}
		if !ok {
			return nil, nil, false
		}
	}
	return meta, written, len(metadata) > 0
}

// textsOf reads a map of texts that is not empty.
func textsOf(value any) (texts map[string]string, written map[string]any, ok bool) {
	object, _ := value.(map[string]any)
	texts, written = make(map[string]string, len(object)), make(map[string]any, len(object))
	for name, entry := range object {
		if texts[name], ok = entry.(string); !ok {
			return nil, nil, false
		}
		written[name] = entry
	}
	return texts, written, len(object) > 0
}
