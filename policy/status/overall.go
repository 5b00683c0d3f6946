package status

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/effective"
)

// overall is the part of the status of a policy outside its entries: whether it is ready, on how
// many paths it is in effect, and a summary of both.
func (p Planner) overall(s *policy.Snapshot, status map[string]any, of *policy.Policy, entries []ancestor, tally *effective.Tally) {
	// Its first version had these two fields, as strings.
	delete(status, "target")
	delete(status, "scopes")
	var inEffect, paths int64
	for _, c := range tally.Of(of.Ref) {
		inEffect += int64(c.Whole + c.Part)
		paths += int64(c.Paths)
	}
	status["observedGeneration"] = of.Generation
	status["paths"], status["pathsInEffect"] = paths, inEffect
	status["summary"] = map[string]any{"target": targetText(s, of), "inEffect": fmt.Sprintf("%d/%d", inEffect, paths)}
	live, _, _ := unstructured.NestedSlice(map[string]any{"status": status}, "status", "conditions")
	was := condition.Read(live)
	written := []metav1.Condition{p.condition(ready(of, entries), was, of.Generation)}
	if p.Reconciling != "" {
		reconciling := condition.New(ConditionReconciling, metav1.ConditionTrue, ReasonPublishing, p.Reconciling)
		written = append(written, p.condition(reconciling, was, of.Generation))
	}
	conditions := condition.Objects(written)
	for _, c := range live {
		if c, isObject := c.(map[string]any); isObject && c["type"] != ConditionReady && c["type"] != ConditionReconciling {
			conditions = append(conditions, c)
		}
	}
	status["conditions"] = conditions
}

// ready returns True when the policy is accepted in every entry, else False with the first reason.
func ready(of *policy.Policy, entries []ancestor) metav1.Condition {
	for _, a := range entries {
		if c := a.accepted(); c.Status != "True" {
			return condition.New(ConditionReady, "False", c.Reason, c.Message)
		}
	}
	if len(entries) == 0 && len(of.Problems) > 0 {
		return condition.New(ConditionReady, "False", policy.ReasonInvalid, strings.Join(of.Problems, "; "))
	}
	return condition.New(ConditionReady, "True", policy.ReasonAccepted, "The policy is accepted everywhere.")
}

// accepted returns the condition Accepted of an entry.
func (a ancestor) accepted() metav1.Condition {
	for _, c := range a.conditions {
		if c.Type == ConditionAccepted {
			return c
		}
	}
	return metav1.Condition{}
}

// concern orders entries: those that are not accepted come first, then those that are overridden,
// those that are partly in force, and those that have no route yet, so that the entries that do not
// fit are the least important ones.
func (a ancestor) concern() int {
	if a.accepted().Status != "True" {
		return 0
	}
	for _, c := range a.conditions {
		switch {
		case c.Type != ConditionProgrammed:
		case c.Reason == ReasonNoScope:
			return 3
		case c.Status != "True":
			return 1
		case c.Reason != ReasonProgrammed:
			return 2
		}
	}
	return 4
}

// byConcern orders entries that are already sorted by their objects.
func byConcern(entries []ancestor) []ancestor {
	slices.SortStableFunc(entries, func(a, b ancestor) int { return a.concern() - b.concern() })
	return entries
}

// counted returns how many entries have which condition and reason.
func counted(entries []ancestor) string {
	var kinds []string
	count := map[string]int{}
	for _, a := range entries {
		for _, c := range a.conditions {
			kind := c.Type + "=" + string(c.Status) + " " + c.Reason
			if count[kind] == 0 {
				kinds = append(kinds, kind)
			}
			count[kind]++
		}
	}
	slices.Sort(kinds)
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%d %s", count[kind], kind)
	}
	return prose.List(kinds, len(kinds))
}

// targetText returns the first target in short form, with the number of further ones.
func targetText(s *policy.Snapshot, p *policy.Policy) string {
	if len(p.Targets) == 0 && len(p.Selectors) > 0 {
		text := prose.Count(len(s.Selected(p).Targets), p.Selectors[0].Kind.Kind)
		if words := p.Selectors[0].Labels.String(); words != "" {
			text += " (" + words + ")"
		}
		return text
	}
	if len(p.Targets) == 0 {
		return ""
	}
	ref := p.Targets[0].Ref
	text := ref.Kind + "/" + ref.Name
	if ref.Section != "" {
		text += "#" + ref.Section
	}
	if more := len(p.Targets) - 1; more > 0 {
		text += fmt.Sprintf(" (+%d)", more)
	}
	return text
}
