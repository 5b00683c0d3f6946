package policy

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
)

// Text is an object as people read it, with the group of its kind where another
// kind of that name is known (semantics section 10): RateLimitPolicy.example.com a/b.
func (s *Snapshot) Text(ref hierarchy.Ref) string {
	if !s.sharesName(ref.GroupKind) {
		return ref.String()
	}
	ref.Kind += "." + ref.GroupKind.Group
	return ref.String()
}

// KindText is a policy kind as people read it: as results show it, with our group
// where a kind of another group has the same name.
func (s *Snapshot) KindText(kind *Kind) string {
	if name := kind.Name(); name != kind.GroupKind.Kind || !s.sharesName(kind.GroupKind) {
		return name
	}
	return kind.GroupKind.String()
}

// kindText is a kind with its group where another kind of that name is known.
func (s *Snapshot) kindText(gk schema.GroupKind) string {
	if s.sharesName(gk) {
		return gk.String()
	}
	return gk.Kind
}

// sharesName says whether another group has a kind of that name, a policy kind, a
// route kind or one of the hierarchy.
func (s *Snapshot) sharesName(gk schema.GroupKind) bool {
	if gk.Group == "" {
		return false
	}
	for other := range s.kinds {
		if other.Kind == gk.Kind && other.Group != gk.Group {
			return true
		}
	}
	for other := range s.routeKinds {
		if other.Kind == gk.Kind && other.Group != gk.Group {
			return true
		}
	}
	own := schema.GroupKind{Group: hierarchy.Group, Kind: gk.Kind}
	return gk.Group != hierarchy.Group && len(s.levelsOf(hierarchy.Ref{GroupKind: own})) > 0
}
