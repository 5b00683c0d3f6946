package status

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
)

// Condition types and reasons of policies, in addition to those of policy.Acceptance (api.md
// section 1).
const (
	ConditionAccepted   = "Accepted"
	ConditionProgrammed = "Programmed"
	ConditionAggregated = "Aggregated"

	// ConditionReconciling is present while the results of a policy are being written.
	ConditionReconciling = "Reconciling"
	// ReasonPublishing is its reason.
	ReasonPublishing = "Publishing"

	ReasonProgrammed          = "Programmed"
	ReasonPartiallyProgrammed = "PartiallyProgrammed"
	ReasonOverridden          = "Overridden"
	ReasonNoScope             = "NoScope"
)

// MaxAncestors is the maximum number of entries in a policy's status (GEP-713).
const MaxAncestors = 16

// maxMessage is the maximum length of the message of a condition, in bytes.
const maxMessage = 32768

// condition is a desired condition, without a time.

// ancestor is a desired status entry.
type ancestor struct {
	ref        map[string]any
	conditions []metav1.Condition
}

// Policy returns the write that brings a policy's status up to date, if one is needed. The tally
// must have counted every route.
func (p Planner) Policy(s *policy.Snapshot, of *policy.Policy, tally *effective.Tally, live Live) []Write {
	object := live.Policy(of.Ref)
	if object == nil || !of.Kind.ManagesStatus() {
		return nil
	}
	status, _, _ := unstructured.NestedMap(object.Object, "status")
	if status == nil {
		status = map[string]any{}
	}
	want := map[string]any{}
	for key, value := range status {
		want[key] = value
	}
	have, _ := status["ancestors"].([]any)
	entries := byConcern(wanted(s, of, tally, p.holds(of), p.Enforced))
	want["ancestors"] = p.ancestors(have, entries, of.Generation)
	if of.Kind.Group() == policy.Group {
		p.overall(s, want, of, entries, tally)
	}
	if reflect.DeepEqual(status, want) {
		return nil
	}
	changed := object.DeepCopy()
	changed.Object["status"] = want
	return []Write{{UpdateStatus, changed}}
}

// wanted lists our entries: one for each Gateway that a target leads to, and one for each target
// that leads to none.
func wanted(s *policy.Snapshot, of *policy.Policy, tally *effective.Tally, holds []Hold, enforced func(policy, gateway hierarchy.Ref) *enforcement.Condition) []ancestor {
	reader := s.ReaderIn(of.Ref.Namespace)
	byRef := map[hierarchy.Ref][]policy.Acceptance{}
	var refused []policy.Acceptance // selectors, which have no target that could represent them
	for _, standing := range s.Acceptances(of) {
		if standing.Target.Selected && standing.Reason == policy.ReasonRefNotPermitted {
			refused = append(refused, standing)
			continue
		}
		refs := []hierarchy.Ref{standing.Target.Ref}
		if standing.Accepted() || slices.Contains([]string{policy.ReasonConflicted, policy.ReasonInvalid, policy.ReasonOverridden}, standing.Reason) {
			if gateways := Gateways(s, standing.Target.Ref); len(gateways) > 0 {
				refs = gateways
			}
		}
		for _, ref := range refs {
			byRef[ref] = append(byRef[ref], standing)
		}
	}
	switch {
	case len(byRef) == 0 && len(refused) > 0:
		byRef[refused[0].Target.Ref] = refused
	case len(byRef) == 0:
		return []ancestor{selectsNothing(of)}
	default:
		for ref := range byRef {
			byRef[ref] = append(byRef[ref], refused...)
		}
	}
	counts := map[hierarchy.Ref]*effective.Count{}
	for _, c := range tally.Of(of.Ref) {
		counts[c.Gateway] = c
	}
	var ancestors []ancestor
	for _, ref := range slices.SortedFunc(maps.Keys(byRef), hierarchy.Compare) {
		accepted, lacks := accepted(byRef[ref], reader)
		conditions := []metav1.Condition{accepted}
		if accepted.Status == "True" && of.Kind.Class == policy.Inherited {
			conditions = append(conditions, held(holds, ref, programmed(counts[ref], lacks, reader), reader))
			if conditions[1].Status == "True" && enforced != nil {
				if c := enforced(of.Ref, ref); c != nil {
					conditions = append(conditions, condition.New(ConditionEnforced, metav1.ConditionStatus(c.Status), c.Reason, c.Message))
				}
			}
		}
		ancestors = append(ancestors, ancestor{ancestorRef(ref), conditions})
	}
	return ancestors
}

