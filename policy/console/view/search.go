package view

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/explain"
)

// found is the answer to a search.
type found struct {
	Total int   `json:"total"`
	Hits  []hit `json:"hits"`
	// Request is the request that was typed, if the words are one.
	Request string `json:"request,omitempty"`
}

// hit is an object, a hostname or a policy.
type hit struct {
	ID     string         `json:"id"`
	Type   string         `json:"type"`
	Object explain.Object `json:"object"`
	Detail string         `json:"detail,omitempty"`

	rank int
}

// The types of hits, as the page groups them.
const (
	routeHit     = "route"
	gatewayHit   = "gateway"
	policyHit    = "policy"
	listenerHit  = "listener"
	classHit     = "class"
	namespaceHit = "namespace"
)

// maxHits is how many a search shows.
const maxHits = 50

// Search answers GET /api/v1/search?q=.
func (v *View) Search(_ context.Context, p Parameters) (any, error) {
	words := strings.TrimSpace(p.Get("q"))
	answer := found{Hits: []hit{}}
	if words == "" {
		return answer, nil
	}
	if strings.Contains(words, "://") {
		answer.Request = words
		return answer, nil
	}
	hits := v.find(strings.ToLower(words))
	answer.Total = len(hits)
	answer.Hits = append(answer.Hits, hits[:min(len(hits), maxHits)]...)
	return answer, nil
}

// rank is how well a text fits: 0 if it is equal, then if it begins with the words, if
// a part of it does, if it contains them; -1 if it does not.
func rank(text, words string) int {
	text = strings.ToLower(text)
	at := strings.Index(text, words)
	switch {
	case at < 0:
		return -1
	case text == words:
		return 0
	case at == 0:
		return 1
	case strings.ContainsRune("/-.*#", rune(text[at-1])):
		return 2
	}
	return 3
}

// find looks at the names of everything, and at hostnames.
func (v *View) find(words string) []hit {
	var hits []hit
	add := func(ref hierarchy.Ref, kind, detail string, texts ...string) {
		best := -1
		for _, text := range texts {
			if n := rank(text, words); n >= 0 && (best < 0 || n < best) {
				best = n
			}
		}
		if best >= 0 {
			hits = append(hits, hit{ID: IDOf(ref), Type: kind, Object: objectOf(ref), Detail: detail, rank: best})
		}
	}
	g := v.Snapshot.Graph()
	for c := range g.GatewayClasses() {
		add(c.Meta().Ref, classHit, c.Controller, c.Meta().Ref.Name)
	}
	for gateway := range g.Gateways() {
		ref := gateway.Meta().Ref
		add(ref, gatewayHit, "class "+gateway.Class, ref.Name, ref.Place(), IDOf(ref))
		for _, l := range g.Listeners(ref) {
			add(l.Ref, listenerHit, ListensOn(l), l.Ref.Section, l.Spec.Hostname, IDOf(l.Ref))
		}
	}
	namespaces := map[string]int{}
	for _, item := range v.published {
		kind := routeHit
		if item.ref.GroupKind == hierarchy.GatewayKind {
			kind = gatewayHit
		}
		add(item.ref, kind, "published", item.ref.Name, item.ref.Place(), IDOf(item.ref))
	}
	for _, i := range v.Items {
		namespaces[i.Ref.Namespace]++
		texts := append([]string{i.Ref.Name, i.Ref.Place(), IDOf(i.Ref)}, i.Route.Hostnames...)
		add(i.Ref, routeHit, strings.Join(i.Route.Hostnames, ", "), append(texts, i.Rules...)...)
	}
	for name := range namespaces {
		add(hierarchy.NamespaceRef(name), namespaceHit, "", name)
	}
	for p := range v.Snapshot.Policies() {
		add(p.Ref, policyHit, strings.Join(explain.States(p), ", "), p.Ref.Name, p.Ref.Place(), IDOf(p.Ref), p.Kind.Name())
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(a.rank-b.rank, strings.Compare(a.Type, b.Type), strings.Compare(a.ID, b.ID))
	})
	return hits
}
