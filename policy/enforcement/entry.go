package enforcement

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/export"
)

// State is how the data plane treats an entry's objects (E10.1).
type State string

// The states, from the worst. Planned and NoExporter are for entries for which nothing is written.
const (
	Rejected   State = "Rejected"
	Conflicted State = "Conflicted"
	NotWritten State = "NotWritten"
	Drifted    State = "Drifted"
	Pending    State = "Pending"
	Accepted   State = "Accepted"
	Planned    State = "Planned"
	NoExporter State = "NoExporter"
)

// states are ordered from the worst.
var states = []State{Rejected, Conflicted, NotWritten, Drifted, Pending, Accepted, Planned, NoExporter}

// Worse returns the worse of two states.
func Worse(a, b State) State {
	if a == "" || slices.Index(states, b) < slices.Index(states, a) {
		return b
	}
	return a
}

// Entry is the result for a set of paths of one route (E3.1): one exporter, one state, the same
// outcomes.
type Entry struct {
	// Exporter is empty when there is none.
	Exporter, Controller string
	Parents              []*hierarchy.Listener
	Rules                hierarchy.RuleSet
	State                State
	Message              string
	// Refused is the hash of the content that the data plane refused, so that it is not written
	// again (12.E5a).
	Refused string
	Objects []hierarchy.Ref
	// Outcomes are sorted by field. Projected counts fields in force as stated that are left out, in
	// an entry read from an object that had no room for them.
	Outcomes  []export.Outcome
	Projected int64
	// silent means that the data plane has not answered although it had enough time.
	silent bool
	// from is the projection that the outcomes are from; nil if they were read from an object.
	from *export.Projection
}

// Holding returns the object in which a value stands; false if it is in none, or if it is not known in
// which of several.
func (e *Entry) Holding(o export.Outcome) (hierarchy.Ref, bool) {
	switch {
	case o.Object == "":
		return hierarchy.Ref{}, false
	case e.from == nil:
		return e.Objects[0], true
	}
	object := e.from.Object(o.Object)
	if object == nil {
		return hierarchy.Ref{}, false
	}
	return hierarchy.RefOf(object), true
}

// Reading is what the data plane says about one of our objects.
type Reading struct {
	State   State
	Message string
	// Refused is the hash of the content that the data plane refused.
	Refused string
	// Silent means that the data plane has not answered although it had enough time.
	Silent bool
	// heard is what was said for single ancestors; aggregated means that it applies to all ancestors
	// that were not named. Without both, the reading is the same on all paths.
	heard      []heard
	aggregated bool
}

// Result is a Part with the result of its exporter.
type Result struct {
	*Part
	Projection export.Projection
	// Readings are keyed by the name of the object; Route is the reading of the values in the route.
	// Both are nil when nothing is read.
	Readings map[string]Reading
	Route    *Reading
	// shape is what the result was made from; nil if it was made for the route alone.
	shape *shape
}

// Outcomes lists, for a listener and the index of a rule, the outcome of each field as guardrails
// see it: as in status, with its exporter. It is empty if no exporter serves the path.
func (w World) Outcomes(t *effective.Target) func(l *hierarchy.Listener, rule int) []any {
	var results []Result
	for _, part := range w.Parts(t) {
		results = append(results, Result{Part: &part, Projection: part.Project()})
	}
	type pathKey struct {
		listener, gateway hierarchy.Ref
		rule              int
	}
	on := map[pathKey][]any{}
	for i := range results {
		r := &results[i]
		for j, outcomes := range r.Projection.Outcomes {
			p := &r.Input.Paths[j]
			list := make([]any, len(outcomes))
			for k, o := range outcomes {
				outcome := objectOf(o)
				outcome["exporter"], outcome["reason"] = r.Registration.Name(), string(o.Reason)
				list[k] = outcome
			}
			on[pathKey{p.Listener.Ref, p.Listener.Gateway, p.Rule}] = list
		}
	}
	return func(l *hierarchy.Listener, rule int) []any {
		if list := on[pathKey{l.Ref, l.Gateway, rule}]; list != nil {
			return list
		}
		return []any{}
	}
}

