package source_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/crds"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/policy/source"
)

const (
	timeoutPolicy = `apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: api-timeout}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: api-route}
  default:
    request: 30s
`
	httpRoute = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: api-route, namespace: shop}
spec:
  parentRefs: [{name: public}]
`
	service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {}\n"
)

// files writes a folder: name, content, name, content…
func files(t testing.TB, pairs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		path := filepath.Join(dir, filepath.FromSlash(pairs[i]))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(pairs[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t testing.TB, o source.Options, paths ...string) *source.Input {
	t.Helper()
	in, err := source.New(paths, o).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// refusal reads one text as standard input, and returns what is said against it.
func refusal(t testing.TB, text string, o source.Options) []source.Problem {
	t.Helper()
	o.Stdin = strings.NewReader(text)
	_, err := source.New([]string{"-"}, o).Read(t.Context())
	var e *source.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("error is a %T: %v", err, err)
	}
	if e == nil {
		return nil
	}
	return e.Problems
}

func places(in *source.Input) []string {
	var out []string
	for _, d := range in.Documents {
		out = append(out, fmt.Sprintf("%s %s/%s at %s:%d:%d:%d", d.Object.GetKind(), d.Object.GetNamespace(), d.Object.GetName(), filepath.Base(d.File), d.Index, d.Item, d.Line))
	}
	return out
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestObjectsComeInOrderWithTheirPlaces(t *testing.T) {
	dir := files(t,
		"b.yaml", "# comment\n---\n\n# another\n"+timeoutPolicy+"---\n# nothing\n---\n"+httpRoute+"...\n",
		"a.json", "\n"+`{"apiVersion":"v1","kind":"Service","metadata":{"name":"j"}}`+"\n"+`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"k"}}`,
		"c.yml", "%YAML 1.2\n--- {apiVersion: v1, kind: Secret, metadata: {name: flow}}\n",
		"notes.txt", "not a manifest",
		"deeper/d.yaml", service,
	)
	expect(t, places(read(t, source.Options{}, dir)),
		"Service default/j at a.json:1:0:2", "Namespace /k at a.json:2:0:3",
		"TimeoutPolicy default/api-timeout at b.yaml:1:0:5", "HTTPRoute shop/api-route at b.yaml:2:0:15",
		"Secret default/flow at c.yml:1:0:2")
	expect(t, places(read(t, source.Options{Recursive: true, Namespace: "mine"}, filepath.Join(dir, "deeper"), dir))[:2],
		"Service mine/s at d.yaml:1:0:1", "Service mine/j at a.json:1:0:2")
}

func TestListsAreTakenApart(t *testing.T) {
	in := read(t, source.Options{Stdin: strings.NewReader(`apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: a}}
- apiVersion: gateway.networking.k8s.io/v1
  kind: HTTPRouteList
  items:
  - {metadata: {name: b}, spec: {parentRefs: [{name: public}]}}
  - {metadata: {name: c}, spec: {parentRefs: [{name: public}]}}
- {apiVersion: v1, kind: ServiceList, items: null}
`)}, "-")
	expect(t, places(in), "Service default/a at -:1:1:1", "HTTPRoute default/b at -:1:2:1", "HTTPRoute default/c at -:1:3:1")
	got := refusal(t, "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}}\n- apiVersion: attache.dev/v1alpha1\n  kind: TimeoutPolicy\n  metadata: {name: x}\n  spec:\n    targetRef: {group: g, kind: K, name: n}\n    default:\n      request: 5\n", source.Options{})
	if len(got) == 0 || got[len(got)-1].Line != 11 || got[len(got)-1].Item != 2 {
		t.Errorf("problems are %v, want line 11 of item 2", got)
	}
}

func TestObjectsAreDefaultedAsAServerDoes(t *testing.T) {
	in := read(t, source.Options{}, files(t, "a.yaml", timeoutPolicy+"---\n"+httpRoute))
	if got := in.Documents[0].Object.Object["spec"].(map[string]any)["strategy"]; got != "Patch" {
		t.Errorf("strategy is %v, want the default Patch", got)
	}
	parent := in.Documents[1].Object.Object["spec"].(map[string]any)["parentRefs"].([]any)[0].(map[string]any)
	if parent["group"] != "gateway.networking.k8s.io" || parent["kind"] != "Gateway" {
		t.Errorf("parentRef is %v, want the default group and kind", parent)
	}
	if rules := in.Documents[1].Object.Object["spec"].(map[string]any)["rules"].([]any); len(rules) != 1 {
		t.Errorf("rules are %v, want the default rule", rules)
	}
}

func TestEveryProblemIsSaidWithItsPlace(t *testing.T) {
	got := refusal(t, `apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata:
  name: api-timeout
