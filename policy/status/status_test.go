package status_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// brief writes entries as "controller kind/name: Type=Status/Reason ...".
func brief(s map[string]any) []string {
	var lines []string
	for _, entry := range s["ancestors"].([]any) {
		entry := entry.(map[string]any)
		ref := entry["ancestorRef"].(map[string]any)
		line := fmt.Sprintf("%v %v/%v:", entry["controllerName"], ref["kind"], ref["name"])
		for _, c := range entry["conditions"].([]any) {
			c := c.(map[string]any)
			line += fmt.Sprintf(" %v=%v/%v", c["type"], c["status"], c["reason"])
		}
		lines = append(lines, line)
	}
	return lines
}

func TestAPolicyHasAnEntryForEachGatewayItAffects(t *testing.T) {
	c := clusterOf(t, gateways)
	s := c.policyStatus(t, "class", noon)
	want := []string{
		"attache.dev/policy-controller Gateway/a: Accepted=True/Accepted Programmed=True/PartiallyProgrammed",
		"attache.dev/policy-controller Gateway/b: Accepted=True/Accepted Programmed=False/NoScope",
	}
	if diff := cmp.Diff(want, brief(s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	programmed := s["ancestors"].([]any)[0].(map[string]any)["conditions"].([]any)[1].(map[string]any)
	wantCondition := map[string]any{
		"type": "Programmed", "status": "True", "reason": "PartiallyProgrammed", "observedGeneration": int64(7),
		"lastTransitionTime": "2026-01-01T12:00:00Z",
		"message":            "In effect on 2 of 2 paths, on 2 of them in part; beaten by TimeoutPolicy infra/route.",
	}
	if diff := cmp.Diff(wantCondition, programmed); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	ready := s["conditions"].([]any)[0].(map[string]any)
	if s["paths"] != int64(2) || s["pathsInEffect"] != int64(2) || s["observedGeneration"] != int64(7) || ready["type"] != "Ready" || ready["status"] != "True" || ready["reason"] != "Accepted" {
		t.Errorf("in all: %v", s)
	}
	if diff := cmp.Diff(map[string]any{"target": "GatewayClass/edge", "inEffect": "2/2"}, s["summary"]); diff != "" {
		t.Errorf("columns: -want +got:\n%s", diff)
	}
}

func TestATrueStatusIsNotWrittenAgainAndTimesStayWhileStatusesDo(t *testing.T) {
	c := clusterOf(t, gateways)
	ref := hierarchy.NewRef(policy.Group, "TimeoutPolicy", "infra", "class")
	c.objects[ref].Object["status"] = c.policyStatus(t, "class", noon)
	later := noon.Add(time.Hour)
	if again := c.policyStatus(t, "class", later); again != nil {
		t.Errorf("written again: %v", again)
	}
	// The route's policy goes: a message and a reason change, no status does.
	c.s = c.s.Without(hierarchy.NewRef(policy.Group, "TimeoutPolicy", "infra", "route"))
	c.tally = effective.Tally{}
	for e := range effective.ResolveAll(c.s).All() {
		c.tally.Add(e)
	}
	s := c.policyStatus(t, "class", later)
	if got := brief(s)[1]; !strings.HasSuffix(got, "Gateway/a: Accepted=True/Accepted Programmed=True/Programmed") {
		t.Errorf("got %s", got)
	}
	text, _ := json.Marshal(s)
	if strings.Contains(string(text), "13:00") {
		t.Errorf("a time moved although no status changed:\n%s", text)
	}
}

func TestEntriesOfOthersStayAsAndWhereTheyAre(t *testing.T) {
	c := clusterOf(t, gateways)
	foreign := func(n int) map[string]any {
		return map[string]any{
			"controllerName": "example.com/other",
			"ancestorRef":    map[string]any{"name": fmt.Sprintf("x%d", n)},
			"conditions":     []any{map[string]any{"type": "Odd", "status": "Unknown"}},
		}
	}
	ours := c.policyStatus(t, "class", noon)["ancestors"].([]any)
	stale := map[string]any{"controllerName": status.ControllerName, "ancestorRef": map[string]any{"kind": "Gateway", "name": "gone"}, "conditions": []any{}}
	ref := hierarchy.NewRef(policy.Group, "TimeoutPolicy", "infra", "class")
	c.objects[ref].Object["status"] = map[string]any{"ancestors": []any{foreign(0), ours[1], foreign(1), stale}}
	s := c.policyStatus(t, "class", noon)
	want := []any{foreign(0), ours[0], foreign(1), ours[1]}
	if diff := cmp.Diff(want, s["ancestors"]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheSeventeenthAncestorIsSummedUp(t *testing.T) {
	text := gateways
	for i := range 20 {
		text += fmt.Sprintf("\n---\n{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g%02d, namespace: infra}, spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}}", i)
	}
	s := clusterOf(t, text).policyStatus(t, "class", noon)
	lines := brief(s)
	if len(lines) != 16 || !strings.HasSuffix(lines[15], "Aggregated=True/TooManyAncestors") {
		t.Errorf("%d entries, the last is %s", len(lines), lines[len(lines)-1])
	}
	conditions := s["ancestors"].([]any)[15].(map[string]any)["conditions"].([]any)
	if message := conditions[2].(map[string]any)["message"]; !strings.HasPrefix(message.(string), "6 more ancestors") {
		t.Errorf("message: %v", message)
	}
}

func TestATargetThatLeadsNowhereHasItsOwnEntry(t *testing.T) {
	c := clusterOf(t, gateways+`
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: lost, namespace: infra}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: nowhere}, default: {request: 9s}}}`)
	want := []string{"attache.dev/policy-controller HTTPRoute/nowhere: Accepted=False/TargetNotFound"}
	if diff := cmp.Diff(want, brief(c.policyStatus(t, "lost", noon))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestATargetIsWrittenOnceAndTakenBackWhenNothingReachesIt(t *testing.T) {
	c := clusterOf(t, gateways)
	ref := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "infra", "r")
	e := effective.Resolve(c.s, ref).Get(ref)
	writes := at(noon).Target(ref, e, c)
	var verbs []status.Verb
	for _, w := range writes {
		verbs = append(verbs, w.Verb)
	}
	if diff := cmp.Diff([]status.Verb{status.Apply, status.Apply, status.ApplyStatus}, verbs); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	published := writes[1].Object
	if owner := published.GetOwnerReferences(); len(owner) != 1 || owner[0].UID != "ur" || owner[0].APIVersion != "gateway.networking.k8s.io/v1" {
		t.Errorf("owner: %v", owner)
	}
	published.Object["status"] = writes[2].Object.Object["status"]
	c.objects[ref].SetAnnotations(writes[0].Object.GetAnnotations())
	c.objects[hierarchy.RefOf(published)] = published
	if again := at(noon).Target(ref, e, c); len(again) > 0 {
		t.Errorf("written again: %v", again)
	}
	right := c.objects[ref].GetAnnotations()
	c.objects[ref].SetAnnotations(map[string]string{publish.Annotation: right[publish.Annotation], "Attache.dev/effective-policies": "{}", "attache.dev/Effective-Policies": ""})
	writes = at(noon).Target(ref, e, c)
	if len(writes) != 1 || writes[0].Verb != status.RemoveAnnotations {
		t.Fatalf("want what looks like the annotation removed, got %v", writes)
	}
	if got := slices.Sorted(maps.Keys(writes[0].Object.GetAnnotations())); !slices.Equal(got, []string{"Attache.dev/effective-policies", "attache.dev/Effective-Policies"}) {
		t.Errorf("it removes %q", got)
	}
	c.objects[ref].SetAnnotations(right)
	bare := c.s.Without(hierarchy.NewRef(policy.Group, "TimeoutPolicy", "infra", "route"), hierarchy.NewRef(policy.Group, "TimeoutPolicy", "infra", "class"))
	writes = at(noon).Target(ref, effective.Resolve(bare, ref).Get(ref), c)
	if len(writes) != 2 || writes[0].Verb != status.RemoveAnnotations || writes[1].Verb != status.Delete {
		t.Errorf("want the annotation removed and the object deleted, got %v", writes)
	}
}

func TestAnAnnotationThatIsTooLargePointsToTheObject(t *testing.T) {
	var rules, policies []string
	for i := range 16 {
		name := strings.Repeat(string(rune('a'+i)), 200)
		rules = append(rules, fmt.Sprintf("{name: %s}", name))
		policies = append(policies, fmt.Sprintf(`
---
{apiVersion: attache.dev/v1alpha1, kind: RateLimitPolicy, metadata: {name: p%d, namespace: infra}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: big, sectionName: %s}, default: {key: "Header:%s", requestsPerSecond: %d}}}`,
			i, name, strings.Repeat("x", 1000), i+1))
	}
	c := clusterOf(t, gateways+`
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: big, namespace: infra}, spec: {parentRefs: [{name: a}], rules: [`+strings.Join(rules, ", ")+`]}}`+strings.Join(policies, ""))
	ref := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "infra", "big")
	e := effective.Resolve(c.s, ref).Get(ref)
	value, _ := publish.AnnotationValue(e)
	var document map[string]any
	if err := json.Unmarshal([]byte(value), &document); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"digest": publish.Digest(e), "see": "httproute.big", "version": float64(2)}
	if diff := cmp.Diff(want, document); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNamesStayWithinWhatTheAPIServerTakes(t *testing.T) {
	long := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "infra", strings.Repeat("a", 253))
	other := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "infra", strings.Repeat("a", 252)+"b")
	a, b := publish.ObjectName(long), publish.ObjectName(other)
	if len(a) > 253 || a == b {
		t.Errorf("%d characters: %s, %s", len(a), a, b)
	}
}

func TestStatusOfStrangersIsLeftAlone(t *testing.T) {
	crd := objects(t, `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: quotas.stranger.io, labels: {gateway.networking.k8s.io/policy: Inherited}}, spec: {group: stranger.io, scope: Namespaced, names: {kind: Quota, plural: quotas}, versions: [{name: v1, served: true, storage: true}]}}`)[0]
	quota := objects(t, `{apiVersion: stranger.io/v1, kind: Quota, metadata: {name: q, namespace: infra}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: a}, default: {n: 1}}}`)[0]
	for want, annotations := range map[int]map[string]string{0: nil, 1: {"attache.dev/manage-status": "true"}} {
		c := clusterOf(t, gateways)
		crd.SetAnnotations(annotations)
		c.s, _ = c.s.With(crd, quota)
		c.objects[hierarchy.RefOf(quota)] = quota
		p, _ := c.s.Policy(hierarchy.RefOf(quota))
		if writes := at(noon).Policy(c.s, p, &c.tally, c); len(writes) != want {
			t.Errorf("annotations %v: %d writes, want %d", annotations, len(writes), want)
		}
	}
}

var _ status.Live = (*cluster)(nil)
