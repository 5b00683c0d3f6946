package oracle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/test/dataplane"
)

func TestMain(m *testing.M) {
	if os.Getenv("ATTACHE_ORACLE") == "" {
		fmt.Println("oracle: left out; \"make oracle\" has Envoy Gateway's translator judge what is exported")
		return
	}
	os.Exit(m.Run())
}

func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestEnvoyGatewayConfirmsEveryClaim translates random worlds with what is
// exported for them, and without it.
func TestEnvoyGatewayConfirmsEveryClaim(t *testing.T) {
	worlds, first := setting(t, "ATTACHE_ORACLE_WORLDS", 100), setting(t, "ATTACHE_ORACLE_SEED", 1)
	counts, mu := map[string]int{}, sync.Mutex{}
	t.Run("worlds", func(t *testing.T) {
		for i := range worlds {
			seed := uint64(first + i)
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel() // each waits for processes of its own
				found := judge(t, newWorld(seed))
				mu.Lock()
				defer mu.Unlock()
				for outcome, n := range found {
					counts[outcome] += n
				}
			})
		}
	})
	total := 0
	for _, n := range counts {
		total += n
	}
	for _, outcome := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return counts[b] - counts[a] }) {
		t.Logf("%6d %5.1f%% %s", counts[outcome], 100*float64(counts[outcome])/float64(total), outcome)
	}
	t.Logf("%6d fields on paths of %d worlds", total, worlds)
}