spec:
  targetRef:
    group: gateway.networking.k8s.io/v1
    kind: HTTPRoute
    name: api-route
  default:
    request: 5s
    backend: 10s
  overide: {}
---
apiVersion: v1
kind: Service
metadata: {name: s}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HttpRoute
metadata: {name: x}
`, source.Options{})
	var lines []string
	for _, p := range got {
		lines = append(lines, p.String())
	}
	expect(t, lines,
		`-:7: document 1: TimeoutPolicy default/api-timeout: spec.targetRef.group: Invalid value: "gateway.networking.k8s.io/v1": "gateway.networking.k8s.io/v1" carries a version: write group: gateway.networking.k8s.io`,
		`-:10: document 1: TimeoutPolicy default/api-timeout: spec.default: Invalid value: backend 10s is longer than request 5s: write backend: 5s or less, or request: 0s to switch the request timeout off`,
		`-:13: document 1: TimeoutPolicy default/api-timeout: spec.overide: unknown field: did you mean override?`,
		`-:19: document 3: HttpRoute x: unknown kind HttpRoute (apiVersion gateway.networking.k8s.io/v1): give its CustomResourceDefinition with -f, or check the spelling; did you mean HTTPRoute?`,
	)
}

func TestInputThatIsNoManifestIsRefusedWithItsLine(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int
		says       string
	}{
		{"not YAML", service + "---\napiVersion: v1\nkind: [Service\nmetadata: {name: b}\n", 8, "is not YAML: did not find expected ',' or ']'"},
		{"tabs", "apiVersion: v1\nkind: Service\nmetadata:\n\tname: a\n", 4, "is not YAML: found character that cannot start any token"},
		{"a key twice", service + "---\nkind: Service\napiVersion: v1\nmetadata: {name: b}\nkind: Service\n", 9, `key "kind" already set in map: write it once`},
		{"a key twice in JSON", `{"apiVersion":"v1","kind":"Service","kind":"Secret","metadata":{"name":"a"}}`, 1, `duplicate field "kind": write it once`},
		{"Latin-1", "apiVersion: v1\nkind: Service # caf\xe9\n", 2, "is not UTF-8 text here: save the file as UTF-8"},
		{"UTF-16", "\xff\xfea\x00", 1, "is not UTF-8"},
		{"a list", "- a\n- b\n", 1, "is not an object: write apiVersion, kind, metadata and spec"},
		{"a word", "hello\n", 1, "is not an object"},
		{"no kind", "apiVersion: v1\nmetadata: {name: a}\n", 1, "has no apiVersion or no kind"},
		{"values of a chart", "replicas: 3\n", 1, "has no apiVersion or no kind"},
		{"no metadata", "apiVersion: v1\nkind: Service\n", 1, "write metadata with at least a name"},
		{"a number that is none", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {x: .nan}\n", 1, "unsupported value: NaN"},
		{"a bomb of anchors", bomb(), 1, "excessive aliasing"},
		{"a List of words", "apiVersion: v1\nkind: List\nitems: [a]\n", 1, "items[0] is not an object"},
		{"misspelled kind of Kubernetes", strings.Replace(service, "Service", "Sevice", 1), 1, "did you mean Service?"},
		{"kind in the wrong group", strings.Replace(timeoutPolicy, "attache.dev/v1alpha1", "gateway.networking.k8s.io/v1", 1), 1, "did you mean the group attache.dev?"},
		{"version that is not served", strings.Replace(timeoutPolicy, "v1alpha1", "v1", 1), 1, `version "v1" of TimeoutPolicy is not served: write attache.dev/v1alpha1`},
		{"CRD of an old API", "apiVersion: apiextensions.k8s.io/v1beta1\nkind: CustomResourceDefinition\nmetadata: {name: a.b}\n", 1, "write apiVersion: apiextensions.k8s.io/v1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := refusal(t, c.text, source.Options{})
			if len(got) == 0 || got[0].Line != c.line || !strings.Contains(got[0].String(), c.says) {
				t.Errorf("problems are %v, want line %d and %q", got, c.line, c.says)
			}
		})
	}
}

// bomb is a small text that stands for 9^9 values.
func bomb() string {
	text := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 10; i++ {
		ref := fmt.Sprintf("*a%d", i-1)
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.Join([]string{ref, ref, ref, ref, ref, ref, ref, ref, ref}, ","))
	}
	return text
}

func TestAnchorsAreAllowed(t *testing.T) {
	in := read(t, source.Options{Stdin: strings.NewReader("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: &l {a: b}, annotations: *l}\n")}, "-")
	if got := in.Documents[0].Object.GetAnnotations()["a"]; got != "b" {
		t.Errorf("annotation is %q, want b", got)
	}
}

func TestTheSameObjectTwiceIsRefusedNamingBothPlaces(t *testing.T) {
	dir := files(t, "a.yaml", service+"---\n"+httpRoute, "b.yaml", "# again\n"+strings.Replace(httpRoute, "/v1\n", "/v1beta1\n", 1))
	_, err := source.New([]string{dir}, source.Options{}).Read(t.Context())
	want := fmt.Sprintf("%s:2: document 1: HTTPRoute shop/api-route: is also in %s, document 2, line 6: keep one of the two", filepath.Join(dir, "b.yaml"), filepath.Join(dir, "a.yaml"))
	if err == nil || err.Error() != want {
		t.Errorf("error is\n%v\nwant\n%s", err, want)
	}
	other := strings.Replace(httpRoute, "namespace: shop", "namespace: other", 1)
	read(t, source.Options{Stdin: strings.NewReader(httpRoute + "---\n" + other)}, "-")
}

func TestCRDsOfTheInputCountBeforeBuiltInOnes(t *testing.T) {
	crd := `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: timeoutpolicies.attache.dev, labels: {mine: "yes"}}
