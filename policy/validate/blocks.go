package validate

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"
)

// blockNames are the properties of spec whose schema a merged value can have.
var blockNames = []string{"default", "defaults", "override", "overrides"}

// targeting are the properties of spec that say where a policy applies. A merged
// value has none of them.
var targeting = []string{"targetRef", "targetRefs", "targetSelectors"}

// mentionsTargeting finds CEL rules about targeting, which can not be asked of a
// merged value.
var mentionsTargeting = regexp.MustCompile(`\b(targetRefs?|targetSelectors)\b`)

// Blocks checks merged values against the schema of the blocks of one policy
// kind. Its method set is the Validator that package policy asks for.
type Blocks struct {
	nodes  map[string]func() (*node, error) // by block; "" is the whole spec
	digest [sha256.Size]byte
	known  *memory
}

// Compile prepares the check of merged values of the policy kind that a CRD
// describes, in its storage version if that is served and else in the first
// served one.
func Compile(crd *unstructured.Unstructured) (*Blocks, error) {
	typed, err := decodeCRD(crd)
	if err != nil {
		return nil, err
	}
	root, err := internalSchema(preferred(typed))
	if err != nil {
		return nil, err
	}
	spec, ok := root.Properties["spec"]
	if !ok {
		return nil, errors.New("CustomResourceDefinition " + typed.Name + ": the schema has no spec: a policy has one")
	}
	b := &Blocks{nodes: map[string]func() (*node, error){}, known: newMemory()}
	data, err := json.Marshal(preferred(typed).Schema.OpenAPIV3Schema.Properties["spec"])
	if err != nil {
		return nil, err
	}
	b.digest = sha256.Sum256(data)
	if _, err := structural.NewStructural(root); err != nil {
		return nil, fmt.Errorf("CustomResourceDefinition %s: %w", typed.Name, err)
	}
	for _, name := range blockNames {
		if props, ok := spec.Properties[name]; ok {
			b.nodes[name] = whenNeeded(&props)
		}
	}
	b.nodes[""] = whenNeeded(withoutTargeting(spec))
	return b, nil
}

// whenNeeded compiles a block when it is first asked for. A kind has up to five
// blocks, the engine asks for one, and CEL rules are slow to compile.
func whenNeeded(props *apiextensions.JSONSchemaProps) func() (*node, error) {
	return sync.OnceValues(func() (*node, error) { return compileNode(props, false) })
}

// preferred is the version in which package policy reads a kind too.
func preferred(crd *apiextensionsv1.CustomResourceDefinition) *apiextensionsv1.CustomResourceDefinitionVersion {
	var first *apiextensionsv1.CustomResourceDefinitionVersion
	for i := range crd.Spec.Versions {
		v := &crd.Spec.Versions[i]
		if v.Served && v.Storage {
			return v
		}
		if v.Served && first == nil {
			first = v
		}
	}
	return first
}

// withoutTargeting is the schema of spec for a value that names no target.
func withoutTargeting(spec apiextensions.JSONSchemaProps) *apiextensions.JSONSchemaProps {
	out := spec.DeepCopy()
	out.Required = slices.DeleteFunc(out.Required, func(name string) bool { return slices.Contains(targeting, name) })
	out.XValidations = slices.DeleteFunc(out.XValidations, func(r apiextensions.ValidationRule) bool { return mentionsTargeting.MatchString(r.Rule) })
	return out
}

// Validate checks a merged value against the schema and the CEL rules of a
// block: "default", "defaults", "override" or "overrides", or "" for a kind whose
// spec is itself the block. It returns the message of every rule broken, sorted,
// and nil for a valid value and for a block that the kind does not have. The same
// value is never checked twice.
func (b *Blocks) Validate(block string, merged map[string]any) []string {
	compile, ok := b.nodes[block]
	if !ok {
		return nil
	}
	n, err := compile()
	if err != nil {
		return []string{"the schema of the policy kind can not be used: " + err.Error()}
	}
	data, err := json.Marshal(merged)
	if err != nil {
		return []string{"the merged value is not JSON: " + err.Error()}
	}
	key := sha256.Sum256(append([]byte(block+"\x00"), data...))
	if messages, ok := b.known.recall(key); ok {
		return slices.Clone(messages)
	}
	// Reading it back gives numbers the types that the API server gives them.
	var value map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(data, &value); err != nil {
		return []string{"the merged value is not JSON: " + err.Error()}
	}
	messages := messagesOf(n.validate(context.Background(), value))
	b.known.keep(key, messages)
	return slices.Clone(messages)
}

// Same says whether another check gives the same answers, because it was
// compiled from the same schema.
func (b *Blocks) Same(other any) bool {
	o, ok := other.(*Blocks)
	return ok && o != nil && o.digest == b.digest
}

// messagesOf keeps what a rule says, after the field that it is about. The value
// is left out: a merged value stands next to the message, with its origin.
func messagesOf(errs field.ErrorList) []string {
	if len(errs) == 0 {
		return nil
	}
	out := make([]string, 0, len(errs))
	for _, err := range errs {
		message := err.Detail
		if message == "" {
			message = err.ErrorBody()
		}
		if name := err.Field; name != "" && name != "<nil>" && !strings.HasPrefix(message, name) {
			message = name + ": " + message
		}
		out = append(out, message)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
