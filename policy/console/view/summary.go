package view

import (
	"context"
	"maps"
	"slices"

	"github.com/attache-dev/attache/policy"
)

// summary is what the header and the filters of the page need.
type summary struct {
	Version   string `json:"version"`
	Context   string `json:"context"`
	Files     bool   `json:"files"`
	Namespace string `json:"namespace"`
	Live      bool   `json:"live"`
	// Trouble is the reason why there are no newer data.
	Trouble string `json:"trouble,omitempty"`
	Counts  counts `json:"counts"`
	// Namespaces have routes or policies; More says that not all are listed.
	Namespaces []counted  `json:"namespaces"`
	Gateways   []counted  `json:"gateways"`
	More       bool       `json:"more,omitempty"`
	Kinds      []kindInfo `json:"kinds"`
	Levels     []string   `json:"levels"`
	Problems   []string   `json:"problems"`
	Hidden     []Hidden   `json:"hidden"`
	Guardrails int        `json:"guardrails"`
	// Published says that the values are those that were published, and not computed.
	Published bool `json:"published,omitempty"`
}

type counts struct {
	Classes    int `json:"classes"`
	Gateways   int `json:"gateways"`
	Listeners  int `json:"listeners"`
	Namespaces int `json:"namespaces"`
	Routes     int `json:"routes"`
	Paths      int `json:"paths"`
	Policies   int `json:"policies"`
	Unbound    int `json:"unbound"`
	Findings   int `json:"findings"`
	Mixed      int `json:"mixed"`
}

type counted struct {
	Name   string `json:"name"`
	Routes int    `json:"routes"`
}

// kindInfo is a policy kind with the fields that its objects state.
type kindInfo struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Group   string   `json:"group"`
	Class   string   `json:"class"`
	Objects int      `json:"objects"`
	Fields  []string `json:"fields"`
}

// maxListed is how many names of each type a summary lists.
const maxListed = 1000

// maxProblems is how many problems a summary lists.
const maxProblems = 50

// Summary answers GET /api/v1/summary.
func (v *View) Summary(_ context.Context, _ Parameters) (any, error) { return v.summary(), nil }

func (v *View) summary() summary {
	g := v.Snapshot.Graph()
	out := summary{
		Version: v.Version, Context: v.Context, Files: v.Files, Namespace: v.Namespace, Live: v.Live, Trouble: v.Trouble,
		Kinds: v.kindInfos(), Levels: levelNames(), Problems: v.Problems[:min(len(v.Problems), maxProblems)], Hidden: v.Hidden,
		Guardrails: len(v.Guardrails),
	}
	if out.Problems == nil {
		out.Problems = []string{}
	}
	if out.Hidden == nil {
		out.Hidden = []Hidden{}
	}
	if v.Published != nil {
		v.publishedSummary(&out)
		return out
	}
	namespaces, gateways := map[string]int{}, map[string]int{}
	for class := range g.GatewayClasses() {
		out.Counts.Classes += boolInt(v.HasNode(class.Meta().Ref))
	}
	for gateway := range g.Gateways() {
		if !v.HasNode(gateway.Meta().Ref) {
			continue
		}
		out.Counts.Gateways++
		for _, l := range g.Listeners(gateway.Meta().Ref) {
			out.Counts.Listeners += boolInt(v.HasNode(l.Ref))
		}
		gateways[gateway.Meta().Ref.Place()] += 0
	}
	for p := range v.Snapshot.Policies() {
		if !v.HasPolicy(p.Ref) {
			continue
		}
		out.Counts.Policies++
		namespaces[p.Ref.Namespace] += 0
	}
	for _, i := range v.Items {
		out.countRoute(i)
		namespaces[i.Ref.Namespace]++
		seen := map[string]bool{}
		for _, s := range i.Scopes {
			for _, l := range s.Parents {
				if place := l.Gateway.Place(); !seen[place] {
					seen[place] = true
					gateways[place]++
				}
			}
		}
	}
	delete(namespaces, "")
	out.Counts.Namespaces = len(namespaces)
	out.Namespaces, out.Gateways = listed(namespaces), listed(gateways)
	out.More = len(namespaces) > maxListed || len(gateways) > maxListed
	return out
}

func (out *summary) countRoute(i *item) {
	out.Counts.Routes++
	for n := range i.Scopes {
		out.Counts.Paths += pathsIn(&i.Scopes[n], i.Rules)
	}
	if len(i.Scopes) == 0 {
		out.Counts.Unbound++
	}
	if i.Remarks > 0 {
		out.Counts.Findings++
	}
	if i.Mixed() {
		out.Counts.Mixed++
	}
}

func listed(names map[string]int) []counted {
	list := make([]counted, 0, min(len(names), maxListed))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if len(list) < maxListed {
			list = append(list, counted{name, names[name]})
		}
	}
	return list
}

func (v *View) kindInfos() []kindInfo {
	fields, objects := map[*policy.Kind]map[string]bool{}, map[*policy.Kind]int{}
	for p := range v.Snapshot.Policies() {
		if !v.HasPolicy(p.Ref) {
			continue
		}
		objects[p.Kind]++
		if fields[p.Kind] == nil {
			fields[p.Kind] = map[string]bool{}
		}
		for i := range p.Leaves {
			fields[p.Kind][p.Leaves[i].String()] = true
		}
	}
	list := []kindInfo{}
	for _, k := range v.Snapshot.Kinds() {
		info := kindInfo{
			Name: k.Name(), Kind: k.GroupKind.Kind, Group: k.GroupKind.Group, Class: string(k.Class), Objects: objects[k],
			Fields: slices.Sorted(maps.Keys(fields[k])),
		}
		if info.Fields == nil {
			info.Fields = []string{}
		}
		if len(info.Fields) > PageSize {
			info.Fields = info.Fields[:PageSize]
		}
		list = append(list, info)
	}
	return list
}