spec:
  group: attache.dev
  names: {kind: TimeoutPolicy, plural: timeoutpolicies}
  scope: Namespaced
  versions:
  - {name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {own: {type: string, default: word}}}}}}}
`
	in := read(t, source.Options{Stdin: strings.NewReader("apiVersion: attache.dev/v1alpha1\nkind: TimeoutPolicy\nmetadata: {name: a}\nspec: {}\n---\n" + crd)}, "-")
	if got := in.Documents[0].Object.Object["spec"].(map[string]any)["own"]; got != "word" {
		t.Errorf("own is %v, want the default of the given CRD", got)
	}
	var names []string
	for _, u := range in.Objects() {
		if u.GetName() == "timeoutpolicies.attache.dev" && u.GetLabels()["mine"] != "yes" {
			t.Error("the built-in CRD is handed on in place of the given one")
		}
		names = append(names, u.GetName())
	}
	all := len(crds.Attache()) + len(crds.GatewayAPI())
	if n := len(names); n != all+1 || names[n-1] != "a" {
		t.Errorf("objects are %v: want %d CRDs, each once, and then the policy", names, all)
	}
	if builtin, err := source.Builtin(); err != nil || len(builtin.CRDs()) != all {
		t.Errorf("the built-in registry has changed: %v", err)
	}
}

func TestRefusedObjectsCanBeKeptApart(t *testing.T) {
	bad := strings.Replace(timeoutPolicy, "request: 30s", "request: 1.5h", 1)
	text := httpRoute + "---\n" + bad
	in := read(t, source.Options{Stdin: strings.NewReader(text), KeepRefused: true}, "-")
	if len(in.Documents) != 1 || len(in.Refused) != 1 || in.Refused[0].Object.GetName() != "api-timeout" {
		t.Fatalf("got %v and refused %v, want the route and the policy", in.Documents, in.Refused)
	}
	if len(in.Problems) == 0 || in.Problems[0].Line != 13 || in.Problems[0].Field != "spec.default.request" {
		t.Errorf("problems are %v, want them on line 13", in.Problems)
	}
	_, err := source.New([]string{"-"}, source.Options{Stdin: strings.NewReader(text + "---\nkind: ["), KeepRefused: true}).Read(t.Context())
	var failed *source.Error
	if !errors.As(err, &failed) || len(failed.Problems) != 1 || failed.Problems[0].Document != 3 {
		t.Errorf("got %v, want the document that is no manifest, and it alone", err)
	}
	_, err = source.New([]string{"-"}, source.Options{Stdin: strings.NewReader(bad + "---\n" + timeoutPolicy), KeepRefused: true}).Read(t.Context())
	if err == nil || !strings.Contains(err.Error(), "is also in") {
		t.Errorf("got %v: a refused object does not hide its double", err)
	}
}

func TestADocumentKnowsTheLinesOfItsFields(t *testing.T) {
	in := read(t, source.Options{Stdin: strings.NewReader(httpRoute + "---\n" + timeoutPolicy)}, "-")
	for field, want := range map[string]int{"": 7, "spec.default.request": 13, "spec.default.connect": 12, "spec.targetRef.name": 11} {
		if got := in.Documents[1].LineOf(field); got != want {
			t.Errorf("%q is on line %d, want %d", field, got, want)
		}
	}
}

func TestDefinitionsFromElsewhereCountBeforeBuiltInOnes(t *testing.T) {
	crd := read(t, source.Options{Stdin: strings.NewReader(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: timeoutpolicies.attache.dev}
spec:
  group: attache.dev
  names: {kind: TimeoutPolicy, plural: timeoutpolicies}
  scope: Namespaced
  versions:
  - {name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {own: {type: string, default: word}}}}}}}
`)}, "-").Documents[0].Object
	in := read(t, source.Options{
		Stdin:       strings.NewReader("apiVersion: attache.dev/v1alpha1\nkind: TimeoutPolicy\nmetadata: {name: a}\nspec: {}\n"),
		Definitions: []*unstructured.Unstructured{crd},
	}, "-")
	if got := in.Documents[0].Object.Object["spec"].(map[string]any)["own"]; got != "word" {
		t.Errorf("own is %v, want the default of the given CRD", got)
	}
}

