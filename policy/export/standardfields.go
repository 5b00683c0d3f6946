package export

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/export/field"
)

// FieldsOf reads the standard fields from the schema of an HTTPRoute CRD (12.S3): of version v1, else of
// the stored version.
func FieldsOf(crd *unstructured.Unstructured) StandardFields {
	var fields StandardFields
	rule := ruleSchema(crd)
	if rule == nil {
		return fields
	}
	_, fields.Timeouts, _ = unstructured.NestedMap(rule, "properties", "timeouts")
	stanza, found, _ := unstructured.NestedMap(rule, "properties", "retry", "properties")
	fields.Retry = found
	attempts, _, _ := unstructured.NestedMap(stanza, "attempts")
	fields.MinAttempts, _ = field.Integer(attempts["minimum"])
	fields.DefaultAttempts, _ = field.Integer(attempts["default"])
	most, _, _ := unstructured.NestedFieldNoCopy(rule, "properties", "filters", "maxItems")
	n, _ := field.Integer(most)
	fields.FiltersMax = int(n)
	return fields
}

// ruleSchema returns the schema of one rule.
func ruleSchema(crd *unstructured.Unstructured) map[string]any {
	if crd == nil {
		return nil
	}
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	var chosen map[string]any
	for _, v := range versions {
		version, _ := v.(map[string]any)
		if version["name"] == "v1" || (chosen == nil && version["storage"] == true) {
			chosen = version
		}
	}
	rule, _, _ := unstructured.NestedMap(chosen, "schema", "openAPIV3Schema", "properties", "spec", "properties", "rules", "items")
	return rule
}
