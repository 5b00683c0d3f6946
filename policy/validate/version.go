package validate

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	metavalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// node is a schema that is ready to validate values: the API server's form of one JSON schema.
type node struct {
	structural *structural.Structural
	openapi    validation.SchemaValidator
	// rules are the rules of the whole schema, compiled when a value breaks one: valid values only
	// need parts. Nil when there are none.
	rules func() *cel.Validator
	parts *parts
}

// version is one served version of a kind.
type version struct {
	*node
	namespaced bool
	// status is set when status is a subresource: it cannot be set on creation, so it is not
	// checked.
	status bool
	// plain says that objects can be prepared in one walk; see stored.
	plain bool
}

func compileVersion(v *apiextensionsv1.CustomResourceDefinitionVersion, namespaced bool) (*version, error) {
	props, err := internalSchema(v)
	if err != nil {
		return nil, err
	}
	subresource := v.Subresources != nil && v.Subresources.Status != nil
	if subresource {
		dropStatusDefault(props)
	}
	n, err := compileNode(props, true)
	if err != nil {
		return nil, err
	}
	return &version{node: n, namespaced: namespaced, status: subresource, plain: isPlain(n.parts.root)}, nil
}

// dropStatusDefault removes the status that an API server gives to new objects: it says that no controller
// has seen an object yet, and none will see one in a file.
func dropStatusDefault(props *apiextensions.JSONSchemaProps) {
	if status, ok := props.Properties["status"]; ok {
		status.Default = nil
		props.Properties["status"] = status
	}
}

func internalSchema(v *apiextensionsv1.CustomResourceDefinitionVersion) (*apiextensions.JSONSchemaProps, error) {
	props := &apiextensions.JSONSchemaProps{}
	err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, props, nil)
	return props, err
}

// compileNode compiles a schema. root means that it is the schema of whole objects, with
// apiVersion, kind and metadata.
func compileNode(props *apiextensions.JSONSchemaProps, root bool) (*node, error) {
	s, err := structural.NewStructural(props)
	if err != nil {
		return nil, err
	}
	if root {
		if errs := structural.ValidateStructural(field.NewPath("openAPIV3Schema"), s); len(errs) > 0 {
			return nil, errs.ToAggregate()
		}
	}
	s = s.DeepCopy() // pruning the defaults changes them in place
	if err := defaulting.PruneDefaults(s); err != nil {
		return nil, err
	}
	openapi, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		return nil, err
	}
	rules := sync.OnceValue(func() *cel.Validator { return cel.NewValidator(s, root, celconfig.PerCallLimit) })
	return &node{structural: s, openapi: openapi, rules: rules, parts: newParts(props, s, root)}, nil
}

// validate does what the API server does on creation.
func (n *node) validate(ctx context.Context, value map[string]any) field.ErrorList {
	errs, rules := n.check(ctx, value)
	for _, r := range rules {
		errs = append(errs, r.err)
	}
	return errs
}

// check finds the errors by the schema and by its CEL rules, in the order of the API server: the
// rules are only evaluated when no earlier error makes that unsafe.
func (n *node) check(ctx context.Context, value map[string]any) (errs field.ErrorList, rules []brokenRule) {
	fine := n.parts.areFine(ctx, value)
	if fine && !n.parts.embedded {
		return nil, nil
	}
	if !fine {
		errs = validation.ValidateCustomResource(nil, value, n.openapi)
	}
	errs = append(errs, objectmeta.Validate(ctx, nil, value, n.structural, false)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, n.structural, value)...)
	if fine && len(errs) == 0 {
		return nil, nil
	}
	all := n.rules()
	if all == nil {
		return errs, nil
	}
	if slices.ContainsFunc(errs, blocks) {
		return append(errs, field.Invalid(nil, nil, unfinished).WithOrigin(unfinished)), nil
	}
	found, left := all.Validate(ctx, nil, n.structural, value, nil, celconfig.RuntimeCELCostBudget)
	if len(found) == 0 {
		return errs, nil
	}
	if left >= 0 {
		return errs, n.parts.root.eachRule(ctx, nil, nil, value)
	}
	for _, err := range found { // an API server stops here, so its message counts
		rules = append(rules, brokenRule{path: fieldPath(err.Field), err: err})
	}
	return errs, rules
}

