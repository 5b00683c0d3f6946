package validate

import (
	"context"
	"maps"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// stored returns an object as an API server would store it, if the server would only fill in defaults,
// and say nothing. That is so for nearly all objects, and is known after one walk through them. If it is
// not ok, nothing is known here: prepare does all that a server does, and says what a server says. The
// object given is neither changed nor shared, but equal parts of what is returned are shared.
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
	stored, cost, ok := v.parts.settleObject(ctx, v.parts.root, rest)
	if !ok || !v.identify(ctx, stored, object, metadata) {
		return nil, false
	}
	more, ok := v.parts.costOfRoot(ctx, stored)
	if !ok || cost+more >= celconfig.RuntimeCELCostBudget {
		return nil, false
	}
	if hasStatus {
		stored["status"] = runtime.DeepCopyJSONValue(status)
	}
	return stored, true
}

// identify writes apiVersion, kind and metadata, and reports whether they are valid.
func (v *version) identify(ctx context.Context, stored, object, metadata map[string]any) bool {
	for _, name := range []string{"apiVersion", "kind"} {
		text, isText := object[name].(string)
		if !isText {
			return false
		}
		stored[name] = text
	}
	meta, written, ok := metaOf(metadata)
	stored["metadata"] = written
	return ok && len(v.checkMeta(ctx, meta)) == 0
}

// costOfRoot checks an object of which everything is checked but the fields that identify it, and its
// root.
func (p *parts) costOfRoot(ctx context.Context, object map[string]any) (cost int64, fine bool) {
	if cost, fine = p.root.check(ctx, object); !fine {
		return 0, false
	}
	for _, name := range identity {
		more, fine := p.cost(ctx, p.root.fields[name], object[name])
		if !fine {
			return 0, false
		}
		cost += more
	}
	return cost, true
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
