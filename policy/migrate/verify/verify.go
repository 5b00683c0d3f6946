package verify

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/request"
)

// The results of hosts and of groups of requests (M72 to M76).
const (
	Complete     = "complete"
	Sampled      = "sampled"
	Different    = "different"
	Announced    = "announced"
	Undetermined = "undetermined"
)

// Options say how to compare.
type Options struct {
	// Report are the findings of a conversion: what they announce does not count
	// (M76). Nil when there is none.
	Report []finding.Finding
	// Gateway is the one that is compared; zero is every one.
	Gateway hierarchy.Ref
	// DataPlane narrows what the specification leaves open (M74).
	DataPlane string
	// Bridge is the Service of the old controller: what goes there is answered as
	// before (M5).
	Bridge option.ServicePort
	// Policies compares policies also where the new side has none (M77b).
	Policies bool
}

// Comparison is what two sides answer to the same requests.
type Comparison struct {
	Hosts  []HostResult `json:"hosts"`
	Totals HostTotals   `json:"totals"`
	// Notes are lines about the whole.
	Notes []string `json:"notes,omitempty"`
	// Tied says that a conflict was decided by names alone (M77b).
	Tied bool `json:"tied,omitempty"`
}

// HostResult is the comparison of one host.
type HostResult struct {
	Host     string  `json:"host"`
	Result   string  `json:"result"`
	Requests int     `json:"requests"`
	Groups   []Group `json:"groups,omitempty"`
}

// Group is a set of requests that differ in the same way (M75).
type Group struct {
	Kind    string             `json:"kind"`
	Example string             `json:"example"`
	Old     string             `json:"old"`
	New     string             `json:"new"`
	Why     string             `json:"why,omitempty"`
	Count   int                `json:"count"`
	Fields  []string           `json:"fields"`
	Policy  []PolicyDifference `json:"policies,omitempty"`
	// OldPlace and NewPlace say where the answers are stated.
	OldPlace string `json:"oldPlace,omitempty"`
	NewPlace string `json:"newPlace,omitempty"`
	// Request is the example as data, for sending it.
	Request request.Request `json:"-"`
	// Of is the Ingress whose location answers on the old side; nil when there is none.
	Of *ingress.Ingress `json:"-"`
}

// HostTotals count hosts and requests by result.
type HostTotals struct {
	Hosts        int `json:"hosts"`
	Requests     int `json:"requests"`
	Different    int `json:"different"`
	Announced    int `json:"announced"`
	Undetermined int `json:"undetermined"`
	// OnlyNew are hosts that only the new side has (M78).
	OnlyNew int `json:"onlyNew"`
}

// Fails says whether something differs that no finding announced (M76).
func (c *Comparison) Fails(strict bool) bool {
	return c.Totals.Different > 0 || c.Tied || strict && c.Totals.Undetermined > 0
}

// verifier compares two sides.
type verifier struct {
	old      *oldside.Side
	options  Options
	routes   *routing.RouteIndex
	side     *routing.NewSide
	policies *policyComparer
	plain    map[string]*routing.PlainHost
	announce *announcements
}

// Compare compares the answers of the old side with those of the new side in a snapshot (M69).
func Compare(old *oldside.Side, snapshot *policy.Snapshot, options Options) *Comparison {
	v := newVerifier(old, snapshot, options)
	c := &Comparison{Hosts: []HostResult{}}
	known := map[string]bool{}
	for _, host := range old.View.Hosts() {
		known[host] = true
		c.take(v.host(host))
	}
	for _, host := range v.routes.Hosts() {
		if !known[host] {
			c.Totals.OnlyNew++
		}
	}
	c.Notes = v.notes()
	for _, f := range old.Report.Findings {
		c.Tied = c.Tied || f.Status == finding.Conflict && !v.announce.accepts(f)
	}
	return c
}

// take adds the result of a host.
func (c *Comparison) take(result HostResult) {
	c.Hosts = append(c.Hosts, result)
	c.Totals.Hosts++
	c.Totals.Requests += result.Requests
	for _, g := range result.Groups {
		switch g.Kind {
		case Different:
			c.Totals.Different += g.Count
		case Announced:
			c.Totals.Announced += g.Count
		case Undetermined:
			c.Totals.Undetermined += g.Count
		}
	}
}

func newVerifier(old *oldside.Side, snapshot *policy.Snapshot, options Options) *verifier {
	graph := snapshot.Graph()
	v := &verifier{
		old: old, options: options, routes: routing.NewRouteIndex(graph), side: routing.NewNewSide(graph, options.Gateway),
		plain: map[string]*routing.PlainHost{}, announce: readAnnouncements(options.Report),
	}
	v.policies = &policyComparer{old: old, resolver: effective.NewResolver(snapshot), always: options.Policies, cache: map[policyKey][]PolicyDifference{}}
	return v
}

// notes are the notes about the whole comparison.
func (v *verifier) notes() []string {
	notes := []string{"paths that are not normal (//, .., %2F) are not compared: data planes differ in what they make of them"}
	if !v.policies.compared {
		notes = append(notes, "policies were not compared, because the new side has none of ours: --policies compares them anyway")
	}
	return notes
}

func (v *verifier) host(host string) HostResult {
	words := v.old.View.WordsOf(host, v.routes)
	result := HostResult{Host: host, Result: Complete}
	if words.Sampled() {
		result.Result = Sampled
	}
	groups := map[string]*Group{}
	v.each(host, func(r *request.Request) {
		result.Requests++
		_ = v.compare(host, r, groups)
	})
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		result.Groups = append(result.Groups, *groups[key])
	}
	rank := map[string]int{Different: 0, Undetermined: 1, Announced: 2}
	slices.SortStableFunc(result.Groups, func(a, b Group) int {
		return cmp.Or(rank[a.Kind]-rank[b.Kind], cmp.Compare(b.Count, a.Count), cmp.Compare(a.Example, b.Example))
	})
	if len(result.Groups) > 0 {
		result.Result = result.Groups[0].Kind
	}
	return result
}

