package status_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/status"
)

func conditionTypes(list any) []string {
	var types []string
	conditions, _ := list.([]any)
	for _, c := range conditions {
		types = append(types, c.(map[string]any)["type"].(string))
	}
	return types
}

func TestWhatPoliciesAffectSaysSoAndStopsSayingSo(t *testing.T) {
	c := clusterOf(t, gateways+`
---
{apiVersion: attache.dev/v1alpha1, kind: RetryPolicy, metadata: {name: http, namespace: infra}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: a, sectionName: http}, default: {maxRetries: 1}}}`)
	gateway := hierarchy.GatewayRef("infra", "a")
	live := status.Conditions{
		Object:    []metav1.Condition{condition.New("Accepted", metav1.ConditionTrue, "", "")},
		Listeners: map[string][]metav1.Condition{"http": {condition.New("Programmed", metav1.ConditionTrue, "", "")}},
	}
	writes := at(noon).Affected(c.s, gateway, 4, live)
	if len(writes) != 1 || writes[0].Verb != status.ApplyStatus {
		t.Fatalf("want one ApplyStatus, got %v", writes)
	}
	written := writes[0].Object.Object["status"].(map[string]any)
	if diff := cmp.Diff([]string{"attache.dev/TimeoutPolicyAffected"}, conditionTypes(written["conditions"])); diff != "" {
		t.Errorf("on the Gateway: -want +got:\n%s", diff)
	}
	listener := written["listeners"].([]any)[0].(map[string]any)
	if diff := cmp.Diff([]string{"attache.dev/RetryPolicyAffected", "attache.dev/TimeoutPolicyAffected"}, conditionTypes(listener["conditions"])); diff != "" {
		t.Errorf("on the listener: -want +got:\n%s", diff)
	}

	live.Object = append(live.Object, condition.Read(written["conditions"])...)
	live.Listeners["http"] = append(live.Listeners["http"], condition.Read(listener["conditions"])...)
	if again := at(noon).Affected(c.s, gateway, 4, live); len(again) > 0 {
		t.Errorf("written again: %v", again)
	}
	bare := c.s.Without(hierarchy.NewRef(policy.Group, "TimeoutPolicy", "infra", "class"), hierarchy.NewRef(policy.Group, "RetryPolicy", "infra", "http"))
	writes = at(noon).Affected(bare, gateway, 4, live)
	if len(writes) != 1 {
		t.Fatalf("want our conditions taken away, got %v", writes)
	}
	if diff := cmp.Diff(map[string]any{}, writes[0].Object.Object["status"]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestOurConditionsNeverPushAnotherOut(t *testing.T) {
	c := clusterOf(t, gateways)
	var full []metav1.Condition
	for i := range status.MaxConditions {
		full = append(full, condition.New(fmt.Sprintf("example.com/C%d", i), metav1.ConditionTrue, "", ""))
	}
	if writes := at(noon).Affected(c.s, hierarchy.GatewayClassRef("edge"), 1, status.Conditions{Object: full}); len(writes) > 0 {
		t.Errorf("the list is full, got %v", writes)
	}
	if writes := at(noon).Affected(c.s, hierarchy.GatewayClassRef("edge"), 1, status.Conditions{Object: full[1:]}); len(writes) != 1 {
		t.Errorf("there is room for one, got %v", writes)
	}
}

func TestAListenerThatTheStatusDoesNotListIsLeftToItsController(t *testing.T) {
	c := clusterOf(t, gateways)
	writes := at(noon).Affected(c.s, hierarchy.GatewayRef("infra", "a"), 1, status.Conditions{})
	if len(writes) != 1 || writes[0].Object.Object["status"].(map[string]any)["listeners"] != nil {
		t.Errorf("want the Gateway's own condition alone, got %v", writes)
	}
}

// Two kinds of one name are two conditions.
func TestAKindOfAnotherGroupIsNamedWithIt(t *testing.T) {
	c := clusterOf(t, gateways)
	crd := objects(t, `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: timeoutpolicies.stranger.io, labels: {gateway.networking.k8s.io/policy: Inherited}}, spec: {group: stranger.io, scope: Namespaced, names: {kind: TimeoutPolicy, plural: timeoutpolicies}, versions: [{name: v1, served: true, storage: true}]}}`)[0]
	other := objects(t, `{apiVersion: stranger.io/v1, kind: TimeoutPolicy, metadata: {name: t, namespace: infra}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: a}, default: {n: 1}}}`)[0]
	c.s, _ = c.s.With(crd, other)
	writes := at(noon).Affected(c.s, hierarchy.GatewayRef("infra", "a"), 1, status.Conditions{})
	if len(writes) != 1 {
		t.Fatalf("got %v", writes)
	}
	want := []string{"attache.dev/TimeoutPolicy.stranger.ioAffected", "attache.dev/TimeoutPolicyAffected"}
	if diff := cmp.Diff(want, conditionTypes(writes[0].Object.Object["status"].(map[string]any)["conditions"])); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
