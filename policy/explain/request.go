package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/request"
)

// Served says who serves a request, and which policies apply (Q7).
type Served struct {
	Question request.Question
	Answers  []ServedBy
}

// ServedBy is one answer with the policies of the path that serves the request.
type ServedBy struct {
	request.Answer
	// Scope is that one path; nil when no route serves the request.
	Scope *Scope
	// Direct are policies of kind Direct on the backends.
	Direct []Attached

	results []*effective.Policy
}

// Request returns who serves a request, and what applies to it. index belongs to the graph of s.
func Request(s *policy.Snapshot, index *request.Index, q *request.Question) *Served {
	served := &Served{Question: *q}
	for _, a := range index.Ask(q) {
		by := ServedBy{Answer: a}
		if a.Hit.Route != nil {
			by.explain(s)
		}
		served.Answers = append(served.Answers, by)
	}
	return served
}

// Found reports whether any Gateway has a route for the request.
func (s *Served) Found() bool {
	return slices.ContainsFunc(s.Answers, func(a ServedBy) bool {
		return a.Result == request.Matched || a.Result == request.Redirected
	})
}

// explain finds what applies on the path that serves the request.
func (a *ServedBy) explain(s *policy.Snapshot) {
	route := a.Hit.Route.Meta().Ref
	rules := a.Hit.Route.RuleRefs()
	for _, scope := range effective.Resolve(s, route).Get(route).Scopes {
		if !slices.Contains(scope.Parents, a.Hit.Listener) {
			continue
		}
		if a.Hit.Rule < len(rules) {
			if !scope.Rules.Has(a.Hit.Rule) {
				continue
			}
			scope.Rules = hierarchy.RuleSet{Rules: rules[a.Hit.Rule : a.Hit.Rule+1]}
		}
		scope.Parents = []*hierarchy.Listener{a.Hit.Listener}
		one := explainScope(scope, &paths{target: route, parents: scope.Parents, rules: scope.Rules.Names(), in: s})
		a.Scope, a.results = &one, scope.Result.Kinds
		break
	}
	for _, b := range a.Backends {
		for _, p := range s.Named(b.To) {
			if p.Kind.Class == policy.Direct {
				a.Direct = append(a.Direct, Attached{Policy: p.Ref.String(), Target: b.To.String(), States: States(p)})
			}
		}
	}
}

// Report returns the answer for programs (Q9).
func (s *Served) Report() request.Report {
	answers := make([]request.Answer, len(s.Answers))
	for i := range s.Answers {
		answers[i] = s.Answers[i].Answer
	}
	report := request.NewReport(&s.Question, answers)
	for i := range s.Answers {
		a := &s.Answers[i]
		if a.Hit.Route == nil {
			continue
		}
		values, origins := map[string]any{}, []TypedOrigin{}
		for _, m := range a.results {
			values[m.Kind.Name()] = m.Value
			for _, o := range m.Origins {
				origins = append(origins, typedOrigin(m.Kind.Name(), &o))
			}
		}
		report.Answers[i].Effective, report.Answers[i].Origins = values, origins
		if len(a.Direct) > 0 {
			report.Answers[i].Direct = a.Direct
		}
	}
	return report
}

// TypedOrigin is an origin with references instead of words (api.md section 3).
type TypedOrigin struct {
	Policy    string        `json:"policy"`
	Field     string        `json:"field"`
	Level     string        `json:"level"`
	Block     string        `json:"block"`
	From      Object        `json:"from"`
	Target    Object        `json:"target"`
	Beat      []TypedBeaten `json:"beat"`
	ClampedBy *Object       `json:"clampedBy,omitempty"`
	Stated    any           `json:"stated,omitempty"`
}

// TypedBeaten is a value that lost.
type TypedBeaten struct {
	Level string `json:"level"`
	Block string `json:"block"`
	Value any    `json:"value"`
	From  Object `json:"from"`
}

func typedOrigin(kind string, o *effective.Origin) TypedOrigin {
	typed := TypedOrigin{
		Policy: kind, Field: o.Path.String(), Level: o.Level.String(), Block: o.Block.String(),
		From: objectOf(o.From), Target: objectOf(o.Target), Beat: []TypedBeaten{}, Stated: o.StatedText(),
	}
	for _, b := range o.Beat {
		typed.Beat = append(typed.Beat, TypedBeaten{b.Level.String(), b.Block.String(), b.Value, objectOf(b.From)})
	}
	if !o.ClampedBy.IsZero() {
		by := objectOf(o.ClampedBy)
		typed.ClampedBy = &by
	}
	return typed
}

