package cluster

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/source/kubejson"
)

// listedKinds are kinds of which each sort of thing is kept.
var listedKinds = func() (kinds []kind) {
	for name, what := range hierarchyCRDs {
		k := kind{keep: what.keep, role: what.role}
		k.Group, k.Kind = "gateway.networking.k8s.io", name
		k.resource.Group, k.resource.Version, k.resource.Resource = k.Group, "v1", name
		kinds = append(kinds, k)
	}
	return kinds
}()

// listedObject is an object as an API server stores one.
func listedObject(t *rapid.T) map[string]any {
	text := rapid.OneOf(rapid.StringN(0, 6, -1), rapid.SampledFrom([]string{"a", "é\n\"", "<&>"}))
	texts := rapid.MapOfN(text, text, 0, 3)
	objects := func(what string) map[string]any {
		m := map[string]any{}
		for key, value := range texts.Draw(t, what) {
			m[key] = value
		}
		return m
	}
	annotations := objects("annotations")
	if rapid.Bool().Draw(t, "annotated") {
		annotations[publish.Annotation] = `{"a":"b"}`
	}
	metadata := map[string]any{"name": text.Draw(t, "name"), "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": int64(3)}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	if rapid.Bool().Draw(t, "labels") {
		metadata["labels"] = objects("labels")
	}
	if rapid.Bool().Draw(t, "owners") {
		metadata["ownerReferences"] = []any{map[string]any{"kind": "HTTPRoute", "name": "a", "uid": "u", "apiVersion": "v1"}}
	}
	if rapid.Bool().Draw(t, "managed") {
		manager := rapid.SampledFrom([]string{"attache", "kubectl"}).Draw(t, "manager")
		metadata["managedFields"] = []any{map[string]any{"manager": manager, "operation": "Apply", "fieldsType": "FieldsV1", "subresource": "status",
			"fieldsV1": map[string]any{"f:status": map[string]any{}}}}
	}
	object := map[string]any{"apiVersion": "v1", "kind": "Thing", "metadata": metadata, "spec": objects("spec"), "targetRef": objects("target")}
	if rapid.Bool().Draw(t, "status") {
		object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "attache.dev/Affected", "status": "True"}, map[string]any{"type": "Other", "status": "True"}},
			"listeners": []any{map[string]any{"name": "l", "conditions": []any{map[string]any{"type": "X"}}}}, "text": text.Draw(t, "text")}
	}
	return object
}

// What is read in one pass is what the general decoder makes of a list, compact.
func TestAListIsReadAsInGeneral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(listedKinds).Draw(t, "kind")
		items := make([]any, rapid.IntRange(0, 5).Draw(t, "objects"))
		for i := range items {
			items[i] = listedObject(t)
		}
		text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "ThingList", "items": items,
			"metadata": map[string]any{"resourceVersion": "12", "continue": "more"}})
		if err != nil {
			t.Fatal(err)
		}
		p := outlined(bytes.NewBuffer(text))
		if p.err != nil || p.whole != nil || p.version != "12" || p.next != "more" {
			t.Fatalf("the outline of %s is %+v", text, p)
		}
		l := &lister{kind: k, recent: &kubejson.Recent{}}
		if !l.readPlain(text[p.items:]) {
			t.Fatalf("%s is left to the general decoder", text)
		}
		general := &lister{kind: k}
		if err := general.read(page{text: p.text, whole: mustDecode(t, text)}); err != nil {
			t.Fatal(err)
		}
		if len(l.all.Items) != len(items) || len(items) > 0 && !reflect.DeepEqual(l.all.Items, general.all.Items) {
			t.Fatalf("%s is read as\n%v\nwant\n%v", text, l.all.Items, general.all.Items)
		}
	})
}

func mustDecode(t rapid.TB, text []byte) *unstructured.UnstructuredList {
	list, err := decodeList(text)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// All pages are read, also those that only the general decoder reads, and a page that is refused ends it.
func TestAllPagesAreRead(t *testing.T) {
	refused := -1
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("continue"))
		if r.URL.Path != "/apis/g.example/v1/things" || r.URL.Query().Get("limit") != "500" {
			t.Errorf("somebody asks for %s", r.URL)
		}
		w.Header().Set("Content-Type", "application/json")
		if n == refused {
			w.WriteHeader(http.StatusGone)
			_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}`))
			return
		}
		next, kinds := "", `"apiVersion":"g.example/v1","kind":"Thing",`
		if n < 3 {
			next = strconv.Itoa(n + 1)
		}
		if n == 2 {
			kinds = "" // the list says what they are
		}
		_, _ = w.Write([]byte(`{"apiVersion":"g.example/v1","kind":"ThingList","metadata":{"resourceVersion":"9","continue":"` + next + `"},
			"items":[{` + kinds + `"metadata":{"name":"thing-` + strconv.Itoa(n) + `","managedFields":[]}}]}`))
	}))
	defer server.Close()
	c, err := newClients(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	things := kind{}
	things.Group, things.Kind = "g.example", "Thing"
	things.resource.Group, things.resource.Version, things.resource.Resource = "g.example", "v1", "things"
	list, err := c.compactly(t.Context(), things)
	if err != nil || list.GetResourceVersion() != "9" || len(list.Items) != 4 {
		t.Fatalf("%v: %v", err, list)
	}
	for i, u := range list.Items {
		if u.GetName() != "thing-"+strconv.Itoa(i) || u.GetKind() != "Thing" || u.GetManagedFields() != nil {
			t.Errorf("object %d is %v", i, u.Object)
		}
	}
	refused = 2
	if _, err := c.compactly(t.Context(), things); !apierrors.IsResourceExpired(err) {
		t.Errorf("a page that is refused gives %v", err)
	}
}