// Gateways lists the Gateways that an object or section leads to, sorted.
func Gateways(s *policy.Snapshot, target hierarchy.Ref) []hierarchy.Ref {
	g := s.Graph()
	gateway := hierarchy.GatewayKind
	var refs []hierarchy.Ref
	switch {
	case target.GroupKind == gateway:
		refs = append(refs, target.Object())
	case s.IsRoute(target.GroupKind):
		for _, l := range g.BoundTo(target.Object()) {
			refs = append(refs, l.Gateway)
		}
	case target.GroupKind == hierarchy.NamespaceKind:
		for _, ref := range g.Touched(target) {
			for _, l := range g.BoundTo(ref) {
				if ref.Namespace == target.Name {
					refs = append(refs, l.Gateway)
				}
			}
		}
	case target.Section != "":
		if l, ok := g.Listener(target); ok {
			refs = append(refs, l.Gateway)
		}
	default:
		for _, ref := range g.Touched(target) {
			if ref.GroupKind == gateway && joined(g, target, ref) {
				refs = append(refs, ref)
			}
		}
	}
	slices.SortFunc(refs, hierarchy.Compare)
	return slices.Compact(refs)
}

// joined reports whether an object above listeners is part of a Gateway that it touches: a
// ListenerSet that its Gateway does not admit is not.
func joined(g *hierarchy.Graph, object, gateway hierarchy.Ref) bool {
	return object.GroupKind != hierarchy.ListenerSetKind ||
		slices.ContainsFunc(g.Listeners(gateway), func(l *hierarchy.Listener) bool { return l.ListenerSet == object })
}

// selectsNothing is the one entry of a policy whose selectors match nothing, for the Namespace it
// is in. This is not an error: objects are created and deleted.
func selectsNothing(of *policy.Policy) ancestor {
	conditions := []metav1.Condition{condition.New(ConditionAccepted, "True", policy.ReasonAccepted, "The selectors of the policy match no object now.")}
	if of.Kind.Class == policy.Inherited {
		conditions = append(conditions, condition.New(ConditionProgrammed, "False", ReasonNoScope, "The selectors of the policy match no object now."))
	}
	return ancestor{ancestorRef(hierarchy.NamespaceRef(of.Ref.Namespace)), conditions}
}

// mostListed is the number of targets that a message lists one by one.
const mostListed = 3

// accepted summarizes the acceptance of the targets under one ancestor: accepted when one of them
// is. The number counts the targets that the policy does not hold.
func accepted(list []policy.Acceptance, reader policy.Reader) (metav1.Condition, int) {
	var holds, lacks []string
	reason := ""
	for _, a := range list {
		if a.Accepted() {
			holds = append(holds, a.Told(reader))
			continue
		}
		if reason == "" || reason == policy.ReasonOverridden {
			reason = a.Reason
		}
		lacks = append(lacks, a.Told(reader))
	}
	if len(holds) == 0 {
		if reason == policy.ReasonOverridden {
			reason = policy.ReasonConflicted // of a selector, by name, for everything that it selects here
		}
		return condition.New(ConditionAccepted, "False", reason, clauses(lacks)), len(lacks)
	}
	message := clauses(holds)
	if len(holds) > mostListed {
		message = fmt.Sprintf("The policy is attached to %s.", prose.Count(len(holds), "target"))
	}
	if len(lacks) > 0 {
		message += fmt.Sprintf(" It does not hold %d of %s: %s", len(lacks), prose.Count(len(list), "target"), clauses(lacks))
	}
	return condition.New(ConditionAccepted, "True", policy.ReasonAccepted, message), len(lacks)
}

// clauses joins sentences, and counts those that do not fit.
func clauses(sentences []string) string {
	shown := sentences[:min(len(sentences), mostListed)]
	more := len(sentences) - len(shown)
	whole := len(shown) > 0 && strings.HasSuffix(shown[0], ".")
	switch {
	case whole && more > 0:
		return fmt.Sprintf("%s And %d more.", strings.Join(shown, " "), more)
	case whole:
		return strings.Join(shown, " ")
	case more > 0:
		return fmt.Sprintf("%s; and %d more", strings.Join(shown, "; "), more)
	}
	return strings.Join(shown, "; ")
}

// movedText returns the values that were moved, in a form that the reader may see.
func movedText(moved []effective.Moved, reader policy.Reader) []string {
	texts := make([]string, len(moved))
	for i, m := range moved {
		texts[i] = m.Told(reader)
	}
	return texts
}

