package request

import (
	"math"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// mostRunnersUp is the maximum number of runners-up in an answer, and of routes that are not bound
// (Q8).
const mostRunnersUp = 3

// answer finds what serves a request on a listener, with the runners-up.
func answer(l *listener, q *Question) Answer {
	a := Answer{Result: NoRoute, Hit: Hit{Listener: l.Listener}}
	if l.Spec.Protocol != "HTTP" && l.Spec.Protocol != "HTTPS" {
		if hit, ok := l.serve(&q.Request, q.Fallthrough); ok {
			a.Hit, a.Result = hit, Matched
		}
		return a
	}
	run := race{question: q, answer: &a, grpc: q.Request.GRPC()}
	l.sites.each(q.Request.Host, run.site)
	if run.winner != nil {
		a.Result = Matched
		a.Hit = Hit{l.Listener, run.winner.route, run.winner.rule, run.winner.match, run.hostname}
	}
	run.notes(l)
	return a
}

// race collects the candidates that a request satisfies, the strongest first.
type race struct {
	question *Question
	answer   *Answer
	grpc     bool

	current  *site
	sites    int
	winner   *candidate
	place    *site
	hostname string
	regular  bool
}

// site visits one hostname, and reports whether to continue.
func (r *race) site(s *site) bool {
	r.current = s
	r.sites++
	s.each(&r.question.Request, r.grpc, r.enter)
	return len(r.answer.RunnersUp) < mostRunnersUp
}

// enter records one candidate, and reports whether to continue. Two matches of one rule do not
// compete.
func (r *race) enter(c *candidate) bool {
	r.regular = r.regular || c.regular()
	if r.winner == nil && (r.sites == 1 || r.question.Fallthrough) {
		r.winner, r.place, r.hostname = c, r.current, r.current.hostname
		return true
	}
	if r.winner != nil && r.winner.route == c.route && r.winner.rule == c.rule {
		return true
	}
	for _, other := range r.answer.RunnersUp {
		if other.Route == c.route && other.Rule == c.rule {
			return true
		}
	}
	lost := ByHostname
	if r.winner != nil && r.place == r.current {
		_, lost = compare(r.winner, c)
	}
	r.answer.RunnersUp = append(r.answer.RunnersUp, RunnerUp{c.route, c.rule, c.match, lost})
	return len(r.answer.RunnersUp) < mostRunnersUp
}

func (r *race) notes(l *listener) {
	a, q := r.answer, &r.question.Request
	if r.winner == nil && len(a.RunnersUp) > 0 {
		a.note(NoteFallthrough, "no rule under the most specific hostname matches; %s, under a less specific one, would serve this on a data plane that goes on: ask with --fallthrough", a.RunnersUp[0].Route.Meta().Ref)
	} else if r.winner != nil && r.firstFailed(l) {
		a.note(NoteFallthrough, "no rule under a more specific hostname matches; a data plane that stops there answers 404")
	}
	if r.regular {
		a.note(NoteRegex, "a regular expression takes part: its place among paths is the data plane's choice; here it is between Exact and PathPrefix")
	}
	if !normal(q.Path) {
		a.note(NotePath, "the path is not in its normal form: data planes may normalise it first")
	}
	if repeated(q.Headers) {
		a.note(NoteRepeated, "a header is sent more than once: its values count as one, joined by commas, and data planes differ here")
	}
	for i, stranger := range l.strangers {
		if i == mostRunnersUp {
			a.note(NoteMore, "and %d more routes of such kinds", len(l.strangers)-i)
			break
		}
		a.note(NoteStranger, "%s is bound here too; how %s matches requests is known to its implementation alone", stranger.Meta().Ref, stranger.Meta().Ref.Kind)
	}
	if r.winner == nil && !r.grpc {
		r.onlyGRPC(l)
	}
}

// firstFailed reports whether the winner does not belong to the most specific hostname.
func (r *race) firstFailed(l *listener) bool {
	first := true
	l.sites.each(r.question.Request.Host, func(s *site) bool {
		first = s == r.place
		return false
	})
	return !first
}

// onlyGRPC adds a note if a GRPCRoute would serve the request if it were a gRPC call.
func (r *race) onlyGRPC(l *listener) {
	l.sites.each(r.question.Request.Host, func(s *site) bool {
		return s.each(&r.question.Request, true, func(c *candidate) bool {
			if c.rpc() {
				r.answer.note(NoteGRPC, "%s would match: it serves gRPC calls, which have the scheme grpc or grpcs, or content-type application/grpc", c.route.Meta().Ref)
			}
			return !c.rpc()
		})
	})
}

// normal reports whether a path is normalized according to RFC 3986, as far as this is known to
// matter to data planes.
func normal(path string) bool {
	return !strings.Contains(path, "//") && !strings.ContainsAny(path, `%\`) &&
		!strings.Contains(path+"/", "/./") && !strings.Contains(path+"/", "/../")
}

func repeated(headers []hierarchy.Header) bool {
	for i := range headers {
		for j := range headers[:i] {
			if strings.EqualFold(headers[i].Name, headers[j].Name) {
				return true
			}
		}
	}
	return false
}

// finish adds what the rule does with the request (Q6), and the routes that are not bound.
func (x *Index) finish(a *Answer, q *Question) {
	if a.Result == NoRoute {
		a.Code = 404
	}
	if rule := a.Rule(); rule != nil {
		if redirect := redirectOf(rule); redirect != nil {
			a.Result, a.Code = Redirected, redirect.Code
			a.Location = Location(redirect, &a.Hit, &q.Request, a.Scheme, a.Host)
		} else {
			x.backends(a, rule)
		}
	}
	x.notBound(a, q)
}

func redirectOf(rule *hierarchy.Rule) *hierarchy.Redirect {
	for i := range rule.Filters {
		if rule.Filters[i].Redirect != nil {
			return rule.Filters[i].Redirect
		}
	}
	return nil
}

// backends returns the backends of the rule with their shares. A backend that the route may not
// refer to keeps its share: its requests are answered with 500.
func (x *Index) backends(a *Answer, rule *hierarchy.Rule) {
	var all int64
	for i := range rule.Forwards {
		all += rule.Forwards[i].Weight
	}
	route := a.Hit.Route.Meta().Ref
	for i := range rule.Forwards {
		f := &rule.Forwards[i]
		b := Backend{To: rule.Backends[f.Backend].To, Port: f.Port}
		if all > 0 {
			b.Share = math.Round(float64(f.Weight)*1000/float64(all)) / 10
		}
		a.Backends = append(a.Backends, b)
		if !x.graph.Permits(route.GroupKind, route.Namespace, b.To) {
			a.note(NoteGrant, "%s is in another namespace and no ReferenceGrant permits the reference: its share of requests is answered with 500", b.To)
		}
	}
	if all == 0 {
		a.Code = 500
		if len(rule.Forwards) == 0 {
			a.note(NoteBackends, "the rule has no backend: requests are answered with 500")
		} else {
			a.note(NoteBackends, "the weights of all backends are 0: requests are answered with 500")
		}
	}
}

// notBound finds routes that match the request but are not bound to the listener, among those that
// name the Gateway and those that are not bound at all.
func (x *Index) notBound(a *Answer, q *Question) {
	if a.Hit.Listener == nil || a.Hit.Listener.Spec.Protocol != "HTTP" && a.Hit.Listener.Spec.Protocol != "HTTPS" {
		return
	}
	l := x.gateway(a.Gateway).listeners[a.Hit.Listener]
	grpc := q.Request.GRPC()
	enter := func(c *candidate) bool {
		for _, other := range a.NotBound {
			if other.Route == c.route {
				return true
			}
		}
		if reason, message := x.graph.Refusal(c.route.Meta().Ref, a.Hit.Listener); reason != "" {
			a.NotBound = append(a.NotBound, NotBound{c.route, c.rule, c.match, reason, message})
		}
		return len(a.NotBound) < mostRunnersUp
	}
	for _, sites := range []hosts[*site]{x.othersOf(l), x.unbound()} {
		sites.each(q.Request.Host, func(s *site) bool { return s.each(&q.Request, grpc, enter) })
	}
}
