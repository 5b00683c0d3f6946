package publish

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
)

// maxName is the maximum length of a name; hashDigits is the number of digits of the hash at the
// end of a name.
const (
	maxName    = 253
	hashDigits = 32
)

var endsInHash = regexp.MustCompile(`-[0-9a-f]{32}$`)

// ObjectName returns the name of the EffectivePolicy of a route or a Gateway: "httproute.checkout".
// In other cases (another group, too long, or a name that looks like one with a hash), it is
// shortened and ends in a hash of everything that identifies the target, so that no two targets
// share a name (api.md section 3).
func ObjectName(target hierarchy.Ref) string {
	plain := plainName(target)
	if target.GroupKind.Group == hierarchy.Group && len(plain) <= maxName && !endsInHash.MatchString(plain) {
		return plain
	}
	sum := sha256.Sum256([]byte(target.GroupKind.Group + "/" + target.Kind + "/" + target.Namespace + "/" + target.Name))
	cut := plain[:min(len(plain), maxName-hashDigits-1)]
	return strings.TrimRight(cut, "-.") + "-" + hex.EncodeToString(sum[:])[:hashDigits]
}

func plainName(target hierarchy.Ref) string {
	return strings.ToLower(target.Kind) + "." + target.Name
}

// FirstName returns the name of the EffectivePolicy of a target in the first form, which is looked
// up for one release.
func FirstName(target hierarchy.Ref) string {
	name := plainName(target)
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:maxName-9], "-.") + "-" + hex.EncodeToString(sum[:4])
}

// OwnedBy reports whether an EffectivePolicy may be overwritten, or deleted, as the one of a
// target: it has no owner, or an owner with the target's kind and name.
func OwnedBy(u *unstructured.Unstructured, target hierarchy.Ref) bool {
	owners := u.GetOwnerReferences()
	for _, o := range owners {
		gv, err := schema.ParseGroupVersion(o.APIVersion)
		if err == nil && gv.Group == target.GroupKind.Group && o.Kind == target.Kind && o.Name == target.Name {
			return true
		}
	}
	return len(owners) == 0
}

// TargetOf returns the route or Gateway in the targetRef of an EffectivePolicy.
func TargetOf(u *unstructured.Unstructured) hierarchy.Ref {
	text := func(key string) string { s, _, _ := unstructured.NestedString(u.Object, "targetRef", key); return s }
	return hierarchy.NewRef(text("group"), text("kind"), u.GetNamespace(), text("name"))
}