// programmed returns the condition Programmed of an accepted policy under one Gateway, if it does
// not hold some of its targets.
func programmed(c *effective.Count, lacks int, reader policy.Reader) metav1.Condition {
	if c == nil || c.Paths == 0 {
		return condition.New(ConditionProgrammed, "False", ReasonNoScope, "No route is on any path through here to which the policy applies.")
	}
	message := fmt.Sprintf("In effect on %d of %d paths", c.Whole+c.Part, c.Paths)
	if c.Part > 0 {
		message += fmt.Sprintf(", on %d of them in part", c.Part)
	}
	if beaten := c.BeatenBy(); len(beaten) > 0 {
		message += "; beaten by " + reader.Names(beaten, 5)
	}
	if moved := c.Moved(); len(moved) > 0 {
		message += "; " + prose.Clauses(movedText(moved, reader), 5)
	}
	if c.Incomplete > 0 {
		message += fmt.Sprintf("; on %s a part of it is left out, because it states a limit without the rate", prose.Count(c.Incomplete, "path"))
	}
	message += "."
	switch {
	case c.Whole == c.Paths && c.Incomplete == 0 && lacks == 0:
		return condition.New(ConditionProgrammed, "True", ReasonProgrammed, message)
	case c.Whole+c.Part+c.Incomplete > 0:
		return condition.New(ConditionProgrammed, "True", ReasonPartiallyProgrammed, message)
	}
	return condition.New(ConditionProgrammed, "False", ReasonOverridden, message)
}

func ancestorRef(ref hierarchy.Ref) map[string]any {
	r := map[string]any{"group": ref.GroupKind.Group, "kind": ref.Kind, "name": ref.Name}
	if ref.Namespace != "" {
		r["namespace"] = ref.Namespace
	}
	if ref.Section != "" {
		r["sectionName"] = ref.Section
	}
	return r
}

// ancestors merges our entries into the live ones: entries of others stay unchanged and in place,
// ours that are still wanted stay in place, new ones come last. Entries that do not fit are
// summarized in the last of ours.
func (p Planner) ancestors(live []any, want []ancestor, generation int64) []any {
	foreign := 0
	for _, entry := range live {
		if !ours(entry) {
			foreign++
		}
	}
	room := max(MaxAncestors-foreign, 0)
	if more := len(want) - room; more > 0 {
		hidden := want[room:]
		want = slices.Clone(want[:room])
		if room > 0 {
			last := &want[room-1]
			last.conditions = append(slices.Clone(last.conditions), condition.New(ConditionAggregated, "True", "TooManyAncestors",
				fmt.Sprintf("%d more ancestors are affected and not listed, because a status has room for %d: %s.", more, MaxAncestors, counted(hidden))))
		}
	}
	return p.inSlots(live, want, generation)
}

// inSlots puts our entries, in order, into the positions of our live entries; those of others stay
// unchanged and in place.
func (p Planner) inSlots(live []any, want []ancestor, generation int64) []any {
	was := func(ref map[string]any) map[string]any {
		for _, entry := range live {
			if e, _ := entry.(map[string]any); ours(entry) && reflect.DeepEqual(any(ref), e["ancestorRef"]) {
				return e
			}
		}
		return nil
	}
	entries := make([]any, 0, len(live)+len(want))
	for _, entry := range live {
		switch {
		case !ours(entry):
			entries = append(entries, entry)
		case len(want) > 0:
			entries = append(entries, p.entry(want[0], was(want[0].ref), generation))
			want = want[1:]
		}
	}
	for _, a := range want {
		entries = append(entries, p.entry(a, was(a.ref), generation))
	}
	return entries
}

func ours(entry any) bool {
	e, _ := entry.(map[string]any)
	return e["controllerName"] == ControllerName
}

func (p Planner) entry(a ancestor, live map[string]any, generation int64) map[string]any {
	conditions, liveConditions := make([]metav1.Condition, len(a.conditions)), condition.Read(live["conditions"])
	for i, c := range a.conditions {
		conditions[i] = p.condition(c, liveConditions, generation)
	}
	return map[string]any{"ancestorRef": a.ref, "controllerName": ControllerName, "conditions": condition.Objects(conditions)}
}

// condition returns a condition as it is written for a generation.
func (p Planner) condition(c metav1.Condition, live []metav1.Condition, generation int64) metav1.Condition {
	c.Message = prose.Clip(prose.Visible(c.Message), maxMessage)
	return condition.At(c, generation, live, p.Now())
}
