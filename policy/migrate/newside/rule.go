package newside

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// rule is one rule of a route before it is written. Rules of equal action can
// become one.
type rule struct {
	location *routing.Location
	// exact, regex: the type of the path; a PathPrefix when both are false.
	exact, regex bool
	path         string
	// header is a match of one header; empty for none.
	header *headerMatch
	method string
	// rank orders rules of one path: those with a header first.
	rank int
	// filters and backends are as the API has them.
	filters  []any
	backends []any
	// name is empty unless a policy has to name the rule (M45).
	name string
	// alone says that no other match may share the rule: it replaces a prefix.
	alone bool
	// held says that the rule is not written (M40).
	held bool
	// redirects says that it only redirects http to https.
	redirects bool
	// always says that it answers by http too where http is redirected to https.
	always bool
	// wants are what its Service states (M45).
	wants statement.Wants
	// safe says that it is for methods that may be repeated (M50).
	safe bool
}

type headerMatch struct {
	name, value string
	regex       bool
}

// match is the rule's match as the API has it.
func (r *rule) match() map[string]any {
	kind := "PathPrefix"
	switch {
	case r.exact:
		kind = "Exact"
	case r.regex:
		kind = "RegularExpression"
	}
	m := map[string]any{"path": map[string]any{"type": kind, "value": r.path}}
	if r.header != nil {
		h := map[string]any{"name": r.header.name, "value": r.header.value}
		if r.header.regex {
			h["type"] = "RegularExpression"
		}
		m["headers"] = []any{h}
	}
	if r.method != "" {
		m["method"] = r.method
	}
	return m
}

// compareRules is the order in which rules are written (M25).
func compareRules(a, b *rule) int {
	return cmp.Or(
		first(a.exact)-first(b.exact), cmp.Compare(len(b.path), len(a.path)), cmp.Compare(a.path, b.path),
		first(a.safe)-first(b.safe), cmp.Compare(a.rank, b.rank), cmp.Compare(a.method, b.method),
	)
}

// first is lower for what comes first.
func first(yes bool) int {
	if yes {
		return -1
	}
	return 0
}

// action is what a rule does, as text that is equal when the rules do the same.
func (r *rule) action() string {
	text, _ := json.Marshal([]any{r.filters, r.backends, r.name, r.safe, r.wants})
	return string(text)
}

// The limits of HTTPRoute (V11).
const (
	mostHostnames = 16
	mostRules     = 16
	mostMatches   = 64
	mostInRoute   = 128
)

// written is a rule as it is written: the matches of several.
type written struct {
	rule    *rule
	rules   []*rule
	matches []any
}

// join puts rules of one action into one (M24). rules are sorted.
func join(rules []*rule) []written {
	var list []written
	at := map[string]int{}
	for _, r := range rules {
		key := r.action()
		i, ok := at[key]
		if !ok || r.alone || r.header != nil || len(list[i].matches) == mostMatches || list[i].rule.location.Path == "" {
			at[key] = len(list)
			list = append(list, written{rule: r, rules: []*rule{r}, matches: []any{r.match()}})
			continue
		}
		if !slices.ContainsFunc(list[i].matches, func(m any) bool { return equalJSON(m, r.match()) }) {
			list[i].rules, list[i].matches = append(list[i].rules, r), append(list[i].matches, r.match())
		}
	}
	return list
}

func equalJSON(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// split cuts rules into routes that keep to the limits of the API.
func split(list []written) [][]written {
	var routes [][]written
	var now []written
	matches := 0
	for _, w := range list {
		if len(now) == mostRules || matches+len(w.matches) > mostInRoute {
			routes = append(routes, now)
			now, matches = nil, 0
		}
		now = append(now, w)
		matches += len(w.matches)
	}
	if len(now) > 0 {
		routes = append(routes, now)
	}
	return routes
}
