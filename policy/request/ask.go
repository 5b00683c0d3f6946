package request

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// Ask answers a question: one Answer for each Gateway and port that has a listener for it, sorted
// by Gateway and port (Q2, Q3). There is always at least one: if the named Gateway has no listener
// for the request, or none of all Gateways has one, an answer gives the reason.
func (x *Index) Ask(q *Question) []Answer {
	refs := x.gatewayRefs()
	if !q.Gateway.IsZero() {
		refs = []hierarchy.Ref{q.Gateway}
	}
	var answers []Answer
	serving := 0
	for _, ref := range refs {
		before := len(answers)
		if q.Request.Host == "" {
			answers = append(answers, x.everyHost(ref, q)...)
		} else {
			answers = append(answers, x.ports(ref, q)...)
		}
		if len(answers) > before {
			serving++
		}
	}
	switch {
	case len(answers) == 0:
		answers = []Answer{x.noListener(q)}
	case serving > 1:
		note := Note{NoteSeveralGateways, fmt.Sprintf("%d Gateways serve this host: name one with --gateway to ask it alone", serving)}
		for i := range answers {
			answers[i].Notes = slices.Insert(answers[i].Notes, 0, note)
		}
	}
	return answers
}

// ports returns the answers for each port of a Gateway that has a listener for the request.
func (x *Index) ports(ref hierarchy.Ref, q *Question) []Answer {
	ladders := x.ladders(ref, &q.Request)
	if len(ladders) == 0 {
		return nil
	}
	g := x.gateway(ref)
	answers := make([]Answer, 0, len(ladders))
	for _, l := range ladders {
		answers = append(answers, x.climb(ref, g, l, q))
	}
	return answers
}

// mostHosts is the maximum number of hosts for which a question without a host is answered.
const mostHosts = 100

// everyHost answers a question without a host: for each listener, and each hostname that it serves
// (Q1).
func (x *Index) everyHost(ref hierarchy.Ref, q *Question) []Answer {
	g := x.gateway(ref)
	var answers []Answer
	for _, l := range x.graph.Listeners(ref) {
		if !asked(l, &q.Request) {
			continue
		}
		for _, host := range g.listeners[l].hostsServed() {
			if len(answers) == mostHosts {
				last := &answers[len(answers)-1]
				last.Notes = append(last.Notes, Note{NoteMore, "more hosts are served here: ask with the one that you mean"})
				return answers
			}
			one := *q
			one.Request.Host = host
			answers = append(answers, x.climb(ref, g, ladder{l.Spec.Port, secure(l), []*hierarchy.Listener{l}}, &one))
		}
	}
	return answers
}

// hostsServed returns the hostnames of a listener for which there are routes; the listener's own
// hostname if it has no routes.
func (l *listener) hostsServed() []string {
	var served []string
	for _, s := range l.sites {
		served = append(served, s.hostname)
	}
	for _, n := range l.names {
		served = append(served, n.hostname)
	}
	if len(served) == 0 {
		served = append(served, l.Spec.Hostname)
	}
	for i, host := range served {
		if served[i] = strings.ToLower(host); host == "" {
			served[i] = anyHost
		}
	}
	slices.Sort(served)
	return slices.Compact(served)
}

// anyHost stands for a host that matches no specific hostname.
const anyHost = "*"

// climb tries the listeners of one port, the most specific first (Q3).
func (x *Index) climb(ref hierarchy.Ref, g *gateway, l ladder, q *Question) Answer {
	a := answer(g.listeners[l.rungs[0]], q)
	for _, rung := range l.rungs[1:] {
		if a.Result != NoRoute {
			break
		}
		hit, ok := g.listeners[rung].serve(&q.Request, q.Fallthrough)
		if !ok {
			continue
		}
		if q.NoIsolation {
			a = answer(g.listeners[rung], q)
			a.note(NoteIsolation, "no route of listener %s serves this, which matches the host more specifically; data planes differ here: one that isolates listeners answers 404", l.rungs[0].Spec.Name)
		} else {
			a.note(NoteIsolation, "%s on listener %s would serve this on a data plane that does not isolate listeners: ask with --no-isolation", hit.Route.Meta().Ref, rung.Spec.Name)
		}
		break
	}
	a.Gateway, a.Host, a.Port, a.Scheme = ref, q.Request.Host, l.port, SchemeHTTP
	if q.Request.Scheme != "" {
		a.Scheme = q.Request.Scheme
	} else if l.tls {
		a.Scheme = SchemeHTTPS
	}
	x.finish(&a, q)
	return a
}

func (a *Answer) note(reason NoteReason, format string, args ...any) {
	a.Notes = append(a.Notes, Note{reason, fmt.Sprintf(format, args...)})
}

// noListener explains why no listener accepts a request, for the named Gateway or for all Gateways.
func (x *Index) noListener(q *Question) Answer {
	a := Answer{Gateway: q.Gateway, Result: NoListener, Host: q.Request.Host, Port: q.Request.Port, Scheme: q.Request.Scheme}
	if q.Gateway.IsZero() {
		a.note(NoteNoListener, "no Gateway listens for this host in this way: %s", origin(&q.Request))
		for _, ref := range x.gatewayRefs() {
			for _, l := range x.graph.Listeners(ref) {
				if specificity(l.Spec.Hostname, q.Request.Host) >= 0 && len(a.Notes) < 4 {
					a.note(NoteListenerless, "%s has listener %s for it, and %s", ref, l.Spec.Name, whyNotAsked(l, &q.Request))
				}
			}
		}
		return a
	}
	if _, ok := x.graph.Get(q.Gateway); !ok {
		a.note(NoteNoListener, "%s does not exist", q.Gateway)
		return a
	}
	listeners := x.graph.Listeners(q.Gateway)
	if len(listeners) == 0 {
		a.note(NoteNoListener, "%s has no listeners", q.Gateway)
		return a
	}
	a.note(NoteNoListener, "no listener of %s is for this request", q.Gateway)
	for i, l := range listeners {
		if i == 8 {
			a.note(NoteMore, "and %d more listeners", len(listeners)-i)
			break
		}
		a.note(NoteListenerless, "listener %s: %s", l.Spec.Name, whyNotAsked(l, &q.Request))
	}
	return a
}

// whyNotAsked explains why a request does not reach a listener.
func whyNotAsked(l *hierarchy.Listener, r *Request) string {
	withPort := *r
	withPort.Port = l.Spec.Port
	switch {
	case l.Conflicted != "":
		return fmt.Sprintf("lost its port %d to another listener (%s)", l.Spec.Port, l.Conflicted)
	case r.Port != 0 && r.Port != l.Spec.Port:
		return fmt.Sprintf("its port is %d", l.Spec.Port)
	case !asked(l, &withPort):
		return fmt.Sprintf("its protocol %s is not that of %s", l.Spec.Protocol, strings.Join(schemesOf(r), " or "))
	case !asked(l, r):
		return fmt.Sprintf("it is a %s listener: write its port, %d", l.Spec.Protocol, l.Spec.Port)
	}
	return fmt.Sprintf("its hostname is %q", l.Spec.Hostname)
}

// origin is the part of a request that selects a listener.
func origin(r *Request) string {
	text := strings.Join(schemesOf(r), " or ") + "://" + r.Host
	if r.Port != 0 {
		text += ":" + strconv.Itoa(int(r.Port))
	}
	return text
}

func schemesOf(r *Request) []string {
	if r.Scheme != "" {
		return []string{r.Scheme}
	}
	return []string{SchemeHTTP, SchemeHTTPS}
}
