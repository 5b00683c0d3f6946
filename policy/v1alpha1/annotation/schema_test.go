package annotation_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"

	"github.com/attache-dev/attache/policy/v1alpha1/annotation"
)

// schemaOf is the schema that the docs publish.
func schemaOf(t *testing.T) validation.SchemaValidator {
	t.Helper()
	data, err := os.ReadFile("../../../docs/effective-policies.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	typed, props := &apiextensionsv1.JSONSchemaProps{}, &apiextensions.JSONSchemaProps{}
	if err := json.Unmarshal(data, typed); err != nil {
		t.Fatal(err)
	}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(typed, props, nil); err != nil {
		t.Fatal(err)
	}
	schema, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// The files in testdata are examples for readers in other languages, too. A valid file fits the
// schema and is read; an invalid one does not fit.
func TestTheExamplesFitTheSchema(t *testing.T) {
	schema := schemaOf(t)
	for kind, valid := range map[string]bool{"valid": true, "invalid": false} {
		files, err := filepath.Glob("testdata/" + kind + "/*.json")
		if err != nil || len(files) < 6 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var value any
			fits := json.Unmarshal(data, &value) == nil && schema.Validate(value).IsValid()
			if fits != valid {
				t.Errorf("%s fits the schema: %v", file, fits)
			}
			if _, err := annotation.Parse(string(data)); valid && err != nil {
				t.Errorf("%s is not read: %v", file, err)
			}
		}
	}
}
