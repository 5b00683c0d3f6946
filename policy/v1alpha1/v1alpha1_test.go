package v1alpha1_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/policy/v1alpha1"
)

func Example() {
	rate := resource.MustParse("100")
	p := v1alpha1.RateLimitPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "RateLimitPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: "api-rate-limit"},
		Spec: v1alpha1.RateLimitPolicySpec{
			Targeting: v1alpha1.Targeting{
				TargetRef: &v1alpha1.PolicyTargetReference{Group: "gateway.networking.k8s.io", Kind: "HTTPRoute", Name: "api-route"},
			},
			Default: &v1alpha1.RateLimitSettings{RequestsPerSecond: &rate},
		},
	}
	text, _ := yaml.Marshal(p)
	fmt.Print(string(text))
	// Output:
	// apiVersion: attache.dev/v1alpha1
	// kind: RateLimitPolicy
	// metadata:
	//   name: api-rate-limit
	// spec:
	//   default:
	//     requestsPerSecond: "100"
	//   targetRef:
	//     group: gateway.networking.k8s.io
	//     kind: HTTPRoute
	//     name: api-route
}

func TestEveryKindIsInTheScheme(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for _, file := range crds.Attache() {
		var crd struct {
			Spec struct{ Names struct{ Kind string } }
		}
		if err := yaml.Unmarshal(file.Data, &crd); err != nil {
			t.Fatal(err)
		}
		kind := crd.Spec.Names.Kind
		for _, k := range []string{kind, kind + "List"} {
			if !scheme.Recognizes(v1alpha1.GroupVersion.WithKind(k)) {
				t.Errorf("%s is not in the scheme", k)
			}
		}
	}
}

func TestValuesOfAnyKindSurviveInAnEffectivePolicy(t *testing.T) {
	const text = `{"metadata":{"name":"httproute.a"},"status":{"scopes":[{"effective":{"Colour.example.com":{"deep":{"list":[1,"two"]}}},"parents":[{"gateway":{"namespace":"infra","name":"public"}}]}]},"targetRef":{"group":"g","kind":"HTTPRoute","name":"a"}}`
	var e v1alpha1.EffectivePolicy
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	back, err := json.Marshal(e.DeepCopy())
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(back, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", back, text)
	}
}