// Lines returns who serves the request, for people: each line is a word and a sentence.
func (a *ServedBy) Lines() []Fact {
	var lines []Fact
	add := func(name, format string, args ...any) {
		lines = append(lines, Fact{name, fmt.Sprintf(format, args...)})
	}
	switch a.Result {
	case request.NoListener:
		add("no listener", "%s", a.Notes[0].Message)
	case request.NoRoute:
		add("no route", "no rule on this listener matches: the answer is 404")
	case request.Redirected:
		add("served by", "%s", a.servedBy())
		add("redirect", "%d to %s", a.Code, a.Location)
	case request.Matched:
		add("served by", "%s", a.servedBy())
	}
	if a.Hit.Hostname != "" && a.Hit.Route != nil {
		add("hostname", "%s", a.Hit.Hostname)
	}
	if rule := a.Rule(); rule != nil && len(rule.Filters) > 0 {
		names := make([]string, len(rule.Filters))
		for i := range rule.Filters {
			names[i] = rule.Filters[i].Type
		}
		add("filters", "%s", strings.Join(names, ", "))
	}
	for _, b := range a.Backends {
		port := ""
		if b.Port != 0 {
			port = ":" + strconv.Itoa(int(b.Port))
		}
		add("backend", "%s%s, %s%%", b.To, port, strconv.FormatFloat(b.Share, 'f', -1, 64))
	}
	for _, d := range a.Direct {
		add("direct", "%s on %s", d.Policy, d.Target)
	}
	for i, n := range a.Notes {
		if i > 0 || a.Result != request.NoListener {
			add("note", "%s", n.Message)
		}
	}
	return lines
}

func (a *ServedBy) servedBy() string {
	return ruleText(a.Hit.Route, a.Hit.Rule, a.Hit.Match)
}

// Heading says which Gateway and listener the answer comes from.
func (a *ServedBy) Heading() string {
	switch {
	case a.Gateway.IsZero():
		return "No Gateway"
	case a.Hit.Listener == nil:
		return a.Gateway.String()
	}
	text := fmt.Sprintf("%s, port %d, listener %s", a.Gateway, a.Port, a.Hit.Listener.Spec.Name)
	if set := a.Hit.Listener.ListenerSet; !set.IsZero() {
		text += " (of " + set.String() + ")"
	}
	return text
}

// ruleText names a rule and its match, with the conditions of the match.
func ruleText(route *hierarchy.Route, rule, match int) string {
	text := route.Meta().Ref.String()
	if rule < len(route.Rules) {
		text += ", " + route.RuleRefs()[rule].Text()
		if match >= 0 {
			text += ": " + MatchText(&route.Rules[rule].Matches[match])
		}
	}
	return text
}

// MatchText returns the conditions of a match, as people read them.
func MatchText(m *hierarchy.Match) string {
	var parts []string
	switch {
	case m.PathType != "":
		parts = append(parts, m.PathType+" "+m.Path)
		if m.Method != "" {
			parts = append(parts, "method "+m.Method)
		}
	case m.RPCType == "":
		parts = append(parts, "every call")
	default:
		if m.Service != "" {
			parts = append(parts, "service "+m.Service)
		}
		if m.Method != "" {
			parts = append(parts, "method "+m.Method)
		}
		if m.RPCType == hierarchy.MatchRegex {
			parts[0] = m.RPCType + " " + parts[0]
		}
	}
	for _, list := range []struct {
		word   string
		fields []hierarchy.FieldMatch
	}{{"header", m.Headers}, {"query", m.Query}} {
		for _, f := range list.fields {
			sign := "="
			if f.Type == hierarchy.MatchRegex {
				sign = "~"
			}
			parts = append(parts, list.word+" "+f.Name+sign+f.Value)
		}
	}
	return prose.Clip(strings.Join(parts, ", "), 200)
}

// whyLost explains a criterion from the perspective of the loser.
var whyLost = map[request.Criterion]string{
	request.ByHostname:   "its hostname is less specific",
	request.ByKind:       "a GRPCRoute serves gRPC calls first",
	request.ByPathExact:  "an Exact path comes first",
	request.ByPathRegex:  "a regular expression comes before a prefix",
	request.ByPathLength: "its path is shorter",
	request.ByMethod:     "a match of the method comes first",
	request.ByHeaders:    "it matches fewer headers",
	request.ByQuery:      "it matches fewer query parameters",
	request.ByAge:        "its route is younger",
	request.ByName:       "its route's name comes later",
	request.ByRuleOrder:  "it stands later in its route",
}

// Losers returns the runners-up and the routes that are not bound, as people read them.
func (a *ServedBy) Losers() (runnersUp, notBound []Fact) {
	for _, u := range a.RunnersUp {
		why := whyLost[u.LostBy]
		if a.Hit.Route == nil {
			why = "under a less specific hostname"
		}
		runnersUp = append(runnersUp, Fact{ruleText(u.Route, u.Rule, u.Match), why})
	}
	for _, n := range a.NotBound {
		notBound = append(notBound, Fact{ruleText(n.Route, n.Rule, n.Match), n.Reason + ": " + n.Message})
	}
	return runnersUp, notBound
}
