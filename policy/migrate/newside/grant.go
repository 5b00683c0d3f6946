package newside

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/document"
)

// grantKey is who may refer to what: a kind in a namespace to a kind in another.
type grantKey struct {
	fromKind, fromNamespace  string
	toGroup, toKind, toSpace string
}

// grant permits HTTPRoutes of a namespace to name a Service in another one.
func (c *Side) grant(from, to, service string) {
	if from != to {
		c.grantOf(grantKey{"HTTPRoute", from, "", "Service", to}, service)
	}
}

func (c *Side) grantOf(key grantKey, name string) {
	if c.grants[key] == nil {
		c.grants[key] = map[string]bool{}
	}
	c.grants[key][name] = true
}

// writeGrants writes one ReferenceGrant for each namespace that is referred to and
// each kind and namespace that refers, to exactly the names that are needed (M37).
func (c *Side) writeGrants() {
	var keys []grantKey
	for key := range c.grants {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b grantKey) int {
		return cmp.Or(cmp.Compare(a.toSpace, b.toSpace), cmp.Compare(a.toKind, b.toKind), cmp.Compare(a.fromKind, b.fromKind), cmp.Compare(a.fromNamespace, b.fromNamespace))
	})
	for _, key := range keys {
		var to []any
		for _, name := range slices.Sorted(maps.Keys(c.grants[key])) {
			to = append(to, map[string]any{"group": key.toGroup, "kind": key.toKind, "name": name})
		}
		for part, n := to, 0; len(part) > 0; n++ { // at most 16 entries
			entries := part[:min(16, len(part))]
			part = part[len(entries):]
			name := document.Numbered(strings.ToLower(key.fromKind)+"s-of-"+key.fromNamespace+"-to-"+strings.ToLower(key.toKind)+"s", n)
			c.Objects = append(c.Objects, document.New(document.GatewayAPI, "ReferenceGrant", key.toSpace, document.Clip(name), nil, nil, map[string]any{
				"from": []any{map[string]any{"group": hierarchy.Group, "kind": key.fromKind, "namespace": key.fromNamespace}},
				"to":   entries,
			}))
		}
	}
}
