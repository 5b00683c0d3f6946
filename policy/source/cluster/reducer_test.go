package cluster

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/publish"
)

// script plays a cluster to a reducer, event by event.
type script struct {
	testing.TB
	*reducer
	asked   []string
	running map[string]*watched // by resource
	version int
}

func play(t testing.TB, options policy.Options) *script {
	t.Helper()
	s := &script{TB: t, running: map[string]*watched{}}
	s.reducer = newReducer(options, newMemory(),
		func(crd string) { s.asked = append(s.asked, crd) },
		func(k kind) *watched {
			w := &watched{kind: k}
			w.stop = func() {
				if s.running[k.resource.Resource] == w {
					delete(s.running, k.resource.Resource)
				}
			}
			s.running[k.resource.Resource] = w
			return w
		})
	s.results = true
	s.begin()
	return s
}

// tell plays events as one batch.
func (s *script) tell(events ...event) *Batch {
	s.Helper()
	batch, problems := s.apply(events)
	for _, p := range problems {
		s.Errorf("%s: %s: %s", p.Ref, p.Field, p.Message)
	}
	return batch
}

// of is an event of the watch on a resource.
func (s *script) of(resource string, op op, objects ...*unstructured.Unstructured) event {
	s.Helper()
	w := s.running[resource]
	if w == nil {
		s.Fatalf("nothing watches %s", resource)
	}
	for _, u := range objects {
		if u.GetResourceVersion() == "" {
			s.version++
			u.SetResourceVersion(fmt.Sprint(s.version))
		}
		compact(u, w.kind)
	}
	return event{op: op, from: w, objects: objects}
}

// seen is what the watch on CRDs says of one.
func seen(crd *unstructured.Unstructured) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetName(crd.GetName())
	u.SetLabels(crd.GetLabels())
	return u
}

func answer(crd *unstructured.Unstructured) event {
	return event{op: opDefine, crd: crd.GetName(), objects: []*unstructured.Unstructured{crd}}
}

// shippedCRD is one of the CRDs that we ship, established.
func shippedCRD(t testing.TB, name string) *unstructured.Unstructured {
	t.Helper()
	plural, group, _ := strings.Cut(name, ".")
	for _, file := range slices.Concat(crds.Attache(), crds.GatewayAPI()) {
		if strings.Contains(file.Name, group+"_"+plural+".") {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(file.Data, &u.Object); err != nil {
				t.Fatal(err)
			}
			u.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": "True"}}}
			return u
		}
	}
	t.Fatalf("no CRD %s", name)
	return nil
}

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	if u.GetGeneration() == 0 {
		u.SetGeneration(1)
	}
	return u
}

