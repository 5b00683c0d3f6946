package explain

import (
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
)

// Heading returns the paths of a scope as text.
func (s *Scope) Heading(isRoute bool) string {
	type gateway struct {
		name      string
		listeners []string
	}
	var gateways []gateway
	for _, l := range s.Parents {
		name := l.Listener
		if l.ListenerSet != "" {
			name += " (of ListenerSet " + l.ListenerSet + ")"
		}
		if n := len(gateways); n > 0 && gateways[n-1].name == l.Gateway {
			gateways[n-1].listeners = append(gateways[n-1].listeners, name)
			continue
		}
		gateways = append(gateways, gateway{l.Gateway, []string{name}})
	}
	places := make([]string, len(gateways))
	for i, g := range gateways {
		places[i] = "Gateway " + g.name + ", " + named("listener", g.listeners)
	}
	text := strings.Join(places, " and ")
	switch {
	case !isRoute:
	case len(s.Rules) == 1 && s.Rules[0] == "*":
		text += ", all rules"
	case len(s.Rules) == 1:
		text += ", " + hierarchy.RuleOf(s.Rules[0]).Text()
	default:
		text += ", " + named("rule", s.Rules)
	}
	return text
}

// Text returns a parentRef as people read it.
func (p *Object) Text() string {
	text := p.Kind + "/" + p.Name
	if p.Namespace != "" {
		text = p.Kind + "/" + p.Namespace + "/" + p.Name
	}
	if p.SectionName != "" {
		text += "#" + p.SectionName
	}
	if p.Port != 0 {
		text += ":" + strconv.Itoa(int(p.Port))
	}
	return text
}

// Text returns the totals in words.
func (t Totals) Text() string {
	var parts []string
	if t.Routes > 0 {
		parts = append(parts, prose.Count(t.Routes, "route")+" in "+prose.Count(t.Namespaces, "namespace"))
	}
	if t.Gateways > 0 {
		parts = append(parts, prose.Count(t.Gateways, "Gateway"))
	}
	verb := "change"
	if t.Routes+t.Gateways == 1 {
		verb = "changes"
	}
	return strings.Join(parts, " and ") + " " + verb
}

// compareTexts compares pairs of texts; the first difference counts.
func compareTexts(pairs ...string) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		if c := strings.Compare(pairs[i], pairs[i+1]); c != 0 {
			return c
		}
	}
	return 0
}

func itoa(n int) string { return strconv.Itoa(n) }
