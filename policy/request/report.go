package request

import "github.com/attache-dev/attache/hierarchy"

// Report is the machine-readable form of a question and its answers (Q9).
type Report struct {
	Request ReportedRequest  `json:"request"`
	Answers []ReportedAnswer `json:"answers"`
}

// ReportedRequest is the request of a Report.
type ReportedRequest struct {
	Method  string            `json:"method"`
	Scheme  string            `json:"scheme"`
	Host    string            `json:"host"`
	Port    int32             `json:"port,omitempty"`
	Path    string            `json:"path"`
	Query   string            `json:"query"`
	Headers map[string]string `json:"headers"`
}

// ReportedAnswer is one answer of a Report. Effective, Origins and Direct are added by callers that
// know the policies.
type ReportedAnswer struct {
	Gateway     *Place             `json:"gateway,omitempty"`
	ListenerSet *Place             `json:"listenerSet,omitempty"`
	Listener    string             `json:"listener,omitempty"`
	Scheme      string             `json:"scheme,omitempty"`
	Host        string             `json:"host,omitempty"`
	Port        int32              `json:"port,omitempty"`
	Result      Result             `json:"result"`
	Code        int                `json:"code,omitempty"`
	Location    string             `json:"location,omitempty"`
	Route       *Object            `json:"route,omitempty"`
	Rule        *Rule              `json:"rule,omitempty"`
	Match       *Position          `json:"match,omitempty"`
	Hostname    string             `json:"hostname,omitempty"`
	Filters     []string           `json:"filters,omitempty"`
	Backends    []ReportedBackend  `json:"backends"`
	Notes       []string           `json:"notes"`
	RunnersUp   []ReportedRunnerUp `json:"runnersUp"`
	NotBound    []ReportedNotBound `json:"notBound"`
	Effective   any                `json:"effective,omitempty"`
	Origins     any                `json:"origins,omitempty"`
	Direct      any                `json:"direct,omitempty"`
}

// Place is the namespace and name of an object whose kind is clear.
type Place struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// Object is a typed reference.
type Object struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// Rule is a rule of a route: its index, and its name if it has one.
type Rule struct {
	Index int    `json:"index"`
	Name  string `json:"name,omitempty"`
}

// Position is an index in a list.
type Position struct {
	Index int `json:"index"`
}

// ReportedBackend is a backend with its share as a percentage.
type ReportedBackend struct {
	Object
	Port  int32   `json:"port,omitempty"`
	Share float64 `json:"share"`
}

// ReportedRunnerUp is a match that lost.
type ReportedRunnerUp struct {
	Route  Object    `json:"route"`
	Rule   Rule      `json:"rule"`
	Match  Position  `json:"match"`
	LostBy Criterion `json:"lostBy"`
}

// ReportedNotBound is a match of a route that is not bound to the listener.
type ReportedNotBound struct {
	Route   Object   `json:"route"`
	Rule    Rule     `json:"rule"`
	Match   Position `json:"match"`
	Reason  string   `json:"reason"`
	Message string   `json:"message"`
}

// NewReport converts a question and its answers to a Report.
func NewReport(q *Question, answers []Answer) Report {
	r := &q.Request
	report := Report{Request: ReportedRequest{
		Method: r.Method, Scheme: r.Scheme, Host: r.Host, Port: r.Port, Path: r.Path, Query: r.Query,
		Headers: make(map[string]string),
	}}
	for _, h := range r.Headers {
		report.Request.Headers[h.Name], _ = r.header(h.Name)
	}
	for i := range answers {
		report.Answers = append(report.Answers, reported(&answers[i]))
	}
	return report
}

func reported(a *Answer) ReportedAnswer {
	out := ReportedAnswer{
		Scheme: a.Scheme, Host: a.Host, Port: a.Port, Result: a.Result, Code: a.Code, Location: a.Location,
		Hostname: a.Hit.Hostname, Backends: []ReportedBackend{}, Notes: []string{},
		RunnersUp: []ReportedRunnerUp{}, NotBound: []ReportedNotBound{},
	}
	if !a.Gateway.IsZero() {
		out.Gateway = &Place{a.Gateway.Namespace, a.Gateway.Name}
	}
	if l := a.Hit.Listener; l != nil {
		out.Listener = l.Spec.Name
		if !l.ListenerSet.IsZero() {
			out.ListenerSet = &Place{l.ListenerSet.Namespace, l.ListenerSet.Name}
		}
	}
	if route := a.Hit.Route; route != nil {
		object := objectOf(route.Meta().Ref)
		out.Route = &object
	}
	if rule := a.Rule(); rule != nil {
		out.Rule = &Rule{a.Hit.Rule, rule.Name}
		for i := range rule.Filters {
			out.Filters = append(out.Filters, rule.Filters[i].Type)
		}
		if a.Hit.Match >= 0 {
			out.Match = &Position{a.Hit.Match}
		}
	}
	for _, b := range a.Backends {
		out.Backends = append(out.Backends, ReportedBackend{objectOf(b.To), b.Port, b.Share})
	}
	for _, n := range a.Notes {
		out.Notes = append(out.Notes, n.Message)
	}
	for _, u := range a.RunnersUp {
		out.RunnersUp = append(out.RunnersUp, ReportedRunnerUp{
			objectOf(u.Route.Meta().Ref), Rule{u.Rule, u.Route.Rules[u.Rule].Name}, Position{u.Match}, u.LostBy,
		})
	}
	for _, n := range a.NotBound {
		out.NotBound = append(out.NotBound, ReportedNotBound{
			objectOf(n.Route.Meta().Ref), Rule{n.Rule, n.Route.Rules[n.Rule].Name}, Position{n.Match}, n.Reason, n.Message,
		})
	}
	return out
}

func objectOf(ref hierarchy.Ref) Object {
	return Object{ref.GroupKind.Group, ref.Kind, ref.Namespace, ref.Name}
}
