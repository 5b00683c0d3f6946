package status_test

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy/status"
)

func TestOnlyWhatTheFieldManagerOwnsWholeIsClaimed(t *testing.T) {
	const object = `
apiVersion: attache.dev/v1alpha1
kind: EffectivePolicy
metadata:
  name: httproute.a
  namespace: shop
  managedFields:
%s
status:
  digest: sha256:0
  conditions: [{type: Published, status: "True"}]
  scopes: [{rules: ["*"], effective: {TimeoutPolicy: {request: 5s}}}]
`
	const conditions = `, "f:conditions": {'k:{"type":"Published"}': {".": {}, "f:type": {}, "f:status": {}}}`
	entry := func(manager, operation, fields string) string {
		return fmt.Sprintf("  - {manager: %s, operation: %s, subresource: status, fieldsType: FieldsV1, fieldsV1: {%s}}\n", manager, operation, fields)
	}
	for name, test := range map[string]struct {
		fields string
		want   bool
	}{
		"all of it":              {entry("attache", "Apply", `"f:status": {"f:digest": {}, "f:scopes": {}`+conditions+`}`), true},
		"status as one":          {entry("attache", "Apply", `"f:status": {}`), true},
		"by two of our writes":   {entry("attache", "Apply", `"f:status": {"f:digest": {}`+conditions+`}`) + entry("attache", "Update", `"f:status": {"f:scopes": {}}`), true},
		"together with somebody": {entry("attache", "Apply", `"f:status": {}`) + entry("kubectl", "Update", `"f:status": {"f:scopes": {}}`), true},
		"scopes of somebody":     {entry("attache", "Apply", `"f:status": {"f:digest": {}`+conditions+`}`) + entry("kubectl", "Update", `"f:status": {"f:scopes": {}}`), false},
		"a condition's field":    {entry("attache", "Apply", `"f:status": {"f:digest": {}, "f:scopes": {}, "f:conditions": {'k:{"type":"Published"}': {".": {}, "f:type": {}}}}`), false},
		"a condition of another": {entry("attache", "Apply", `"f:status": {"f:digest": {}, "f:scopes": {}, "f:conditions": {'k:{"type":"Other"}': {}}}`), false},
		"that it has a status":   {entry("attache", "Apply", `"f:status": {".": {}}`), false},
		"somebody alone":         {entry("kubectl", "Update", `"f:status": {}`), false},
		"nobody":                 {"  - {}\n", false},
		"the spec alone":         {entry("attache", "Apply", `"f:targetRef": {}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(fmt.Appendf(nil, object, test.fields), &u.Object); err != nil {
				t.Fatal(err)
			}
			if got := status.Claimed(u); got != test.want {
				t.Errorf("claimed: %v", got)
			}
			status.Claim(u, test.want)
			if got := status.Claimed(u); got != test.want {
				t.Errorf("what is kept of it is claimed: %v", got)
			}
		})
	}
}
