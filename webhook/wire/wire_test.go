package wire_test

import (
	"reflect"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/webhook/wire"
)

// general reads a review in the general way.
func general(text []byte) (*wire.Review, error) {
	var review wire.Review
	if err := json.Unmarshal(text, &review.AdmissionReview); err != nil {
		return nil, err
	}
	if review.Request == nil {
		return &review, nil
	}
	for _, o := range []struct {
		raw  *runtime.RawExtension
		into *map[string]any
	}{{&review.Request.Object, &review.Object}, {&review.Request.OldObject, &review.OldObject}} {
		if len(o.raw.Raw) == 0 {
			continue
		}
		if err := json.Unmarshal(o.raw.Raw, o.into); err != nil {
			return nil, err
		}
	}
	return &review, nil
}

// agree holds what is read in one pass against the general way.
func agree(t rapid.TB, text []byte) (read bool) {
	got, read := wire.Read(text)
	if !read {
		return false
	}
	want, err := general(text)
	if err != nil {
		t.Fatalf("%s is read, and the general way refuses it: %v", text, err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s is read as\n%#v\n%#v\nwant\n%#v\n%#v", text, got, got.Request, want, want.Request)
	}
	return true
}

func texts() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringN(0, 8, -1), rapid.SampledFrom([]string{"", "name", "HTTPRoute", `"`, `\`, "<a&b>", "a\nb\t\x01", "é", "😀", "\u2028", "\xff"}))
}

func values(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{
		texts().AsAny(), rapid.Int64().AsAny(), rapid.Int64Range(-3, 3).AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
		rapid.Float64Range(-1e30, 1e30).AsAny(), rapid.SampledFrom([]float64{0.5, -2.5e-7, 1e21, 3}).AsAny(),
	}
	if depth > 0 {
		kinds = append(kinds, rapid.SliceOfN(values(depth-1), 0, 4).AsAny(), rapid.MapOfN(texts(), values(depth-1), 0, 4).AsAny())
	}
	return rapid.OneOf(kinds...)
}

func reviews() *rapid.Generator[*admissionv1.AdmissionReview] {
	return rapid.Custom(func(t *rapid.T) *admissionv1.AdmissionReview {
		text := func(what string) string { return texts().Draw(t, what) }
		object := func(what string) runtime.RawExtension {
			if rapid.Bool().Draw(t, "no "+what) {
				return runtime.RawExtension{}
			}
			raw, err := json.Marshal(rapid.MapOfN(texts(), values(3), 0, 5).Draw(t, what))
			if err != nil {
				t.Fatal(err)
			}
			return runtime.RawExtension{Raw: raw}
		}
		request := &admissionv1.AdmissionRequest{
			UID: types.UID(text("uid")), Kind: metav1.GroupVersionKind{Group: text("group"), Version: "v1", Kind: text("kind")},
			Resource: metav1.GroupVersionResource{Group: text("group"), Version: "v1", Resource: "r"}, SubResource: text("subresource"),
			Name: text("name"), Namespace: text("namespace"), Operation: admissionv1.Operation(text("operation")),
			UserInfo: authenticationv1.UserInfo{Username: text("user"), Groups: rapid.SliceOf(texts()).Draw(t, "groups")},
			Object:   object("object"), OldObject: object("old object"), Options: object("options"),
		}
		if rapid.Bool().Draw(t, "more") {
			request.DryRun = new(rapid.Bool().Draw(t, "dry run"))
			request.RequestKind = &metav1.GroupVersionKind{Kind: text("request kind")}
			request.RequestResource, request.RequestSubResource = &metav1.GroupVersionResource{Resource: text("request resource")}, text("request subresource")
			request.UserInfo.Extra = map[string]authenticationv1.ExtraValue{text("key"): {text("value")}}
		}
		return &admissionv1.AdmissionReview{TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: request}
	})
}

// TestReviewsAreReadAsInTheGeneralWay: and those that API servers send are read in one pass.
func TestReviewsAreReadAsInTheGeneralWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(reviews().Draw(t, "review"))
		if err != nil {
			t.Fatal(err)
		}
		if !agree(t, text) {
			t.Fatalf("%s is not read in one pass", text)
		}
		cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
		agree(t, text[:cut])
		other := append([]byte(nil), text...)
		other[rapid.IntRange(0, len(text)-1).Draw(t, "place")] = rapid.SampledFrom([]byte("{}[]\",:\\0u.e-+ \xff")).Draw(t, "character")
		agree(t, other)
	})
}

const review = `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1","object":%}}`

// odd are objects in which readers of JSON differ.
var odd = []string{
	`{"a":1,"a":2}`, `{"a":{"b":1},"a":{"c":2}}`, `{"a":01}`, `{"a":-}`, `{"a":-0}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":1e400}`,
	`{"a":9223372036854775807}`, `{"a":9223372036854775808}`, `{"a":-9223372036854775808}`, `{"a":1E2}`, `{"a":1.0}`, `{"a":+1}`,
	`{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, `{"a":"\u00e9\u0000"}`, `{"a":"\x"}`, "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", "{\"\xff\":1}", `{"a":"\u12"}`,
	`{,}`, `{"a":1,}`, `{"a" : [ 1 , 2 ] }`, `[1]`, `"a"`, `null`, `nul`, `{"a":[1,]}`, `{"a":[,1]}`, `{a:1}`, `{"a":tru}`, `{"a":truee}`, `{}{}`, ``,
	strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300),
}

func TestOddObjects(t *testing.T) {
	for _, object := range odd {
		agree(t, []byte(strings.Replace(review, "%", object, 1)))
		agree(t, []byte(object))
	}
	for _, text := range []string{
		`{"kind":"A","kind":"B"}`, `{"request":{"kind":{"group":"a"},"kind":{"kind":"b"}}}`, `{"request":null}`, `{"request":{"uid":null}}`,
		`{"request":{"userInfo":{"extra":{"a":["b"]},"extra":{"c":["d"]}}}}`, `{"request":{"object":{"a":1},"object":null}}`, `{"Kind":"A"}`,
		`{"request":{"dryRun":null,"options":null}} `, `{"request":{"userInfo":{"groups":null}}}`, `{"request":{"uid":7}}`, `{"request":{}} x`,
		`{"request":{"dryRun":false}}`, `{"request":{"object":null,"object":{"a":1}}}`, `{"response":{"uid":"1"}}`,
	} {
		agree(t, []byte(text))
	}
}

// FuzzRead: every text is read as the general decoder reads it.
func FuzzRead(f *testing.F) {
	for _, object := range odd {
		f.Add([]byte(strings.Replace(review, "%", object, 1)))
	}
	f.Fuzz(func(t *testing.T, text []byte) { agree(t, text) })
}
