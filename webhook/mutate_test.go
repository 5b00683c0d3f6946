package webhook

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/publish"
)

func userInfo(name string) authenticationv1.UserInfo {
	if name == "" {
		name = "alice"
	}
	return authenticationv1.UserInfo{Username: name}
}

func TestARouteIsBornWithItsAnnotation(t *testing.T) {
	s := world(t)
	a := create(t, checkout)
	response := answerTo(t, handlersOf(t, s).Mutate(), a)
	got := patched(t, a, response).GetAnnotations()[publish.Annotation]
	if want := wanted(t, s, a.object); got != want || want == "" {
		t.Errorf("annotation is %q, the controller would write %q", got, want)
	}
	again := a
	again.object = patched(t, a, response)
	if r := answerTo(t, handlersOf(t, s).Mutate(), again); len(r.Patch) != 0 {
		t.Errorf("the second call patches again: %s", r.Patch)
	}
	dry := a
	dry.dryRun = true
	if r := answerTo(t, handlersOf(t, s).Mutate(), dry); string(r.Patch) != string(response.Patch) {
		t.Errorf("a dry run patches otherwise: %s", r.Patch)
	}
}

func TestOnlyReservedAnnotationsArePatched(t *testing.T) {
	s := world(t)
	right := wanted(t, s, object(t, checkout))
	for name, test := range map[string]struct {
		annotations map[string]string
		none        bool // no policy reaches the route
		want        map[string]string
		patch       string
	}{
		"others are kept":        {annotations: map[string]string{"a/b": "c"}, want: map[string]string{"a/b": "c", publish.Annotation: right}},
		"a false one is changed": {annotations: map[string]string{publish.Annotation: "{}"}, want: map[string]string{publish.Annotation: right}},
		"the right one stays":    {annotations: map[string]string{publish.Annotation: right}, want: map[string]string{publish.Annotation: right}, patch: "none"},
		"look-alikes go":         {annotations: map[string]string{"Attache.dev/Effective-Policies": "{}"}, want: map[string]string{publish.Annotation: right}},
		"a false one goes":       {none: true, annotations: map[string]string{publish.Annotation: "{}", "a": "b"}, want: map[string]string{"a": "b"}},
		"the last one goes":      {none: true, annotations: map[string]string{publish.Annotation: "{}"}, want: nil},
		"nothing to do":          {none: true, annotations: map[string]string{"a": "b"}, want: map[string]string{"a": "b"}, patch: "none"},
	} {
		t.Run(name, func(t *testing.T) {
			a := create(t, checkout)
			a.object.SetAnnotations(test.annotations)
			if test.none {
				a.object.Object["spec"] = map[string]any{"parentRefs": []any{map[string]any{"name": "nowhere"}}}
			}
			response := answerTo(t, handlersOf(t, s).Mutate(), a)
			got := patched(t, a, response)
			if len(got.GetAnnotations()) != len(test.want) {
				t.Errorf("annotations are %q", got.GetAnnotations())
			}
			for key, value := range test.want {
				if got.GetAnnotations()[key] != value {
					t.Errorf("%s is %q, want %q", key, got.GetAnnotations()[key], value)
				}
			}
			if test.patch == "none" && len(response.Patch) > 0 {
				t.Errorf("needless patch: %s", response.Patch)
			}
		})
	}
}

func TestAnObjectWithoutANameYetIsAnnotated(t *testing.T) {
	s := world(t)
	a := create(t, checkout)
	want := wanted(t, s, a.object)
	a.object.SetName("")
	a.object.SetGenerateName("checkout-")
	if got := patched(t, a, answerTo(t, handlersOf(t, s).Mutate(), a)).GetAnnotations()[publish.Annotation]; got != want {
		t.Errorf("annotation is %q, want %q", got, want)
	}
}

func TestGatewaysAreAnnotatedAndPoliciesAreNot(t *testing.T) {
	s := world(t)
	for _, u := range objects(t, shop) {
		a := ask{operation: "UPDATE", object: u, old: u}
		patch := answerTo(t, handlersOf(t, s).Mutate(), a).Patch
		if annotated := u.GetKind() == "Gateway" || u.GetKind() == "HTTPRoute"; annotated != (len(patch) > 0) {
			t.Errorf("%s: patch %s", u.GetKind(), patch)
		}
	}
}

