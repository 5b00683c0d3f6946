package enforcement

import (
	"reflect"
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
	Part
	Projection export.Projection
	// Readings are keyed by the name of the object; Route is the reading of the values in the route.
	// Both are nil when nothing is read.
	Readings map[string]Reading
	Route    *Reading
}

// Entries lists the entries of one route, sorted as scopes are.
func Entries(t *effective.Target, parts []Result) []Entry {
	index := indexParts(parts)
	var distinct []*Entry
	shared := map[*Entry]*Entry{} // the shared entry, by the findings on a path
	var cells []*Entry
	for p := range t.Paths() {
		e := index.next(p)
		same := shared[e]
		if same == nil {
			if at := slices.IndexFunc(distinct, e.alike); at >= 0 {
				same = distinct[at]
				same.Objects = unionRefs(same.Objects, e.Objects)
			} else {
				same = e
				distinct = append(distinct, e)
			}
			shared[e] = same
		}
		cells = append(cells, same)
	}
	var entries []Entry
	for _, g := range effective.Group(t, cells) {
		e := *g.Result
		e.Parents, e.Rules = g.Parents, g.Rules
		entries = append(entries, e)
	}
	return entries
}

// place is a path in a part; the part is -1 for a path that no part has.
type place struct{ part, path int }

// partIndex finds the results for the paths of a target, one after the other.
type partIndex struct {
	parts  []Result
	places []place
	// asked counts the requested paths.
	asked int
	// known are the entries of paths with the same outcomes.
	known map[became]*Entry
	// varies are the parts for which data planes report different states for different listeners.
	varies []bool
}

// became is everything that an entry depends on: all paths with the same outcomes share one list of
// them.
type became struct {
	part       int
	controller string
	outcomes   *export.Outcome
	// listener is set where the data plane's status depends on it, nil elsewhere.
	listener *hierarchy.Listener
}

func indexParts(parts []Result) *partIndex {
	x := &partIndex{parts: parts, known: map[became]*Entry{}, varies: make([]bool, len(parts))}
	for i := range parts {
		x.varies[i] = parts[i].varies()
		for j, at := range parts[i].order {
			for len(x.places) <= at {
				x.places = append(x.places, place{-1, 0})
			}
			x.places[at] = place{i, j}
		}
	}
	return x
}

// next returns the result for the next path of the target.
func (x *partIndex) next(p effective.Path) *Entry {
	at := place{-1, 0}
	if x.asked < len(x.places) {
		at = x.places[x.asked]
	}
	x.asked++
	key := became{part: at.part}
	var outcomes []export.Outcome
	if at.part >= 0 {
		part := &x.parts[at.part]
		key.controller = part.Input.Paths[at.path].Controller
		if x.varies[at.part] {
			key.listener = p.Listener
		}
		if len(part.Projection.Outcomes) > at.path {
			outcomes = part.Projection.Outcomes[at.path]
		}
	}
	if len(outcomes) > 0 {
		key.outcomes = &outcomes[0]
	}
	e := x.known[key]
	if e == nil {
		e = x.entry(at, outcomes)
		x.known[key] = e
	}
	return e
}

// entry returns the result for one path.
func (x *partIndex) entry(at place, outcomes []export.Outcome) *Entry {
	if at.part < 0 {
		return &Entry{State: NoExporter}
	}
	part := &x.parts[at.part]
	e := &Entry{Controller: part.Input.Paths[at.path].Controller, State: NoExporter, Message: part.Choice.unserved()}
	if part.Registration.Exporter == nil {
		return e
	}
	e.Exporter, e.Outcomes = part.Registration.Name(), outcomes
	names := objectNames(outcomes)
	for _, o := range part.Projection.Objects {
		if slices.Contains(names, o.GetName()) {
			e.Objects = append(e.Objects, hierarchy.RefOf(o))
		}
	}
	worst := part.state(&part.Input.Paths[at.path], names, outcomes)
	e.State, e.Message, e.Refused, e.silent = worst.State, worst.Message, worst.Refused, worst.Silent
	return e
}

// objectNames returns the objects that are relevant for a path: those that its outcomes name.
func objectNames(outcomes []export.Outcome) []string {
	var names []string
	for _, o := range outcomes {
		if o.Object != "" && !slices.Contains(names, o.Object) {
			names = append(names, o.Object)
		}
	}
	return names
}

// state returns the worst state of the objects that are relevant for a path, and of the route if
// values were written into it.
func (p *Result) state(on *export.Path, names []string, outcomes []export.Outcome) Reading {
	if p.Readings == nil && p.Route == nil {
		return Reading{State: Planned}
	}
	worst := Reading{}
	add := func(r Reading) {
		switch {
		case Worse(worst.State, r.State) != worst.State:
			worst = r
		case r.State == worst.State:
			worst.Silent = worst.Silent || r.Silent
		}
	}
	for _, name := range names {
		if r, ok := p.Readings[name]; ok {
			add(r.on(on))
		} else {
			add(Reading{State: Pending})
		}
	}
	inRoute := slices.ContainsFunc(outcomes, export.Outcome.InRoute)
	if p.Route != nil && (inRoute || len(names) == 0) {
		add(p.Route.on(on))
	}
	if worst.State == "" {
		worst.State = Accepted
	}
	return worst
}

// varies reports whether the data planes' status depends on the path.
func (p *Result) varies() bool {
	differs := func(r Reading) bool {
		return slices.ContainsFunc(p.Input.Paths, func(path export.Path) bool {
			word := r.on(&path)
			return word.State != r.State || word.Message != r.Message
		})
	}
	for _, r := range p.Readings {
		if len(r.heard) > 0 && differs(r) {
			return true
		}
	}
	return p.Route != nil && len(p.Route.heard) > 0 && differs(*p.Route)
}

// alike reports whether two entries are shown as one (E3.1): they are equal except for the names of
// objects.
func (e *Entry) alike(other *Entry) bool {
	return e.Exporter == other.Exporter && e.Controller == other.Controller && e.State == other.State &&
		e.Message == other.Message && e.Refused == other.Refused && slices.EqualFunc(e.Outcomes, other.Outcomes, sameOutcome)
}

func sameOutcome(a, b export.Outcome) bool {
	return a.Field == b.Field && a.Verdict == b.Verdict && a.Reason == b.Reason && a.Message == b.Message && a.As == b.As &&
		slices.Equal(a.Notes, b.Notes) && sameValue(a.Value, b.Value)
}

func sameValue(a, b any) bool {
	if x, isText := a.(string); isText {
		y, also := b.(string)
		return also && x == y
	}
	return reflect.DeepEqual(a, b)
}

func unionRefs(a, b []hierarchy.Ref) []hierarchy.Ref {
	all := slices.Concat(a, b)
	slices.SortFunc(all, hierarchy.Compare)
	return slices.Compact(all)
}

// Outcomes lists, for a listener and the index of a rule, the outcome of each field as guardrails
// see it: as in status, with its exporter. It is empty if no exporter serves the path.
func (w World) Outcomes(t *effective.Target) func(l *hierarchy.Listener, rule int) []any {
	var results []Result
	for _, part := range w.Parts(t) {
		results = append(results, Result{Part: part, Projection: part.Project()})
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
			on[pathKey{p.Listener, p.Gateway, p.Rule}] = list
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
