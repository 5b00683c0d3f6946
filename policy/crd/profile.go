package crd

import (
	"encoding/json"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ParseProfile reads a profile of one CRD, in JSON: each property as in its annotation, and crd,
// kind, class, targets, docs and read. A mistake is a fault of the profile, and is ignored.
func ParseProfile(raw map[string]json.RawMessage) *Profile {
	p := &Profile{Words: map[Property]string{}}
	text := func(key string, into *string) {
		if data, ok := raw[key]; ok && json.Unmarshal(data, into) != nil {
			p.Faults = append(p.Faults, Fault{Field: "profile." + key, Message: "write a text"})
		}
	}
	var class string
	text("crd", &p.CRD)
	text("kind", &p.Kind.Kind)
	_, p.Kind.Group, _ = strings.Cut(p.CRD, ".")
	text("docs", &p.Docs)
	text("read", &p.Read)
	text("class", &class)
	switch c := Class(class); c {
	case "", Inherited, Direct:
		p.Class = c
	default:
		p.Faults = append(p.Faults, Fault{Field: "profile.class", Message: "write Inherited or Direct"})
	}
	for _, key := range sortedKeys(raw) {
		r := reader{field: "profile." + key}
		switch property := Property(key); {
		case slices.Contains([]string{"crd", "kind", "docs", "read", "class"}, key):
		case property == PropertyTargets:
			p.Targets = r.targets(raw[key])
			p.Words[property] = string(raw[key])
		case slices.Contains(annotated[:], property):
			r.property(property, raw[key], &p.Declarations)
			p.Words[property] = string(raw[key])
		default:
			r.fault("", "there is no such property")
		}
		p.Faults = append(p.Faults, r.faults...)
	}
	return p
}

// targets reads the kinds that a policy may attach to.
func (r *reader) targets(raw []byte) []schema.GroupKind {
	var said []struct{ Group, Kind string }
	if !r.decode(raw, &said, `[{"group":"gateway.networking.k8s.io","kind":"HTTPRoute"}]`) {
		return nil
	}
	list := make([]schema.GroupKind, 0, len(said))
	for _, t := range said {
		list = append(list, schema.GroupKind{Group: t.Group, Kind: t.Kind})
	}
	return list
}