// judge compares every claim about one world with what Envoy does, and counts the claims by outcome.
func judge(t *testing.T, w *world) map[string]int {
	counts := map[string]int{}
	claims, exported := w.export(t)
	translated := func(objects []*unstructured.Unstructured) *dataplane.Translation {
		t.Helper()
		text := manifest(objects, func(u *unstructured.Unstructured) bool { return u.GroupVersionKind().Group != "attache.dev" })
		translation, err := dataplane.Translate(t.Context(), text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		return translation
	}
	without, with := translated(w.objects), translated(merged(w.objects, exported))
	accepted(t, with)
	before, after := paths(without), paths(with)
	for _, key := range slices.Sorted(maps.Keys(claims)) {
		o := after[key]
		if o == nil {
			t.Errorf("%s is not in Envoy's configuration, which has %v", key, slices.Sorted(maps.Keys(after)))
			continue
		}
		strangersStay(t, key, before[key], o)
		for _, c := range claims[key] {
			counts[strings.TrimSpace(c.Outcome+" "+c.Reason)]++
			for _, complaint := range o.contradictions(c) {
				t.Errorf("%s: %s %s is %s %s (%s %v, effective %v): %s", key, c.Policy, c.Field, c.Outcome, c.Reason, c.As, c.Value, c.effective, complaint)
			}
		}
	}
	if t.Failed() {
		t.Logf("the world:\n%s\nexported:\n%s", manifest(w.objects, everything), manifest(exported, everything))
	}
	return counts
}

func everything(*unstructured.Unstructured) bool { return true }

// merged is the objects with those of a second list in the place of their equals.
func merged(objects, others []*unstructured.Unstructured) []*unstructured.Unstructured {
	identity := func(u *unstructured.Unstructured) string {
		return u.GetKind() + " " + u.GetNamespace() + "/" + u.GetName()
	}
	replaced := map[string]bool{}
	for _, u := range others {
		replaced[identity(u)] = true
	}
	list := slices.Clone(others)
	for _, u := range objects {
		if !replaced[identity(u)] {
			list = append(list, u)
		}
	}
	return list
}

// accepted: none of ours is refused, and each is accepted or merged somewhere.
func accepted(t *testing.T, translation *dataplane.Translation) {
	t.Helper()
	for _, p := range translation.Policies {
		if !strings.HasPrefix(p.GetName(), "attache-") {
			continue
		}
		said := false
		ancestors, _, _ := unstructured.NestedSlice(p.Object, "status", "ancestors")
		for _, a := range ancestors {
			conditions, _, _ := unstructured.NestedSlice(a.(map[string]any), "conditions")
			for _, c := range conditions {
				condition := c.(map[string]any)
				positive := condition["type"] == "Accepted" || condition["type"] == "Merged" || condition["type"] == "Aggregated"
				said = said || positive && condition["status"] == "True"
				if condition["type"] == "Accepted" && condition["status"] != "True" {
					t.Errorf("%s: %v: %v", p.GetName(), condition["reason"], condition["message"])
				}
			}
		}
		if !said {
			t.Errorf("%s is accepted nowhere: %s", p.GetName(), plain(ancestors))
		}
	}
}

// paths sorts Envoy's routes by "HTTPRoute shop/name rule listener".
func paths(translation *dataplane.Translation) map[string]*observed {
	found := map[string]*observed{}
	for gateway, routes := range translation.Routes {
		for _, r := range routes {
			parts := strings.Split(r.Name, "/") // httproute/shop/name/rule/0/match/0/hostname
			if len(parts) < 5 {
				continue
			}
			kind := map[string]string{"httproute": "HTTPRoute", "grpcroute": "GRPCRoute"}[parts[0]]
			listener := r.Configuration[strings.LastIndex(r.Configuration, "/")+1:]
			key := fmt.Sprintf("%s %s/%s rule %s listener %s", kind, parts[1], parts[2], parts[4], listener)
			if found[key] == nil {
				found[key] = &observed{clusters: translation.Clusters[gateway]}
			}
			found[key].routes = append(found[key].routes, r)
		}
	}
	return found
}

// strangersStay: what a stranger's policy sets and we never write is as it was
// without us, and no rule answers by itself that did not.
func strangersStay(t *testing.T, key string, before, after *observed) {
	t.Helper()
	marks := func(o *observed) (list []string) {
		for _, r := range o.routes {
			mark := ""
			switch {
			case r.DirectResponse != nil:
				mark = fmt.Sprint("answers ", r.DirectResponse.Status)
			case r.Route != nil && r.Route.MaxStreamDuration != nil:
				mark = r.Route.MaxStreamDuration.MaxStreamDuration
			}
			list = append(list, r.Name+" "+mark)
		}
		slices.Sort(list)
		return list
	}
	if before == nil || !slices.Equal(marks(before), marks(after)) {
		t.Errorf("%s: what is not ours changed: before\n%v\nafter\n%v", key, before, marks(after))
	}
}

// export runs the command and reads what it says of every path, and the objects
// and routes that it prints.
func (w *world) export(t *testing.T) (map[string][]claim, []*unstructured.Unstructured) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(file, []byte(manifest(w.objects, everything)), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, report bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &report}
	if code := command.Main(t.Context(), []string{"kubectl-effective_policy", "export", "-f", file, "--routes",
		"--to", "envoy-gateway", "-o", "json", "--report", "json", "--platform-namespaces", "infra"}, streams, ""); code != 0 {
		t.Fatalf("export ends with %d: %s\n%s", code, report.String(), manifest(w.objects, everything))
	}
	var list struct{ Items []map[string]any }
	var said struct {
		Enforcement []struct {
			Route   struct{ Kind, Namespace, Name string }
			Parents []struct{ Listener string }
			Rules   []struct{ Index int }
			Fields  []claim
		}
	}
	for text, into := range map[*bytes.Buffer]any{&out: &list, &report: &said} {
		if text.Len() == 0 {
			continue
		}
		if err := json.Unmarshal(text.Bytes(), into); err != nil {
			t.Fatalf("%v: %s", err, text.String())
		}
	}
	var objects []*unstructured.Unstructured
	for _, item := range list.Items {
		objects = append(objects, &unstructured.Unstructured{Object: item})
	}
	values := w.effective(t)
	claims := map[string][]claim{}
	for key, applied := range values {
		for _, e := range said.Enforcement {
			for _, p := range e.Parents {
				onRule := len(e.Rules) == 0
				for _, r := range e.Rules {
					onRule = onRule || strings.HasPrefix(key, fmt.Sprintf("%s %s/%s rule %d ", e.Route.Kind, e.Route.Namespace, e.Route.Name, r.Index))
				}
				if !onRule || !strings.HasPrefix(key, fmt.Sprintf("%s %s/%s ", e.Route.Kind, e.Route.Namespace, e.Route.Name)) || !strings.HasSuffix(key, " listener "+p.Listener) {
					continue
				}
				for _, c := range e.Fields {
					c.effective, c.retried = applied[c.Policy][c.Field], retried(applied["RetryPolicy"])
					claims[key] = append(claims[key], c)
				}
			}
		}
	}
	return claims, objects
}

// retried says whether an effective RetryPolicy asks for retries.
func retried(policy map[string]any) bool {
	if n, stated := policy["maxRetries"]; stated {
		return plain(n) != "0"
	}
	return len(policy) > 0
}

// effective is what applies on every path, from the engine.
func (w *world) effective(t *testing.T) map[string]map[string]map[string]any {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ours.yaml")
	ours := func(u *unstructured.Unstructured) bool { return u.GetKind() != "BackendTrafficPolicy" }
	if err := os.WriteFile(file, []byte(manifest(w.objects, ours)), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := source.New([]string{file}, source.Options{}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	snapshot, _ := policy.NewSnapshot(policy.Options{PlatformNamespaces: []string{"infra"}}).With(in.Objects()...)
	found := map[string]map[string]map[string]any{}
	for target := range effective.ResolveAll(snapshot).All() {
		if target.Target.Kind == "Gateway" {
			continue
		}
		for p := range target.Paths() {
			values := map[string]map[string]any{}
			for _, kind := range p.Result.Kinds {
				values[kind.Kind.GroupKind.Kind] = kind.Value
			}
			found[fmt.Sprintf("%s rule %d listener %s", target.Target, max(p.Rule, 0), p.Listener.Ref.Section)] = values
		}
	}
	return found
}
