package status

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/condition"
)

// Condition of a PolicyGuardrail and its reasons, as package v1alpha1 describes
// them.
const (
	ConditionReady       = "Ready"
	ReasonCompiled       = "Compiled"
	ReasonDoesNotCompile = "DoesNotCompile"
	ReasonExampleFails   = "ExampleFails"
)

// MaxViolations is the maximum number of violations that the status of a guardrail lists.
const MaxViolations = 20

// GuardrailReport is the content of the status of a guardrail.
type GuardrailReport struct {
	// Language is CEL or Rego, empty when it is neither.
	Language string
	// Broken says why it does not compile, Examples says which examples fail and how.
	Broken   string
	Examples []string
	// Violations counts all current violations; First are the first MaxViolations of them, sorted.
	Violations int64
	First      []GuardrailViolation
	// Exceptions are those in use and those that end soon, sorted by name.
	Exceptions []ExceptionUse
}

// ExceptionUse says what an exception that is in force covers.
type ExceptionUse struct {
	Name     string
	Until    time.Time
	Covers   int64
	EndsSoon bool
}

// entry returns the use as written in the status.
func (e ExceptionUse) entry() map[string]any {
	entry := map[string]any{"name": e.Name, "until": e.Until.UTC().Format(time.RFC3339), "covers": e.Covers}
	if e.EndsSoon {
		entry["endsSoon"] = true
	}
	return entry
}

// GuardrailViolation is one current violation.
type GuardrailViolation struct{ Path, Message, Field string }

// Guardrail returns the write that brings a guardrail's status up to date, if one is needed. live
// is the object with its status and resourceVersion.
func (p Planner) Guardrail(live *unstructured.Unstructured, r GuardrailReport) []Write {
	status, _, _ := unstructured.NestedMap(live.Object, "status")
	want := map[string]any{"observedGeneration": live.GetGeneration(), "violations": r.Violations}
	if r.Language != "" {
		want["language"] = r.Language
	}
	have, _ := status["firstViolations"].([]any)
	var first []any
	for _, v := range r.First {
		first = append(first, p.violation(v, have))
	}
	if len(first) > 0 {
		want["firstViolations"] = first
	}
	var exceptions []any
	for _, e := range r.Exceptions {
		exceptions = append(exceptions, e.entry())
	}
	if len(exceptions) > 0 {
		want["exceptions"] = exceptions
	}
	conditions, _ := status["conditions"].([]any)
	written := p.condition(r.ready(), condition.Read(conditions), live.GetGeneration())
	ready := condition.Object(&written)
	conditions = slices.Clone(conditions)
	at := slices.IndexFunc(conditions, func(c any) bool { m, _ := c.(map[string]any); return m["type"] == ConditionReady })
	if at < 0 {
		conditions = append(conditions, ready)
	} else {
		conditions[at] = ready
	}
	want["conditions"] = conditions
	if reflect.DeepEqual(status, want) {
		return nil
	}
	changed := live.DeepCopy()
	changed.Object["status"] = want
	return []Write{{UpdateStatus, changed}}
}

func (r GuardrailReport) ready() metav1.Condition {
	switch {
	case r.Broken != "":
		return condition.New(ConditionReady, "False", ReasonDoesNotCompile, "It checks nothing: "+r.Broken)
	case len(r.Examples) > 0:
		return condition.New(ConditionReady, "False", ReasonExampleFails, strings.Join(r.Examples, "; "))
	}
	return condition.New(ConditionReady, "True", ReasonCompiled, "The guardrail compiles, and its examples come out as they say.")
}

// violation keeps the time at which a violation was first seen.
func (p Planner) violation(v GuardrailViolation, live []any) map[string]any {
	entry := map[string]any{"path": v.Path}
	if v.Message != "" {
		entry["message"] = v.Message
	}
	if v.Field != "" {
		entry["field"] = v.Field
	}
	since := p.Now().UTC().Format(time.RFC3339)
	for _, old := range live {
		old, _ := old.(map[string]any)
		if old["path"] == entry["path"] && old["message"] == entry["message"] && old["field"] == entry["field"] && old["since"] != nil {
			since = fmt.Sprint(old["since"])
		}
	}
	entry["since"] = since
	return entry
}
