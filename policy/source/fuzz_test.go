package source_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/attache-dev/attache/policy/source"
)

// FuzzRead checks what the reader promises: it ends soon for any input, with objects or with
// problems that have a place.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		timeoutPolicy, httpRoute + "---\n" + service, bomb(), "", "---", "--- |\n a", "{", "[{}]", "\ufeff{}", "a: &a [*a]", "? [a]: b",
		`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"List","items":[{}]}]}`,
		"apiVersion: v1\nkind: CustomResourceDefinition\nmetadata: {name: 1}\n", "...\n...", "%YAML\n", "\xff", "!!binary x", "a: .nan", "<<: *x",
		"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b}\nspec: {group: b, names: {plural: a, kind: A}, versions: [{name: v1, served: true, schema: {openAPIV3Schema: {}}}]}\n---\napiVersion: b/v1\nkind: A\nmetadata: {name: c}\n",
		"apiVersion: attache.dev/v1alpha1\nkind: RateLimitPolicy\nmetadata: {name: a}\nspec: {targetRefs: [{}], default: {requestsPerSecond: [1]}}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		in, err := source.New([]string{"-"}, source.Options{Stdin: bytes.NewReader(data)}).Read(t.Context())
		// A second is ample on an idle machine; fuzzing keeps all processors busy.
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%d bytes took %v", len(data), took)
		}
		var e *source.Error
		switch {
		case err == nil:
			for _, d := range in.Documents {
				if d.Line < 1 || d.Index < 1 || d.Object.GetKind() == "" {
					t.Errorf("document without a place or kind: %+v", d)
				}
			}
		case !errors.As(err, &e) || len(e.Problems) == 0:
			t.Errorf("error is a %T: %v", err, err)
		}
	})
}
