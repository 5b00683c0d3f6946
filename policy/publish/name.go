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

// maxName is the longest name that the API server takes; hashDigits is how much
// of a hash a name ends in.
const (
	maxName    = 253
	hashDigits = 32
)

var endsInHash = regexp.MustCompile(`-[0-9a-f]{32}$`)

// ObjectName is the name of the EffectivePolicy of a route or a Gateway:
// "httproute.checkout". Where that would not do (another group, too long, or it
// looks like a name with a hash), it is cut to fit and ends in a hash of all that
// identifies the target, so that no two targets share a name (api.md section 3).
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

// FirstName is the name that the EffectivePolicy of a target had in its first
// form. It is looked up for one release.
func FirstName(target hierarchy.Ref) string {
	name := plainName(target)
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return strings.TrimRight(name[:maxName-9], "-.") + "-" + hex.EncodeToString(sum[:4])
}

// OwnedBy says whether an EffectivePolicy may be written over, or deleted, as
// that of a target: nobody owns it, or an object of the target's kind and name.
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

// TargetOf is the route or Gateway that an EffectivePolicy says it is about.
func TargetOf(u *unstructured.Unstructured) hierarchy.Ref {
	text := func(key string) string { s, _, _ := unstructured.NestedString(u.Object, "targetRef", key); return s }
	return hierarchy.NewRef(text("group"), text("kind"), u.GetNamespace(), text("name"))
}