func TestDecodeReadsWhatIsWritten(t *testing.T) {
	folder := files(t, "a.yaml", timeoutPolicy, "b.yaml", timeoutPolicy+"---\nkind: Suite\napiVersion: x/v1\n")
	documents, err := source.New([]string{folder}, source.Options{}).Decode(t.Context())
	if err != nil || len(documents) != 3 || documents[2].Index != 2 || documents[0].Object.GetNamespace() != "" {
		t.Errorf("got %v, %v, want three documents, nothing filled in", documents, err)
	}
	if _, err := source.New([]string{filepath.Join(folder, "c.yaml")}, source.Options{}).Decode(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that there is no such file", err)
	}
}

func TestObjectsOfUnknownKindsArePassedOver(t *testing.T) {
	const text = "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: a}\n"
	const why = "unknown kind Certificate (apiVersion cert-manager.io/v1): give its CustomResourceDefinition with -f, or check the spelling"
	if got := refusal(t, text, source.Options{}); len(got) != 1 || !strings.Contains(got[0].Message, why) {
		t.Errorf("alone in a file that is named itself: problems are %v", got)
	}
	if got := refusal(t, httpRoute+"---\n"+text, source.Options{Strict: true}); len(got) != 1 || !strings.Contains(got[0].Message, why) {
		t.Errorf("strict: problems are %v", got)
	}
	in := read(t, source.Options{Stdin: strings.NewReader(httpRoute + "---\n" + text)}, "-")
	if len(in.Documents) != 1 || len(in.Unknown) != 1 || len(in.PassedOver) != 1 || in.PassedOver[0].Message != why {
		t.Errorf("beside others: got %d documents, %d of unknown kinds, passed over: %v", len(in.Documents), len(in.Unknown), in.PassedOver)
	}
}

func TestLimitsAreSaidWithTheirPlace(t *testing.T) {
	big := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {a: " + strings.Repeat("x", 3<<20) + "}\n"
	for _, c := range []struct {
		name   string
		limits source.Limits
		text   string
		says   string
	}{
		{"object", source.Limits{}, service + "---\n" + big, "-:6: document 2: ConfigMap big has 3.0 MiB, the limit is 1.5 MiB: a cluster stores no larger object"},
		{"object in a List", source.Limits{Object: 100}, `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Secret","metadata":{"name":"` + strings.Repeat("n", 100) + `"}}]}`, "-:1: document 1, item 1: Secret nnn"},
		{"document", source.Limits{Document: 50}, service, "-:1: document 1: the document has 58 bytes, the limit is 50 bytes: put it in several documents"},
		{"document of JSON", source.Limits{Document: 20}, `{"apiVersion":"v1","kind":"Service"}`, "the document has 36 bytes"},
		{"total", source.Limits{Total: 100}, big, "-: the whole input has more than 100 bytes, the limit: give fewer files at once"},
		{"number", source.Limits{Documents: 1}, service + "---\n" + httpRoute, "-: the whole input has more than 1 objects, the limit: give fewer files at once"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := refusal(t, c.text, source.Options{Limits: c.limits})
			if len(got) != 1 || !strings.HasPrefix(got[0].String(), c.says) && !strings.Contains(got[0].String(), c.says) {
				t.Errorf("problems are %.300v, want %q", got, c.says)
			}
		})
	}
}