// prepare defaults, prunes and validates an object in place, in the same order as the API server:
// default, read metadata, prune, drop nulls, validate.
func (v *version) prepare(ctx context.Context, u *unstructured.Unstructured) []Problem {
	if status, ok := u.Object["status"]; ok && v.status {
		delete(u.Object, "status")
		defer func() { u.Object["status"] = status }()
	}
	if _, ok := u.Object["metadata"].(map[string]any); !ok {
		return []Problem{{Field: "metadata", Message: "Required value: write metadata with at least a name"}}
	}
	if problems := notText(u.Object["metadata"].(map[string]any)); len(problems) > 0 {
		return problems
	}
	defaulting.Default(u.Object, v.structural)
	meta, problems, err := v.coerce(u)
	if err != nil {
		return append(problems, Problem{Field: "metadata", Message: err.Error()})
	}
	problems = append(problems, v.checkMeta(ctx, meta)...)
	return append(problems, problemsOf(v.validate(ctx, u.Object))...)
}

// coerce removes unknown fields, with a problem for each, and reads metadata strictly.
func (v *version) coerce(u *unstructured.Unstructured) (*metav1.ObjectMeta, []Problem, error) {
	apiVersion, kind := u.GetAPIVersion(), u.GetKind()
	meta, _, unknown, err := objectmeta.GetObjectMetaWithOptions(u.Object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return nil, nil, err
	}
	unknown = append(unknown, pruning.PruneWithOptions(u.Object, v.structural, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
	defaulting.PruneNonNullableNullsWithoutDefaults(u.Object, v.structural)
	bad, paths := objectmeta.CoerceWithOptions(nil, u.Object, v.structural, false, objectmeta.CoerceOptions{ReturnUnknownFieldPaths: true})
	var problems []Problem
	if bad != nil {
		problems = append(problems, problemOf(bad))
	}
	for _, path := range append(unknown, paths...) {
		problems = append(problems, unknownField(path, v.structural))
	}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	return meta, problems, objectmeta.SetObjectMeta(u.Object, meta)
}

func (v *version) checkMeta(ctx context.Context, meta *metav1.ObjectMeta) []Problem {
	if meta.Name == "" && meta.GenerateName != "" {
		return []Problem{{Field: "metadata.generateName", Message: "without a cluster no name is generated: write metadata.name"}}
	}
	path := field.NewPath("metadata")
	errs := metavalidation.ValidateObjectMeta(meta, v.namespaced, metavalidation.NameIsDNSSubdomain, path)
	for _, err := range errs {
		if err.Type == field.ErrorTypeRequired && err.Field == path.Child("name").String() {
			err.Detail = "write a name"
		}
	}
	return problemsOf(errs)
}

// notText finds values in metadata that must be strings and are not. YAML turns yes, on and y into
// true, and the API server then only says that it cannot unmarshal a bool.
func notText(metadata map[string]any) []Problem {
	var problems []Problem
	check := func(field string, value any) {
		switch value.(type) {
		case nil, string:
		default:
			problems = append(problems, Problem{Field: "metadata." + field, Message: fmt.Sprintf("Invalid value: %v: must be a text: put it in quotes", value)})
		}
	}
	for _, field := range []string{"name", "generateName", "namespace"} {
		check(field, metadata[field])
	}
	for _, field := range []string{"labels", "annotations"} {
		if values, ok := metadata[field].(map[string]any); ok {
			for key, value := range values {
				check(field+"["+key+"]", value)
			}
		}
	}
	return problems
}
