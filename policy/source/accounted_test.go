package source

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// whole is what a document is before something is broken in it.
var whole = []string{
	"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: NAME, namespace: shop}\nspec: {parentRefs: [{name: front}]}\n",
	"apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: NAME, namespace: shop}\nspec: {gatewayClassName: std, listeners: [{name: http, port: 80, protocol: HTTP}]}\n",
	"apiVersion: attache.dev/v1alpha1\nkind: TimeoutPolicy\nmetadata: {name: NAME, namespace: shop}\nspec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: a}, default: {request: 5s}}\n",
	"apiVersion: v1\nkind: Service\nmetadata: {name: NAME, namespace: shop}\nspec: {ports: [{port: 80}]}\n",
	"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME, namespace: shop}\ndata: {a: b}\n",
	"apiVersion: acme.example/v1\nkind: CalmPolicy\nmetadata: {name: NAME, namespace: shop}\nspec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: a}}\n",
	"replicas: 2\nimage: {tag: x}\n",
	"- a\n- b\n",
}

// breaks are what people do to a document.
var breaks = []struct{ what, old, new string }{
	{"nothing", "", ""},
	{"a kind in other letters", "kind: HTTPRoute", "kind: httproute"},
	{"a misspelt kind", "kind: TimeoutPolicy", "kind: TimoutPolicy"},
	{"no kind", "kind: Gateway\n", ""},
	{"no apiVersion", "apiVersion: attache.dev/v1alpha1\n", ""},
	{"a version that is not served", "attache.dev/v1alpha1", "attache.dev/v9"},
	{"a group that is misspelt", "gateway.networking.k8s.io/v1\nkind", "gateway.networking.k8s.oi/v1\nkind"},
	{"no name", "name: NAME, ", ""},
	{"no spec", "\nspec: ", "\nspce: "},
	{"a wrong type", "port: 80", `port: "80"`},
	{"an unknown field", "request: 5s", "reqest: 5s"},
	{"no target", "targetRef: ", "target: "},
	{"a placeholder", "name: front", "name: ${FRONT}"},
	{"a template", "name: front", "name: {{ .Values.front }}"},
	{"a duration that is none", "request: 5s", "request: 5 seconds"},
}

// Every document that says something is counted in the answer, or named in what was refused or passed
// over: none is lost (semantics section 10).
func TestEveryDocumentIsAccountedFor(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(rt, "documents")
		var documents []string
		for i := range n {
			text := rapid.SampledFrom(whole).Draw(rt, "document")
			b := rapid.SampledFrom(breaks).Draw(rt, "break")
			text = strings.ReplaceAll(strings.Replace(text, b.old, b.new, 1), "NAME", fmt.Sprintf("n%d", i))
			documents = append(documents, text)
		}
		if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(strings.Join(documents, "---\n")), 0o600); err != nil {
			rt.Fatal(err)
		}
		in, err := New([]string{dir}, Options{KeepRefused: true}).Read(t.Context())
		if err != nil { // then the error names a document, and nothing is answered
			if !strings.Contains(err.Error(), "document ") {
				rt.Fatalf("it names no document: %v", err)
			}
			return
		}
		named := map[int]bool{}
		for _, list := range [][]Document{in.Documents, in.Refused, in.Unknown} {
			for _, d := range list {
				named[d.Index] = true
			}
		}
		for _, p := range append(in.PassedOver, in.Problems...) {
			named[p.Document] = true
			if p.Message == "" {
				rt.Errorf("document %d is passed over without a reason", p.Document)
			}
		}
		for i := range documents {
			if !named[i+1] {
				rt.Errorf("document %d is in no list:\n%s", i+1, documents[i])
			}
		}
	})
}
