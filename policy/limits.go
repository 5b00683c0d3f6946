package policy

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// What a policy may state. Kinds whose CRDs leave their values open take anything,
// up to a hundred thousand fields in one object; each of them would be an origin of
// every path below, in memory and in what is published.
const (
	// MaxFields is how many fields spec may have, its targets included. A list is
	// one field.
	MaxFields = 512
	// MaxDepth is how many objects and lists may stand in each other.
	MaxDepth = 32
)

// fits says what is wrong with a spec that states too much to be merged.
func fits(spec map[string]any, path *field.Path) *field.Error {
	fields, deep := extent(spec, MaxDepth)
	switch {
	case deep:
		return field.Invalid(path, "", fmt.Sprintf("objects and lists stand in each other more than %d deep: state less in one policy", MaxDepth))
	case fields > MaxFields:
		return field.Invalid(path, "", fmt.Sprintf("it has %d fields, and a policy may have %d: state less in one policy", fields, MaxFields))
	}
	return nil
}

// extent counts the fields of a value that are no objects, and says whether it is
// deeper than it may be. It goes no further down than that.
func extent(value any, depth int) (fields int, deep bool) {
	if depth < 0 {
		return 0, true
	}
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			n, below := extent(inner, depth-1)
			fields, deep = fields+n, deep || below
		}
		return max(1, fields), deep
	case []any:
		for _, inner := range v {
			_, below := extent(inner, depth-1)
			deep = deep || below
		}
	}
	return 1, deep
}
