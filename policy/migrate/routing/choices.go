package routing

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
)

// The data planes whose order of regular expressions is known (M74).
const (
	EnvoyGateway       = "envoy-gateway"
	TraefikPlane       = "traefik"
	NginxGatewayFabric = "nginx-gateway-fabric"
	IstioPlane         = "istio"
)

// DataPlanes are those that --data-plane takes.
func DataPlanes() []string {
	return []string{EnvoyGateway, IstioPlane, NginxGatewayFabric, TraefikPlane}
}

// candidate is a rule whose match a request satisfies.
type candidate struct {
	hit   request.Hit
	match *hierarchy.Match
}

// Outcome is one answer that the specification allows, and what gives it.
type Outcome struct {
	Answer
	Place Place
}

// Choices are all answers that the specification allows for a request, the one that
// package request gives first: it leaves the order of regular expressions to the
// data plane, and whether a request that fits no rule of its hostname goes on to a
// less specific one. plane narrows them; it is empty when nothing is known.
func (n *NewSide) Choices(r *request.Request, plane string) []Outcome {
	first, place := n.Answer(r)
	answers := []Outcome{{first, place}}
	if place.Listener == nil {
		return answers
	}
	if place.Route == nil {
		return append(answers, n.beyond(r, place.Listener)...)
	}
	var regexes, others []candidate
	for _, c := range n.candidates(r, place) {
		if c.match.PathType == hierarchy.MatchRegex {
			regexes = strongest(regexes, c)
		} else {
			others = append(others, c)
		}
	}
	if len(regexes) == 0 {
		return answers
	}
	if plane == EnvoyGateway { // Exact, RegularExpression, PathPrefix, then length (V11)
		if i := slices.IndexFunc(others, func(c candidate) bool { return c.match.PathType == hierarchy.MatchExact }); i >= 0 {
			return answers
		}
		best := slices.MinFunc(regexes, func(a, b candidate) int { return cmp.Compare(len(b.match.Path), len(a.match.Path)) })
		return []Outcome{outcomeOf(&best.hit, r)}
	}
	add := func(c *candidate) {
		more := outcomeOf(&c.hit, r)
		if !slices.ContainsFunc(answers, func(o Outcome) bool { return o.Place == more.Place && len(Differ(&o.Answer, &more.Answer)) == 0 }) {
			answers = append(answers, more)
		}
	}
	for i := range regexes {
		add(&regexes[i])
	}
	if len(others) > 0 {
		if best, ok := n.withoutRegexes(others); ok {
			add(&best)
		}
	}
	return answers
}

func outcomeOf(hit *request.Hit, r *request.Request) Outcome {
	return Outcome{answerOf(hit, r), Place{hit.Listener, hit.Route, hit.Rule}}
}

// strongest adds a regular expression; of those with one text the one with more
// conditions counts.
func strongest(list []candidate, c candidate) []candidate {
	for i := range list {
		if list[i].match.Path == c.match.Path {
			if conditions(c.match) > conditions(list[i].match) {
				list[i] = c
			}
			return list
		}
	}
	return append(list, c)
}

func conditions(m *hierarchy.Match) int {
	n := 0
	if m.Method != "" {
		n = 1000
	}
	return n + 10*len(m.Headers) + len(m.Query)
}

// withoutRegexes is the strongest of the other matches.
func (n *NewSide) withoutRegexes(list []candidate) (candidate, bool) {
	best := slices.MinFunc(list, func(a, b candidate) int {
		exact := func(c candidate) int {
			if c.match.PathType == hierarchy.MatchExact {
				return 0
			}
			return 1
		}
		return cmp.Or(exact(a)-exact(b), cmp.Compare(len(b.match.Path), len(a.match.Path)), cmp.Compare(conditions(b.match), conditions(a.match)))
	})
	return best, true
}

// candidates are the rules of the routes under the winner's hostname that a request
// satisfies, in a fixed order.
func (n *NewSide) candidates(r *request.Request, place Place) []candidate {
	if !slices.ContainsFunc(n.withRegexes(place.Listener), func(b hierarchy.BoundListener) bool {
		return slices.ContainsFunc(hostnamesOf(b), func(h string) bool { return hostFits(h, r.Host) })
	}) {
		return nil // nothing is left open without a regular expression
	}
	var list []candidate
	for route, bound := range n.index.Graph().Bound(place.Listener) {
		if !bound.Active || route.Meta().Ref.Kind != place.Route.Meta().Ref.Kind || !slices.ContainsFunc(hostnamesOf(bound), func(h string) bool { return hostFits(h, r.Host) }) {
			continue
		}
		for i := range route.Rules {
			for j := range route.Rules[i].Matches {
				m := &route.Rules[i].Matches[j]
				if fits(m, r) {
					list = append(list, candidate{request.Hit{Listener: place.Listener, Route: route, Rule: i, Match: j}, m})
				}
			}
		}
	}
	return list
}

// withRegexes are the bindings of a listener's routes with regular expressions, found
// once.
func (n *NewSide) withRegexes(l *hierarchy.Listener) []hierarchy.BoundListener {
	if list, known := n.regexes[l]; known {
		return list
	}
	var list []hierarchy.BoundListener
	for route, bound := range n.index.Graph().Bound(l) {
		if bound.Active && slices.ContainsFunc(route.Rules, func(rule hierarchy.Rule) bool {
			return slices.ContainsFunc(rule.Matches, func(m hierarchy.Match) bool { return m.PathType == hierarchy.MatchRegex })
		}) {
			list = append(list, bound)
		}
	}
	n.regexes[l] = list
	return list
}

func hostnamesOf(b hierarchy.BoundListener) []string {
	if len(b.Hostnames) == 0 {
		return []string{""}
	}
	return b.Hostnames
}

func hostFits(hostname, host string) bool {
	if suffix, ok := strings.CutPrefix(hostname, "*"); ok {
		return strings.HasSuffix(host, suffix) && len(host) > len(suffix)
	}
	return hostname == "" || hostname == host
}

// fits says whether a request satisfies a match.
func fits(m *hierarchy.Match, r *request.Request) bool {
	switch m.PathType {
	case hierarchy.MatchExact:
		if r.Path != m.Path {
			return false
		}
	case hierarchy.MatchRegex:
		if p, err := regexp.Compile("^(?:" + m.Path + ")$"); err != nil || !p.MatchString(r.Path) {
			return false
		}
	case hierarchy.MatchPathPrefix:
		if !Covers(m.Path, r.Path) {
			return false
		}
	default:
		return false
	}
	if m.Method != "" && m.Method != r.Method {
		return false
	}
	for _, h := range m.Headers {
		value, ok := headerOf(r, h.Name)
		if !ok || h.Type == hierarchy.MatchExact && value != h.Value {
			return false
		}
		if h.Type == hierarchy.MatchRegex {
			if p, err := regexp.Compile("^(?:" + h.Value + ")$"); err != nil || !p.MatchString(value) {
				return false
			}
		}
	}
	return len(m.Query) == 0
}

// beyond is what routes of less specific hostnames would answer.
func (n *NewSide) beyond(r *request.Request, l *hierarchy.Listener) []Outcome {
	asked := *r
	asked.Port = l.Spec.Port
	var answers []Outcome
	for _, a := range n.index.Ask(&request.Question{Request: asked, Gateway: l.Gateway, Fallthrough: true}) {
		if a.Result == request.Matched || a.Result == request.Redirected {
			answers = append(answers, outcomeOf(&a.Hit, r))
		}
	}
	return answers
}
