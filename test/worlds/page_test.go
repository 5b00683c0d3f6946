package worlds

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
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
		said := runCommand(t, append(args, "-f", path, "-o", "json")...)
		shown := page.Get(name, query)
		for _, of := range []string{"total", "offset"} { // pages of lists
			delete(shown, of)
		}
		if diff := cmp.Diff(said, shown); diff != "" {
			t.Errorf("%v and /api/v1/%s?%s (-command +page):\n%s", args, name, query.Encode(), diff)
		}
	}
	compare("policies", url.Values{}, "policies", "-A")
	rows, _ := page.Get("routes", url.Values{"limit": {"200"}})["rows"].([]any)
	for range min(3, objects) {
		if len(rows) == 0 {
			return
		}
		row, _ := rows[r.IntN(len(rows))].(map[string]any)
		id, _ := row["id"].(string)
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

func runCommand(t *testing.T, args ...string) map[string]any {
	t.Helper()
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}
	if code := command.Main(context.Background(), append([]string{"kubectl-effective_policy"}, args...), streams, ""); code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, errOut.String())
	}
	var value map[string]any
	if err := json.Unmarshal(out.Bytes(), &value); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return value
}
