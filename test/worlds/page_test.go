package worlds

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/test/pagetest"
)

// pageWorlds is on how many random worlds the page is compared with the command.
const pageWorlds = 200

// TestThePageSaysWhatTheCommandSays serves random worlds with "ui", and compares
// answers of its API with what the other commands print for the same manifests.
func TestThePageSaysWhatTheCommandSays(t *testing.T) {
	n := pageWorlds
	if testing.Short() {
		n = 10
	}
	for seed := range uint64(n) {
		r := rand.New(rand.NewPCG(seed, 77))
		w := draw(r, 1)
		path := storable(t, w)
		comparePage(t, path, len(w.routes)+len(w.gateways), r)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, w.yaml())
		}
	}
}

// storable writes the manifests of a world that an API server would store.
func storable(t *testing.T, w *world) (path string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "all.yaml"), []byte(w.yaml()), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := source.New([]string{folder}, source.Options{KeepRefused: true}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var documents []string
	for _, d := range in.Documents {
		text, err := json.Marshal(d.Object)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, string(text))
	}
	path = filepath.Join(folder, "stored.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(documents, "\n---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestThePageSaysWhatTheCommandSaysOfTheExamples does the same with examples/shop.
func TestThePageSaysWhatTheCommandSaysOfTheExamples(t *testing.T) {
	comparePage(t, filepath.Join("..", "..", "examples", "shop"), 20, rand.New(rand.NewPCG(1, 1)))
}

// comparePage compares lists, and a number of objects.
func comparePage(t *testing.T, path string, objects int, r *rand.Rand) {
	t.Helper()
	page := pagetest.Open(t, "-f", path)
	defer page.Close()
	compare := func(name string, query url.Values, args ...string) {
		t.Helper()
		most := 0
		if name == "request" { // it ends with 1 where nobody serves it
			most = 1
		}
		said := runUpTo(t, most, append(args, "-f", path, "-o", "json"))
		shown := page.Get(name, query)
		for _, of := range []string{"total", "offset"} { // pages of lists
			delete(shown, of)
		}
		if diff := cmp.Diff(said, shown); diff != "" {
			t.Errorf("%v and /api/v1/%s?%s (-command +page):\n%s", args, name, query.Encode(), diff)
		}
	}
	compare("policies", url.Values{}, "policies", "-A")
	if r.IntN(8) == 0 { // it takes longer than all the rest
		compareEdit(t, page, path, r)
	}
	rows, _ := page.Get("routes", url.Values{"limit": {"200"}})["rows"].([]any)
	for range min(3, objects) {
		if len(rows) == 0 {
			return
		}
		row, _ := rows[r.IntN(len(rows))].(map[string]any)
		id, _ := row["id"].(string)
		if names, _ := row["hostnames"].([]any); len(names) > 0 && r.IntN(3) == 0 {
			line := fmt.Sprintf("http://%v/", strings.Replace(fmt.Sprint(names[0]), "*", "x", 1))
			compare("request", url.Values{"u": {line}}, "explain", "--request", line)
		}
		query := url.Values{"target": {id}}
		compare("effective", query, "explain", id)
		switch r.IntN(2) {
		case 0:
			compare("bindings", query, "bindings", id)
		default:
			compare("describe", query, "describe", id)
		}
	}
}

// compareEdit has one object removed that is there, and compares what that would do.
func compareEdit(t *testing.T, page *pagetest.Page, path string, r *rand.Rand) {
	t.Helper()
	in, err := source.New([]string{path}, source.Options{KeepRefused: true}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var one []byte
	for range 20 { // one of those that an edit can be about
		object := in.Documents[r.IntN(len(in.Documents))].Object
		if kind := object.GetKind(); kind == "Namespace" || kind == "CustomResourceDefinition" {
			continue
		}
		if one, err = json.Marshal(object); err != nil {
			t.Fatal(err)
		}
		break
	}
	if one == nil {
		return
	}
	edit := filepath.Join(t.TempDir(), "edit.yaml")
	if err := os.WriteFile(edit, one, 0o600); err != nil {
		t.Fatal(err)
	}
	code, text := page.Try(string(one), true)
	if code != http.StatusOK {
		t.Fatalf("%s: %d %s", one, code, text)
	}
	var shown struct{ Diff, Check map[string]any }
	if err := json.Unmarshal([]byte(text), &shown); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"-f", edit, "--base", path, "--delete", "-o", "json"}
	// Both end with 1 when something changes, or is denied.
	if diff := cmp.Diff(runUpTo(t, 1, append([]string{"diff"}, arguments...)), shown.Diff); diff != "" {
		t.Errorf("diff of removing %s (-command +page):\n%s", one, diff)
	}
	said := runUpTo(t, 1, append([]string{"check"}, arguments...))
	for _, report := range []map[string]any{said, shown.Check} { // the page's edit has no file
		findings, _ := report["findings"].([]any)
		for _, f := range findings {
			finding, _ := f.(map[string]any)
			delete(finding, "file")
		}
	}
	if diff := cmp.Diff(said, shown.Check); diff != "" {
		t.Errorf("check of removing %s (-command +page):\n%s", one, diff)
	}
}

// runUpTo runs a command that ends with an exit code up to a most.
func runUpTo(t *testing.T, most int, args []string) map[string]any {
	t.Helper()
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}
	if code := command.Main(context.Background(), append([]string{"kubectl-effective_policy"}, args...), streams, ""); code > most {
		t.Fatalf("%v: exit code %d: %s", args, code, errOut.String())
	}
	var value map[string]any
	if err := json.Unmarshal(out.Bytes(), &value); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return value
}