// objectOf returns an outcome as written in status.
func objectOf(o export.Outcome) map[string]any {
	m := map[string]any{"policy": o.Field.Policy, "field": o.Field.String(), "outcome": string(o.Verdict)}
	if o.Reason != "" {
		m["reason"], m["message"] = string(o.Reason), o.Message
	}
	if o.As != "" {
		m["as"] = o.As
	}
	if o.Value != nil {
		m["value"] = o.Value
	}
	if len(o.Notes) > 0 {
		m["notes"] = listed(o.Notes)
	}
	return m
}

// longestMessage is the maximum length of a data plane's message that is kept.
const longestMessage = 1024

// Object returns the entry as written in status.enforcement.
func (e *Entry) Object() map[string]any {
	parents := make([]any, len(e.Parents))
	for i, l := range e.Parents {
		parent := map[string]any{"gateway": named(l.Gateway), "listener": l.Ref.Section}
		if !l.ListenerSet.IsZero() {
			parent["listenerSet"] = named(l.ListenerSet)
		}
		parents[i] = parent
	}
	fields := make([]any, len(e.Outcomes))
	for i, o := range e.Outcomes {
		fields[i] = objectOf(o)
	}
	m := map[string]any{"parents": parents, "state": string(e.State), "fields": fields}
	if e.Exporter != "" {
		m["exporter"] = e.Exporter
	}
	if e.Controller != "" {
		m["controller"] = e.Controller
	}
	if !e.Rules.All {
		rules := make([]any, len(e.Rules.Rules))
		for i, r := range e.Rules.Rules {
			rule := map[string]any{"index": int64(r.Index)}
			if r.Name != "" {
				rule["name"] = r.Name
			}
			rules[i] = rule
		}
		m["rules"] = rules
	}
	if e.Projected > 0 {
		m["projected"] = e.Projected
	}
	if e.Message != "" {
		m["message"] = clip(e.Message, longestMessage)
	}
	if e.Refused != "" {
		m["refused"] = e.Refused
	}
	if len(e.Objects) > 0 {
		objects := make([]any, len(e.Objects))
		for i, o := range e.Objects {
			objects[i] = map[string]any{"group": o.GroupKind.Group, "kind": o.Kind, "namespace": o.Namespace, "name": o.Name}
		}
		m["objects"] = objects
	}
	return m
}

func named(r hierarchy.Ref) map[string]any {
	return map[string]any{"namespace": r.Namespace, "name": r.Name}
}

// clip shortens a text at the end of a character.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

// Word summarizes an entry (E3.1): yes, with loss, pending, partly, no, unknown. For a planned
// entry it says what the state would be.
func (e *Entry) Word() string {
	inForce, lost, degraded := e.Projected > 0, false, false
	for _, o := range e.Outcomes {
		switch o.Verdict {
		case export.Unsupported:
			lost = true
		case export.Degraded:
			degraded, inForce = true, true
		case export.Projected:
			inForce = true
		}
	}
	failed := slices.Contains([]State{Rejected, Conflicted, NotWritten, Drifted}, e.State)
	switch {
	case e.State == NoExporter:
		return wordUnknown
	case len(e.Outcomes) > 0 && (!inForce || failed):
		if failed && e.someInForce() {
			return wordPartly
		}
		return wordNo
	case lost:
		return wordPartly
	case e.State == Pending:
		return wordPending
	case degraded:
		return wordWithLoss
	}
	return wordYes
}

// someInForce reports whether a value is in force although an object is not: it is in the route, or
// an absent field has this meaning.
func (e *Entry) someInForce() bool {
	return slices.ContainsFunc(e.Outcomes, func(o export.Outcome) bool {
		return o.Verdict != export.Unsupported && (o.InRoute() || o.As == export.Absent)
	})
}

// The words of a summary, from the worst.
const (
	wordNo       = "no"
	wordPartly   = "partly"
	wordPending  = "pending"
	wordWithLoss = "with loss"
	wordYes      = "yes"
	wordUnknown  = "unknown"
)

var summaryWords = []string{wordNo, wordPartly, wordPending, wordWithLoss, wordYes}

// Summary returns a route's word: the word of the worst entry; unknown when no path has an
// exporter.
func Summary(entries []Entry) string {
	worst := wordUnknown
	for i := range entries {
		word := entries[i].Word()
		if at := slices.Index(summaryWords, word); at >= 0 && (worst == wordUnknown || at < slices.Index(summaryWords, worst)) {
			worst = word
		}
	}
	return worst
}

// listed returns a list of texts in the form of decoded JSON.
func listed(texts []string) []any {
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list
}