func route(t testing.TB, name string) *unstructured.Unstructured {
	t.Helper()
	return object(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: `+name+`, namespace: shop, uid: `+name+`}, spec: {parentRefs: [{name: public}]}}`)
}

func timeout(t testing.TB, name string) *unstructured.Unstructured {
	t.Helper()
	return object(t, `{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: `+name+`, namespace: shop, uid: `+name+`}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: a}, strategy: Patch, default: {request: 1s}}}`)
}

const (
	routesCRD   = "httproutes.gateway.networking.k8s.io"
	timeoutsCRD = "timeoutpolicies.attache.dev"
)

// started is a script that has seen one route and one policy.
func started(t *testing.T) *script {
	t.Helper()
	s := play(t, policy.Options{})
	s.tell(s.of("namespaces", opReplace), s.of("customresourcedefinitions", opReplace,
		seen(shippedCRD(t, routesCRD)), seen(shippedCRD(t, timeoutsCRD)), seen(shippedCRD(t, effectiveCRD))))
	s.tell(answer(shippedCRD(t, routesCRD)), answer(shippedCRD(t, timeoutsCRD)), answer(shippedCRD(t, effectiveCRD)))
	if batch := s.tell(s.of("httproutes", opReplace, route(t, "a")), s.of("timeoutpolicies", opReplace, timeout(t, "p"))); batch == nil || !batch.First {
		t.Fatalf("the first batch is %v", batch)
	}
	s.tell(s.of("effectivepolicies", opReplace))
	if !s.complete {
		t.Fatal("results are listed and not known")
	}
	return s
}

var (
	routeA   = hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "a")
	timeoutP = hierarchy.NewRef(policy.Group, "TimeoutPolicy", "shop", "p")
)

func TestNothingIsPublishedBeforeEverythingWasSeen(t *testing.T) {
	s := play(t, policy.Options{})
	silent := func(batch *Batch) {
		t.Helper()
		if batch != nil {
			t.Fatalf("there is a batch of %v", batch.Changed)
		}
	}
	silent(s.tell(s.of("customresourcedefinitions", opReplace, seen(shippedCRD(t, routesCRD)), seen(shippedCRD(t, timeoutsCRD)))))
	silent(s.tell(s.of("namespaces", opReplace)))
	if !slices.Equal(s.asked, []string{routesCRD, timeoutsCRD}) {
		t.Fatalf("it asked for %v", s.asked)
	}
	silent(s.tell(answer(shippedCRD(t, routesCRD))))
	silent(s.tell(s.of("httproutes", opReplace, route(t, "a"))))
	silent(s.tell(answer(shippedCRD(t, timeoutsCRD))))
	batch := s.tell(s.of("timeoutpolicies", opReplace, timeout(t, "p")))
	if batch == nil || !batch.First {
		t.Fatalf("the last list brought %v", batch)
	}
	if want := []hierarchy.Ref{crdRef(timeoutsCRD), routeA, timeoutP}; !slices.Equal(batch.Changed, want) {
		t.Errorf("changed are %v", batch.Changed)
	}
	if _, ok := batch.After.Policy(timeoutP); !ok {
		t.Error("the policy is not in the snapshot")
	}
}

// Results are by far the most numerous objects, and no snapshot has them: admission does not wait
// for them. A process that publishes does, and without the right to read them it is not ready.
func TestASnapshotDoesNotWaitForResults(t *testing.T) {
	s := play(t, policy.Options{})
	s.tell(s.of("namespaces", opReplace), s.of("customresourcedefinitions", opReplace, seen(shippedCRD(t, routesCRD)), seen(shippedCRD(t, effectiveCRD))))
	s.tell(answer(shippedCRD(t, routesCRD)), answer(shippedCRD(t, effectiveCRD)))
	if batch := s.tell(s.of("httproutes", opReplace, route(t, "a"))); batch == nil || !batch.First || s.complete || s.blind() {
		t.Fatalf("the batch is %v, complete %t, blind %t", batch, s.complete, s.blind())
	}
	refused := s.of("effectivepolicies", opRefused)
	refused.err, refused.times = errors.New("forbidden"), 1
	s.tell(refused)
	if s.complete || !s.blind() {
		t.Errorf("refused, complete %t and blind %t", s.complete, s.blind())
	}
	s.tell(s.of("effectivepolicies", opReplace))
	if !s.complete || s.blind() {
		t.Errorf("listed, complete %t and blind %t", s.complete, s.blind())
	}
	s.tell(refused) // the right was taken away again
	if s.blind() {
		t.Error("what is known is not there any more")
	}
}

func TestAClusterWithoutAnyOfOurKindsIsCompleteAtOnce(t *testing.T) {
	s := play(t, policy.Options{})
	other := object(t, `{metadata: {name: things.example.com}}`)
	if batch := s.tell(s.of("customresourcedefinitions", opReplace, other), s.of("namespaces", opReplace)); batch == nil || !batch.First {
		t.Errorf("the batch is %v", batch)
	}
	if len(s.asked) > 0 {
		t.Errorf("it asked for %v", s.asked)
	}
}

func TestWhatIsNotEstablishedIsNotWaitedFor(t *testing.T) {
	s := play(t, policy.Options{})
	young := shippedCRD(t, routesCRD)
	delete(young.Object, "status")
	s.tell(s.of("customresourcedefinitions", opReplace, seen(young)), s.of("namespaces", opReplace))
	if batch := s.tell(answer(young)); batch == nil || !batch.First {
		t.Errorf("the batch is %v", batch)
	}
	s.tell(s.of("customresourcedefinitions", opSet, seen(young)))
	s.tell(answer(shippedCRD(t, routesCRD)))
	batch := s.tell(s.of("httproutes", opReplace, route(t, "a")))
	if batch == nil || !slices.Equal(batch.Changed, []hierarchy.Ref{routeA}) {
		t.Errorf("the batch is %v", batch)
	}
}

func TestAKindThatMayNotBeReadHoldsUpOnlyWhenItIsOfOurs(t *testing.T) {
	strange := shippedCRD(t, timeoutsCRD)
	strange.SetName("timeoutpolicies.example.com")
	strange.Object["spec"].(map[string]any)["group"] = "example.com"
	for name, test := range map[string]struct {
		crd   *unstructured.Unstructured
		ready bool
	}{
		"a stranger's":  {strange, true},
		"ours":          {shippedCRD(t, timeoutsCRD), false},
		"Gateway API's": {shippedCRD(t, routesCRD), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := play(t, policy.Options{})
			s.tell(s.of("customresourcedefinitions", opReplace, seen(test.crd)), s.of("namespaces", opReplace))
			s.tell(answer(test.crd))
			plural, _, _ := strings.Cut(test.crd.GetName(), ".")
			e := s.of(plural, opRefused)
			e.err = errors.New("forbidden")
			if batch := s.tell(e); (batch != nil) != test.ready {
				t.Errorf("the batch is %v", batch)
			}
		})
	}
}

func TestAStatusThatOthersWriteMakesNoBatch(t *testing.T) {
	s := started(t)
	u := route(t, "a")
	u.Object["status"] = map[string]any{"parents": []any{}}
	u.SetAnnotations(map[string]string{"example.com/note": "x"})
	if batch := s.tell(s.of("httproutes", opSet, u)); batch != nil {
		t.Errorf("the batch is %v", batch)
	}
}

func TestAnEditOfSpecOrLabelsChanges(t *testing.T) {
	s := started(t)
	u := route(t, "a")
	u.SetGeneration(2)
	if batch := s.tell(s.of("httproutes", opSet, u)); batch == nil || !slices.Equal(batch.Changed, []hierarchy.Ref{routeA}) || len(batch.Written) > 0 {
		t.Errorf("the batch is %v", batch)
	}
	u = route(t, "a")
	u.SetGeneration(2)
	u.SetLabels(map[string]string{"team": "a"})
	if batch := s.tell(s.of("httproutes", opSet, u)); batch == nil || !slices.Equal(batch.Changed, []hierarchy.Ref{routeA}) {
		t.Errorf("the batch is %v", batch)
	}
}

func TestAnEditWhereWeWriteIsWrittenAndNotChanged(t *testing.T) {
	s := started(t)
	u := route(t, "a")
	u.SetAnnotations(map[string]string{publish.Annotation: "x"})
	batch := s.tell(s.of("httproutes", opSet, u))
	if batch == nil || len(batch.Changed) > 0 || !slices.Equal(batch.Written, []hierarchy.Ref{routeA}) || batch.Before != batch.After {
		t.Errorf("the batch is %v", batch)
	}
	p := timeout(t, "p")
	p.Object["status"] = map[string]any{"ancestors": []any{}}
	batch = s.tell(s.of("timeoutpolicies", opSet, p))
	if batch == nil || len(batch.Changed) > 0 || !slices.Equal(batch.Written, []hierarchy.Ref{timeoutP}) {
		t.Errorf("the batch is %v", batch)
	}
}

func TestOurOwnWriteComesBackSilently(t *testing.T) {
	s := started(t)
	u := route(t, "a")
	u.SetResourceVersion("100")
	u.SetAnnotations(map[string]string{publish.Annotation: "x"})
	k, _ := s.memory.kind(routeA.GroupKind)
	s.memory.wrote(routeA, newRecord(k, u))
	r, _, _ := s.memory.get(routeA)
	if r.written.annotations.texts()[publish.Annotation] != "x" {
		t.Error("the write is not known")
	}
	stale := route(t, "a") // the watch still tells of an edit before our write
	stale.SetResourceVersion("99")
	stale.SetGeneration(2)
	batch := s.tell(s.of("httproutes", opSet, stale))
	if batch == nil || !slices.Equal(batch.Changed, []hierarchy.Ref{routeA}) || len(batch.Written) > 0 {
		t.Errorf("the batch is %v", batch)
	}
	u.SetGeneration(2)
	if batch := s.tell(s.of("httproutes", opSet, u)); batch != nil {
		t.Errorf("our own write came back as %v", batch)
	}
}

// The watch may report somebody else's write before the API server has answered ours: what we
// wrote is what the answer says.
func TestTheAnswerSaysWhatWeWrote(t *testing.T) {
	s := started(t)
	source := &Source{memory: s.memory}
	ours := route(t, "a")
	ours.SetResourceVersion("100")
	ours.SetAnnotations(map[string]string{publish.Annotation: "ours"})
	theirs := ours.DeepCopy()
	theirs.SetResourceVersion("101")
	theirs.SetAnnotations(map[string]string{publish.Annotation: "theirs"})
	s.tell(s.of("httproutes", opSet, theirs))
	wrote := source.Wrote(ours.DeepCopy())
	if there, _ := source.Print(routeA); there == wrote {
		t.Error("what they wrote counts as what we wrote")
	}
	if now, _ := source.Annotations(routeA); now[publish.Annotation] != "theirs" {
		t.Errorf("there is %q", now)
	}
	ours.SetResourceVersion("102")
	s.tell(s.of("httproutes", opSet, ours))
	if there, _ := source.Print(routeA); there != wrote {
		t.Error("what we wrote does not count as what we wrote")
	}
}

func TestWhatIsMissingInANewListIsGone(t *testing.T) {
	s := started(t)
	batch := s.tell(s.of("httproutes", opReplace, route(t, "b")))
	b := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "b")
	if batch == nil || !slices.Equal(batch.Changed, []hierarchy.Ref{routeA, b}) {
		t.Fatalf("the batch is %v", batch)
	}
	if _, ok := batch.After.Graph().Get(routeA); ok {
		t.Error("the route is still there")
	}
}

func TestAnObjectThatGoesAndComesInOneBatchIsThere(t *testing.T) {
	s := started(t)
	batch := s.tell(s.of("httproutes", opRemove, route(t, "a")), s.of("httproutes", opSet, route(t, "a")))
	if batch == nil || !slices.Equal(batch.Changed, []hierarchy.Ref{routeA}) {
		t.Fatalf("the batch is %v", batch)
	}
	if _, ok := batch.After.Graph().Get(routeA); !ok {
		t.Error("the route is gone")
	}
	batch = s.tell(s.of("httproutes", opSet, route(t, "a")), s.of("httproutes", opRemove, route(t, "a")))
	if _, ok := batch.After.Graph().Get(routeA); ok {
		t.Error("the route is there")
	}
}

func TestAKindThatGoesTakesItsObjectsAlong(t *testing.T) {
	s := started(t)
	late := s.of("timeoutpolicies", opSet, timeout(t, "late"))
	batch := s.tell(s.of("customresourcedefinitions", opRemove, seen(shippedCRD(t, timeoutsCRD))), late)
	if batch == nil || !slices.Equal(batch.Changed, []hierarchy.Ref{crdRef(timeoutsCRD), timeoutP}) {
		t.Fatalf("the batch is %v", batch)
	}
	if n := len(batch.After.Kinds()); n > 0 {
		t.Errorf("there are %d policy kinds", n)
	}
	if s.running["timeoutpolicies"] != nil {
		t.Error("it is still watched")
	}
	if batch := s.tell(late); batch != nil {
		t.Errorf("a watch that was stopped brought %v", batch)
	}
	s.tell(s.of("customresourcedefinitions", opSet, seen(shippedCRD(t, timeoutsCRD))))
	s.tell(answer(shippedCRD(t, timeoutsCRD)))
	batch = s.tell(s.of("timeoutpolicies", opReplace, timeout(t, "p")))
	if _, ok := batch.After.Policy(timeoutP); !ok {
		t.Error("when the kind came back, the policy did not")
	}
}

func TestAKindThatLosesItsLabelGoes(t *testing.T) {
	s := started(t)
	bare := seen(shippedCRD(t, timeoutsCRD))
	bare.SetLabels(nil)
	batch := s.tell(s.of("customresourcedefinitions", opSet, bare))
	if batch == nil || len(batch.After.Kinds()) > 0 || s.running["timeoutpolicies"] != nil {
		t.Fatalf("the batch is %v", batch)
	}
}

func TestACRDThatChangesWhileItIsReadIsReadAgain(t *testing.T) {
	s := started(t)
	s.asked = nil
	s.tell(s.of("customresourcedefinitions", opSet, seen(shippedCRD(t, routesCRD))))
	s.tell(s.of("customresourcedefinitions", opSet, seen(shippedCRD(t, routesCRD))))
	if len(s.asked) != 1 {
		t.Fatalf("it asked for %v", s.asked)
	}
	s.tell(answer(shippedCRD(t, routesCRD)))
	if len(s.asked) != 2 {
		t.Errorf("it asked for %v", s.asked)
	}
}

func TestAnotherServedVersionMovesTheWatchAndKeepsTheObjects(t *testing.T) {
	s := started(t)
	before := s.running["httproutes"]
	beta := shippedCRD(t, routesCRD)
	versions, _, _ := unstructured.NestedSlice(beta.Object, "spec", "versions")
	for _, v := range versions {
		v := v.(map[string]any)
		v["served"] = v["name"] == "v1beta1"
	}
	_ = unstructured.SetNestedSlice(beta.Object, versions, "spec", "versions")
	s.tell(s.of("customresourcedefinitions", opSet, seen(beta)))
	if batch := s.tell(answer(beta)); batch != nil {
		t.Errorf("the batch is %v", batch)
	}
	after := s.running["httproutes"]
	if after == before || after.resource.Version != "v1beta1" {
		t.Fatalf("watched is %v", after.resource)
	}
	u := route(t, "a")
	u.SetAPIVersion("gateway.networking.k8s.io/v1beta1")
	if batch := s.tell(s.of("httproutes", opReplace, u)); batch != nil {
		t.Errorf("the same objects brought %v", batch.Changed)
	}
}

func TestEffectivePoliciesAreNoPartOfTheSnapshot(t *testing.T) {
	s := started(t)
	u := object(t, `{apiVersion: attache.dev/v1alpha1, kind: EffectivePolicy, metadata: {name: httproute.a, namespace: shop}, targetRef: {kind: HTTPRoute}, status: {scopes: [{rules: ["*"]}], observedGeneration: 3}}`)
	batch := s.tell(s.of("effectivepolicies", opSet, u))
	ref := hierarchy.NewRef(policy.Group, publish.Kind, "shop", "httproute.a")
	if batch == nil || len(batch.Changed) > 0 || !slices.Equal(batch.Written, []hierarchy.Ref{ref}) {
		t.Fatalf("the batch is %v", batch)
	}
	source := &Source{memory: s.memory}
	live := source.EffectivePolicy("shop", "httproute.a")
	if n, _, _ := unstructured.NestedInt64(live.Object, "status", "observedGeneration"); n != 3 {
		t.Errorf("it is kept as %v", live)
	}
	batch = s.tell(s.of("effectivepolicies", opRemove, u))
	if batch == nil || !slices.Equal(batch.Written, []hierarchy.Ref{ref}) || source.EffectivePolicy("shop", "httproute.a") != nil {
		t.Errorf("the batch is %v", batch)
	}
}

// What is kept of a large cluster must be small: the objects come as large as
// API servers send them, with what managers and people leave in them.
func TestTenThousandRoutesCostTensOfMebibytes(t *testing.T) {
	const routes, mebi = 10_000, 1 << 20
	s := started(t)
	before := heap()
	for i := range routes {
		name := fmt.Sprintf("route-%d", i)
		u := route(t, name)
		u.Object["spec"] = map[string]any{
			"parentRefs": []any{map[string]any{"group": hierarchy.Group, "kind": "Gateway", "name": "public"}},
			"hostnames":  []any{name + ".example.com"},
			"rules": []any{
				map[string]any{"name": "a", "matches": []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/" + name}}},
					"backendRefs": []any{map[string]any{"group": "", "kind": "Service", "name": name, "port": int64(80), "weight": int64(1)}}},
				map[string]any{"name": "b", "matches": []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}},
					"backendRefs": []any{map[string]any{"group": "", "kind": "Service", "name": name + "-b", "port": int64(80), "weight": int64(1)}}},
			},
		}
		u.SetAnnotations(map[string]string{
			publish.Annotation: strings.Repeat("x", 300),
			"kubectl.kubernetes.io/last-applied-configuration": strings.Repeat("y", 1500),
		})
		u.Object["status"] = map[string]any{"parents": []any{map[string]any{"conditions": []any{strings.Repeat("z", 1000)}}}}
		s.tell(s.of("httproutes", opSet, u))
	}
	cost := heap() - before
	t.Logf("%d routes cost %.1f MiB", routes, float64(cost)/mebi)
	if cost > 60*mebi {
		t.Errorf("%d routes cost %d MiB", routes, cost/mebi)
	}
	runtime.KeepAlive(s)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A process that writes no results does not watch them, so it needs one right less.
func TestResultsAreWatchedByWhoWritesThemAlone(t *testing.T) {
	for _, writes := range []bool{true, false} {
		s := play(t, policy.Options{})
		s.results = writes
		s.tell(s.of("namespaces", opReplace), s.of("customresourcedefinitions", opReplace, seen(shippedCRD(t, effectiveCRD))))
		if asked := len(s.asked) > 0; asked != writes {
			t.Errorf("writes results: %v, asks for their definition: %v", writes, asked)
		}
	}
}