// each visits the requests to a host (M71).
func (v *verifier) each(host string, visit func(*request.Request)) {
	words := v.old.View.WordsOf(host, v.routes)
	grpc := onlyGRPC(v.old, host)
	for _, concrete := range routing.Concrete(host) {
		for _, scheme := range []string{request.SchemeHTTP, request.SchemeHTTPS} {
			if scheme == request.SchemeHTTPS && !v.https(host, concrete) {
				continue
			}
			for _, r := range words.Requests(scheme, concrete) {
				if grpc {
					r.Method, r.Headers = "POST", append(slices.Clone(r.Headers), hierarchy.Header{Name: "content-type", Value: "application/grpc"})
				}
				visit(&r)
			}
		}
	}
}

// https says whether requests by https are compared: where either side has a
// certificate or a listener.
func (v *verifier) https(host, concrete string) bool {
	secret, _ := v.old.CertificateOf(host)
	_, passed := v.old.View.Passed(host)
	return secret.Name != "" || passed || v.side.Serves(request.SchemeHTTPS, concrete)
}

// compare compares the answers to one request, and returns how they differ; empty when
// they do not.
func (v *verifier) compare(host string, r *request.Request, groups map[string]*Group) string {
	old, location := v.old.View.Answer(r)
	choices := v.side.Choices(r, v.options.DataPlane)
	first := &choices[0]
	if len(choices) == 1 && v.crosses(&first.Answer) {
		return ""
	}
	if old.Undetermined != "" {
		v.add(groups, Undetermined, r, &old, first, nil, nil, location, old.Undetermined)
		return Undetermined
	}
	fields, policies := v.differences(&old, first, r, location)
	agree := 0
	for i := range choices {
		answer, others := fields, policies
		if i > 0 {
			answer, others = v.differences(&old, &choices[i], r, location)
		}
		if len(answer)+len(others) == 0 {
			agree++
		}
	}
	switch {
	case agree == len(choices): // whatever the data plane chooses
		return ""
	case agree > 0:
		choice := other(&old, choices)
		v.add(groups, Undetermined, r, &old, choice, routing.Differ(&old, &choice.Answer), policies, location, "the specification leaves the choice to the data plane")
		return Undetermined
	case len(fields) == 0:
		kind := Different
		why, ok := v.announced(host, r, &old, &first.Answer, location, []string{"policies"})
		if ok || v.announce.policies(policies) {
			kind = Announced
		}
		v.add(groups, kind, r, &old, first, nil, policies, location, why)
		return kind
	}
	kind, why, answer := Different, v.why(host, r, location), first
	for i := range choices {
		differ := routing.Differ(&old, &choices[i].Answer)
		if text, ok := v.announced(host, r, &old, &choices[i].Answer, location, differ); ok {
			kind, why, answer, fields = Announced, text, &choices[i], differ
			break
		}
	}
	v.add(groups, kind, r, &old, answer, fields, nil, location, why)
	return kind
}

// differences are those between the answers, or where they are the same those between the
// policies that a location wants and what is in force on the rule that answers.
func (v *verifier) differences(old *routing.Answer, choice *routing.Outcome, r *request.Request, location *routing.Location) ([]string, []PolicyDifference) {
	fields := routing.Differ(old, &choice.Answer)
	if len(fields) > 0 || len(old.Backends) == 0 || location == nil || choice.Place.Route == nil {
		return fields, nil
	}
	return nil, v.policies.compare(v.old.Owners[location].Ingress, location.Action.Backend, r.Method, choice.Place)
}

// crosses says whether an answer is the old controller's own, behind the bridge.
func (v *verifier) crosses(a *routing.Answer) bool {
	b := v.options.Bridge
	return b.Name != "" && len(a.Backends) == 1 && a.Backends[0].Backend == routing.Backend{Namespace: b.Namespace, Name: b.Name, Port: b.Port}
}

// other is the first choice that differs, in its answer if there is one.
func other(old *routing.Answer, choices []routing.Outcome) *routing.Outcome {
	for i := range choices {
		if len(routing.Differ(old, &choices[i].Answer)) > 0 {
			return &choices[i]
		}
	}
	return &choices[0]
}

func (v *verifier) add(groups map[string]*Group, kind string, r *request.Request, old *routing.Answer, choice *routing.Outcome, fields []string, policies []PolicyDifference,
	location *routing.Location, why string,
) {
	oldPlace, newPlace := oldPlace(v.old, location), newPlace(choice.Place)
	key := strings.Join([]string{kind, oldPlace, newPlace, strings.Join(fields, ","), why}, "\x00")
	for _, p := range policies {
		key += "\x00" + p.Kind + p.Field
	}
	example := curl(r)
	g := groups[key]
	if g == nil {
		g = &Group{Kind: kind, Fields: append([]string{}, fields...), Policy: policies, Why: why, OldPlace: oldPlace, NewPlace: newPlace}
		if location != nil {
			g.Of = v.old.Owners[location].Ingress
		}
		for _, p := range policies {
			g.Fields = append(g.Fields, p.Kind+" "+p.Field)
		}
		groups[key] = g
	}
	g.Count++
	if g.Example == "" || len(example) < len(g.Example) || len(example) == len(g.Example) && example < g.Example {
		g.Example, g.Old, g.New, g.Request = example, old.String(), choice.Answer.String(), *r
	}
}