func TestLinksAreFollowedAndLoopsEnd(t *testing.T) {
	dir := files(t, "real/a.yaml", service, "real/inner/b.yaml", httpRoute)
	link := func(old, name string) {
		t.Helper()
		if err := os.Symlink(old, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here")
		}
	}
	link("..", "real/inner/up")
	link("loop2", "loop1")
	link("loop1", "loop2")
	link("real", "again")
	link("real/a.yaml", "z.yaml")
	expect(t, places(read(t, source.Options{Recursive: true}, dir)), "Service default/s at a.yaml:1:0:1", "HTTPRoute shop/api-route at b.yaml:1:0:1")

	link("nowhere", "dangling.yaml")
	_, err := source.New([]string{dir}, source.Options{Recursive: true}).Read(t.Context())
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "dangling.yaml") {
		t.Errorf("error is %v, want one about dangling.yaml", err)
	}
}

func TestPathsThatCanNotBeReadAreSaidTogether(t *testing.T) {
	empty := files(t, "sub/a.yaml", service)
	_, err := source.New([]string{"no-such-file.yaml", empty, "-"}, source.Options{}).Read(t.Context())
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("error is %v", err)
	}
	for _, says := range []string{
		"no-such-file.yaml: no such file or directory",
		empty + ": the folder has no *.yaml, *.yml or *.json files; to read the folders inside it too, use -R",
		"-: there is no standard input to read",
	} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("error does not say %q:\n%v", says, err)
		}
	}
}

func TestOfVeryManyProblemsOnlyTheFirstAreSaid(t *testing.T) {
	_, err := source.New([]string{"-"}, source.Options{Stdin: strings.NewReader(strings.Repeat("---\na: 1\n", 1000))}).Read(t.Context())
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 21 || lines[20] != "and 980 more problems" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.New([]string{files(t, "a.yaml", service)}, source.Options{}).Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want that of the context", err)
	}
}

func TestAFolderOfFiveThousandFilesIsReadFast(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 5,000 files")
	}
	var pairs []string
	for i := range 5000 {
		text := strings.Replace(httpRoute, "api-route", fmt.Sprintf("r-%d", i), 1)
		if i%5 == 0 {
			text = strings.Replace(timeoutPolicy, "api-timeout", fmt.Sprintf("t-%d", i), 1)
		}
		pairs = append(pairs, fmt.Sprintf("%d/%d.yaml", i%50, i), text)
	}
	dir := files(t, pairs...)
	start := time.Now()
	in := read(t, source.Options{Recursive: true}, dir)
	took := time.Since(start)
	t.Logf("5,000 files in %v", took)
	if len(in.Documents) != 5000 || took > 30*time.Second {
		t.Errorf("%d documents in %v", len(in.Documents), took)
	}
}

// TestFoldersOfExamplesAreRead reads folders like those of vendors: with the same class in every
// file, and with kinds of the vendor that have no definition there.
func TestFoldersOfExamplesAreRead(t *testing.T) {
	class := "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: eg}\nspec: {controllerName: example.com/gateway}\n"
	policy := "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: %s\nmetadata: {name: x}\nspec: {}\n"
	known := source.Options{Undefined: []schema.GroupKind{{Group: "gateway.envoyproxy.io", Kind: "BackendTrafficPolicy"}}}
	retries := fmt.Sprintf(policy, "BackendTrafficPolicy")
	dir := files(t, "a.yaml", class+retries, "b.yaml", class+fmt.Sprintf(policy, "EnvoyProxy"))
	if in := read(t, known, dir); len(in.PassedOver) != 1 || !strings.Contains(in.PassedOver[0].Message, "unknown kind EnvoyProxy") {
		t.Errorf("passed over are %v", in.PassedOver)
	}
	for says, dir := range map[string]string{
		"is also in":                         files(t, "a.yaml", class, "b.yaml", strings.Replace(class, "example.com/gateway", "example.com/other", 1)),
		"did you mean BackendTrafficPolicy?": files(t, "a.yaml", class+retries+fmt.Sprintf(policy, "BackendTraficPolicy")),
	} {
		if _, err := source.New([]string{dir}, known).Read(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want an error that says %q, got %v", says, err)
		}
	}
}