func TestRoutesCanBeLeftWithoutTheAnnotation(t *testing.T) {
	a := create(t, checkout)
	a.object.SetAnnotations(map[string]string{publish.Annotation: "{}"})
	h := handlersOf(t, world(t), func(o *Options) { o.LeaveRoutes = true })
	if got := patched(t, a, answerTo(t, h.Mutate(), a)).GetAnnotations(); len(got) != 0 {
		t.Errorf("annotations are %q", got)
	}
}

func TestTheAnnotationIsNoInput(t *testing.T) {
	s := world(t)
	a := create(t, checkout)
	a.object.SetAnnotations(map[string]string{publish.Annotation: `{"scopes":[{"effective":{"TimeoutPolicy":{"request":"1h"}}}]}`})
	if got := patched(t, a, answerTo(t, handlersOf(t, s).Mutate(), a)).GetAnnotations()[publish.Annotation]; got != wanted(t, s, object(t, checkout)) {
		t.Errorf("the annotation decided itself: %s", got)
	}
}

// noRequest is a rule that no timeout of a request may be set.
type noRequest struct{}

func (noRequest) Uses() guardrail.Variables { return guardrail.Effective }

func (noRequest) Check(_ context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	timeouts, _ := in["effective"].(map[string]any)["TimeoutPolicy"].(map[string]any)
	if timeouts["request"] != nil {
		return []guardrail.Finding{{Code: "0", Message: "no"}}, nil
	}
	return nil, nil
}

func TestWhatAGuardrailForbidsIsNotAnnotated(t *testing.T) {
	s := world(t)
	h, err := New(Options{
		Snapshot: func() (*policy.Snapshot, bool) { return s, true },
		Guardrails: func() []*guardrail.Guardrail {
			return []*guardrail.Guardrail{{Name: "no", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{noRequest{}}}}
		},
		Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	created := create(t, checkout)
	const withheld = `{"generation":1,"scopes":[],"version":2,"withheld":"GuardrailViolated"}`
	for _, annotations := range []map[string]string{nil, {publish.Annotation: "by hand"}} {
		created.object.SetAnnotations(annotations)
		if got := patched(t, created, answerTo(t, h.Mutate(), created)).GetAnnotations()[publish.Annotation]; got != withheld {
			t.Errorf("a new route with %v gets %s", annotations, got)
		}
	}
	old, now := object(t, checkout), object(t, checkout)
	old.SetAnnotations(map[string]string{publish.Annotation: "as published"})
	now.SetAnnotations(map[string]string{publish.Annotation: "by hand"})
	updated := ask{operation: admissionv1.Update, old: old, object: now}
	if got := patched(t, updated, answerTo(t, h.Mutate(), updated)).GetAnnotations()[publish.Annotation]; got != "as published" {
		t.Errorf("an existing route gets %q", got)
	}
}

// TestPatchesReadAsThoseWrittenInTheGeneralWay: who decodes one gets the same operations.
func TestPatchesReadAsThoseWrittenInTheGeneralWay(t *testing.T) {
	for _, patch := range [][]operation{
		nil,
		{{Op: "remove", Path: "/metadata/annotations/a~1b"}},
		{{Op: "add", Path: "/a", Value: `{"a":"é\n<b>"}`}},
		{{Op: "add", Path: "/a", Value: ""}},
		{{Op: "add", Path: "/a", Value: map[string]any{}}},
		{{Op: "add", Path: "/a", Value: map[string]any{"": "x"}}},
		{{Op: "add", Path: "/a", Value: map[string]any{"k": ""}}},
		{{Op: "add", Path: "/a", Value: map[string]any{"k": `"v"`}}},
		{{Op: "add", Path: "/a", Value: map[string]any{"k": []any{"v"}}}},
		{{Op: "add", Path: "/a", Value: map[string]any{"k": "v", "l": "w"}}},
		{{Op: "replace", Path: "/spec/rules", Value: []any{map[string]any{"name": "r"}}}},
		{{Op: "add", Path: "/a", Value: "x"}, {Op: "remove", Path: "/b"}},
	} {
		text, err := written(patch)
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if err := json.Unmarshal(encode(t, patch), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}
