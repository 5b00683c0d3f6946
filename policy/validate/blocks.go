package validate

import (
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
	kjson "sigs.k8s.io/json"

	"github.com/attache-dev/attache/policy/crd"
)

// Blocks checks merged values against the schema of the block of one policy
// kind. Its method set is the Validator that package policy asks for.
type Blocks struct {
	schema func() (*node, error)
	digest [sha256.Size]byte
	known  *memory
}

// Compile prepares the check of merged values of a policy kind: against the schema of its block,
// or, for a kind without blocks, against the schema of spec without the fields that say where and
// how a policy applies, which merged values do not have.
func Compile(d crd.Definition) (*Blocks, error) {
	fail := func(err error) error { return fmt.Errorf("CustomResourceDefinition %s: %w", d.Name, err) }
	if _, ok := d.Schema.Field("spec"); !ok {
		return nil, fail(errors.New("the schema has no spec: a policy has one"))
	}
	root, err := schemaProps(d.Schema)
	if err != nil {
		return nil, fail(err)
	}
	if _, err := structural.NewStructural(root); err != nil {
		return nil, fail(err)
	}
	props, err := schemaProps(d.BlockSchema())
	if err != nil {
		return nil, fail(err)
	}
	if len(d.Block) == 0 {
		leaveOut(props, d.NotValues())
	}
	data, err := json.Marshal(d.BlockSchema().Raw())
	if err != nil {
		return nil, fail(err)
	}
	return &Blocks{schema: whenNeeded(props), known: newMemory(), digest: sha256.Sum256(data)}, nil
}

// schemaProps decodes a schema.
func schemaProps(s crd.Schema) (*apiextensions.JSONSchemaProps, error) {
	data, err := json.Marshal(s.Raw())
	if err != nil {
		return nil, err
	}
	typed := &apiextensionsv1.JSONSchemaProps{}
	if err := json.Unmarshal(data, typed); err != nil {
		return nil, err
	}
	props := &apiextensions.JSONSchemaProps{}
	return props, apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(typed, props, nil)
}

// whenNeeded compiles a block when it is first needed: CEL rules are slow to compile.
func whenNeeded(props *apiextensions.JSONSchemaProps) func() (*node, error) {
	return sync.OnceValues(func() (*node, error) { return compileNode(props, false) })
}

// leaveOut adapts the schema of spec to values without some of its fields: these are not required,
// and rules about them are not evaluated.
func leaveOut(spec *apiextensions.JSONSchemaProps, names []string) {
	mentions := regexp.MustCompile(`\b(` + strings.Join(names, "|") + `)\b`)
	spec.Required = slices.DeleteFunc(spec.Required, func(name string) bool { return slices.Contains(names, name) })
	spec.XValidations = slices.DeleteFunc(spec.XValidations, func(r apiextensions.ValidationRule) bool { return mentions.MatchString(r.Rule) })
}

// Validate checks a merged value. It returns every rule that it breaks, sorted
// by message, and nil for a valid value. The same value is never checked twice.
func (b *Blocks) Validate(merged map[string]any) []crd.Broken {
	n, err := b.schema()
	if err != nil {
		return []crd.Broken{{Rule: "Schema", Message: "the schema of the policy kind cannot be used: " + err.Error()}}
	}
	data, err := json.Marshal(merged)
	if err != nil {
		return []crd.Broken{{Rule: "JSON", Message: "the merged value is not JSON: " + err.Error()}}
	}
	key := sha256.Sum256(data)
	if broken, ok := b.known.recall(key); ok {
		return slices.Clone(broken)
	}
	// Reading it back gives numbers the types that the API server gives them.
	var value map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(data, &value); err != nil {
		return []crd.Broken{{Rule: "JSON", Message: "the merged value is not JSON: " + err.Error()}}
	}
	broken := n.broken(value)
	b.known.keep(key, broken)
	return slices.Clone(broken)
}

// Same reports whether another check gives the same answers because it was compiled from the same
// schema.
func (b *Blocks) Same(other any) bool {
	o, ok := other.(*Blocks)
	return ok && o != nil && o.digest == b.digest
}
