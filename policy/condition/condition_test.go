package condition_test

import (
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/policy/condition"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := condition.New(rapid.String().Draw(t, "type"), metav1.ConditionStatus(rapid.String().Draw(t, "status")),
			rapid.String().Draw(t, "reason"), rapid.String().Draw(t, "message"))
		c = condition.At(c, rapid.Int64Range(0, 9).Draw(t, "generation"), nil, noon)
		want := condition.Objects([]metav1.Condition{c})
		if got := condition.Objects(condition.Read(want)); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestWhatIsNoConditionIsPassedOver(t *testing.T) {
	object := map[string]any{"status": map[string]any{"conditions": []any{
		"Ready", nil, map[string]any{"type": "Ready", "status": true, "observedGeneration": "1", "lastTransitionTime": "noon"},
		map[string]any{"type": "Accepted", "status": "True", "observedGeneration": 3.0},
	}}}
	got := condition.In(object, "status", "conditions")
	if len(got) != 2 || got[0] != condition.New("Ready", "", "", "") || got[1].ObservedGeneration != 3 || got[1].Status != metav1.ConditionTrue {
		t.Errorf("conditions are %+v", got)
	}
	if got := condition.In(object, "status", "other"); len(got) != 0 {
		t.Errorf("there are none, got %+v", got)
	}
}

func TestTheTimeIsThatOfTheLastTransition(t *testing.T) {
	then := condition.At(condition.New("Ready", "True", "Old", "old"), 1, nil, noon)
	live := []metav1.Condition{then}
	if same := condition.At(condition.New("Ready", "True", "New", "new"), 2, live, noon.Add(time.Hour)); !same.LastTransitionTime.Equal(&then.LastTransitionTime) || same.ObservedGeneration != 2 || same.Reason != "New" {
		t.Errorf("the status stays, and so does the time: %+v", same)
	}
	if turned := condition.At(condition.New("Ready", "False", "New", ""), 2, live, noon.Add(time.Hour)); !turned.LastTransitionTime.Time.Equal(noon.Add(time.Hour)) {
		t.Errorf("the status turned: %+v", turned)
	}
	if !condition.Observed(&then, 1) || condition.Observed(&then, 2) || !condition.Observed(&metav1.Condition{}, 2) {
		t.Error("a condition is about the generation that it observed")
	}
}
