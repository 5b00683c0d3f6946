package publish

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/policy"
)

// EffectivePolicyKind is the kind of the objects that show effective policies.
var EffectivePolicyKind = schema.GroupKind{Group: policy.Group, Kind: Kind}
