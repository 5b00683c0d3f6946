package crd

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ScaffoldField is a field of a new policy kind, with its type: one of ScaffoldTypes.
type ScaffoldField struct{ Name, Type string }

// ScaffoldTypes are the types that fields of a new kind can have. All but boolean
// can be bounded.
var ScaffoldTypes = []string{"boolean", "duration", "integer", "quantity", "text"}

var (
	kindName  = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{0,62}$`)
	groupName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?\.[a-z]+$`)
	fieldName = regexp.MustCompile(`^[a-z][A-Za-z0-9]{0,62}$`)
)

// yamlBooleans are words that people would have to put in quotes.
var yamlBooleans = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

// Scaffold returns the CRD of a new policy kind, which its author would otherwise copy from others.
// plural is the resource name. Everything in it is meant to be changed.
func Scaffold(gk schema.GroupKind, plural string, fields []ScaffoldField) (map[string]any, error) {
	if err := scaffoldable(gk, fields); err != nil {
		return nil, err
	}
	bounds := map[string]string{}
	for _, f := range fields {
		if f.Type != "boolean" {
			bounds[f.Name] = f.Type
		}
	}
	annotations := map[string]any{PropertyManageStatus.Annotation(): "true"}
	if len(bounds) > 0 {
		text, err := json.Marshal(bounds)
		if err != nil {
			return nil, err
		}
		annotations[PropertyBounds.Annotation()] = string(text)
	}
	return map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{
			"name":   plural + "." + gk.Group,
			"labels": map[string]any{PolicyLabel: string(Inherited)}, "annotations": annotations,
		},
		"spec": map[string]any{
			"group": gk.Group, "scope": "Namespaced",
			"names": map[string]any{"kind": gk.Kind, "listKind": gk.Kind + "List", "plural": plural, "singular": strings.ToLower(gk.Kind), "categories": []any{"gateway-api"}},
			"versions": []any{map[string]any{
				"name": "v1alpha1", "served": true, "storage": true,
				"subresources":             map[string]any{"status": map[string]any{}},
				"additionalPrinterColumns": scaffoldColumns(),
				"schema": map[string]any{"openAPIV3Schema": map[string]any{
					"type": "object", "required": []any{"spec"},
					"properties": map[string]any{
						"spec":   scaffoldSpec(fields),
						"status": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
					},
				}},
			}},
		},
	}, nil
}

func scaffoldable(gk schema.GroupKind, fields []ScaffoldField) error {
	switch {
	case !kindName.MatchString(gk.Kind) || !groupName.MatchString(gk.Group):
		return fmt.Errorf("%q is not a kind of a group of your own: write Kind.group, such as CircuitBreakerPolicy.example.com", gk.String())
	case gk.Group == Group || strings.HasSuffix(gk.Group, ".k8s.io") || strings.HasSuffix(gk.Group, ".kubernetes.io"):
		return fmt.Errorf("group %s is not yours: write a domain of your own, such as CircuitBreakerPolicy.example.com", gk.Group)
	case len(fields) == 0:
		return fmt.Errorf("a policy kind has fields: name them with --field, such as --field maxConnections=integer")
	}
	seen := map[string]bool{}
	for _, f := range fields {
		switch {
		case !fieldName.MatchString(f.Name):
			return fmt.Errorf("--field %s: %q is not a field: write a name such as maxConnections", f.Name, f.Name)
		case !slices.Contains(ScaffoldTypes, f.Type):
			return fmt.Errorf("--field %s=%s: write one of the types %s", f.Name, f.Type, strings.Join(ScaffoldTypes, ", "))
		case slices.Contains(yamlBooleans, f.Name):
			return fmt.Errorf("--field %s: YAML reads %s as a boolean: take another name", f.Name, f.Name)
		case seen[f.Name]:
			return fmt.Errorf("--field %s is there twice", f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}

func scaffoldColumns() []any {
	column := func(name, kind, path string) any {
		return map[string]any{"name": name, "type": kind, "jsonPath": path}
	}
	return []any{
		column("TARGET", "string", ".spec.targetRef.name"),
		column("STRATEGY", "string", ".spec.strategy"),
		column("ACCEPTED", "string", `.status.ancestors[0].conditions[?(@.type=="Accepted")].status`),
		column("PROGRAMMED", "string", `.status.ancestors[0].conditions[?(@.type=="Programmed")].status`),
		column("AGE", "date", ".metadata.creationTimestamp"),
	}
}

func scaffoldSpec(fields []ScaffoldField) map[string]any {
	values, bounds := map[string]any{}, map[string]any{}
	for _, f := range fields {
		values[f.Name] = scaffoldValue(f.Type)
		if f.Type != "boolean" {
			bounds[f.Name] = scaffoldBound(f.Type)
		}
	}
	block := func(says string) any {
		return map[string]any{"type": "object", "description": says, "minProperties": int64(1), "properties": values}
	}
	properties := map[string]any{
		"targetRef": scaffoldTarget(),
		"strategy": map[string]any{
			"type": "string", "enum": []any{"Patch", "Atomic"}, "default": "Patch",
			"description": "Patch merges field by field with other policies; Atomic takes or yields as a whole.",
		},
		"default":  block("Values that yield to everything more specific."),
		"override": block("Values that beat everything less strong."),
	}
	some := "has(self.default) || has(self.override)"
	if len(bounds) > 0 {
		some += " || has(self.bounds)"
		properties["bounds"] = map[string]any{
			"type": "object", "description": "Limits of what more specific policies may choose.", "minProperties": int64(1), "properties": bounds,
		}
	}
	return map[string]any{
		"type": "object", "required": []any{"targetRef"}, "properties": properties,
		"x-kubernetes-validations": []any{map[string]any{"rule": some, "message": "the policy states nothing: write default, override or bounds"}},
	}
}

func scaffoldTarget() map[string]any {
	text := func(least int64) any {
		return map[string]any{"type": "string", "minLength": least, "maxLength": int64(253)}
	}
	return map[string]any{
		"type": "object", "description": "What the policy is attached to.", "required": []any{"group", "kind", "name"},
		"properties": map[string]any{"group": text(0), "kind": text(1), "name": text(1), "namespace": text(1), "sectionName": text(1)},
	}
}

// scaffoldValue is the schema of a value of a type.
func scaffoldValue(of string) map[string]any {
	switch of {
	case "boolean":
		return map[string]any{"type": "boolean"}
	case "integer":
		return map[string]any{"type": "integer", "format": "int64", "minimum": int64(0)}
	case "duration":
		return map[string]any{"type": "string", "maxLength": int64(64), "pattern": `^([0-9]{1,5}(h|m|s|ms)){1,4}$`}
	case "quantity":
		return map[string]any{
			"anyOf": []any{map[string]any{"type": "integer"}, map[string]any{"type": "string"}}, "x-kubernetes-int-or-string": true,
			"maxLength": int64(64), "pattern": `^[0-9]+(\.[0-9]+)?(m|k|M|G|Ki|Mi|Gi)?$`,
		}
	}
	return map[string]any{"type": "string", "minLength": int64(1), "maxLength": int64(256)}
}

// scaffoldBound is the schema of a bound: text has no order.
func scaffoldBound(of string) map[string]any {
	properties := map[string]any{
		"oneOf": map[string]any{"type": "array", "items": scaffoldValue(of), "minItems": int64(1), "maxItems": int64(32)},
	}
	if of != "text" {
		properties["min"], properties["max"] = scaffoldValue(of), scaffoldValue(of)
	}
	return map[string]any{"type": "object", "minProperties": int64(1), "properties": properties}
}
