package request

import (
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// Relation is the relation between two sets of requests (Q12).
type Relation string

// The relations of one set to another.
const (
	Disjoint Relation = "Disjoint"
	Equal    Relation = "Equal"
	// Inside means that the second set contains the first, and more.
	Inside Relation = "Inside"
	// Contains is the reverse of Inside.
	Contains Relation = "Contains"
	// Partial means that they have some requests in common.
	Partial Relation = "Partial"
	// Unknown means that regular expressions would have to be compared.
	Unknown Relation = "Unknown"
)

// Overlap is a match of another route that takes some of the same requests as a match of this
// route, on a listener to which both are bound.
type Overlap struct {
	Listener    *hierarchy.Listener
	Rule, Match int
	Other       *hierarchy.Route
	// OtherRule and OtherMatch are indexes in Other.
	OtherRule, OtherMatch int
	// Relation is the relation of this match to the other one.
	Relation Relation
}

// Overlaps lists the matches of other routes that overlap with those of a
// route, by listener, then by rule and match, then by the other route.
func (x *Index) Overlaps(route hierarchy.Ref) []Overlap {
	object, ok := x.graph.Get(route)
	if !ok {
		return nil
	}
	mine, ok := object.(*hierarchy.Route)
	if !ok {
		return nil
	}
	var list []Overlap
	for _, l := range x.graph.BoundTo(route) {
		hosts := hostnamesOf(x.graph, mine, l)
		for i := range mine.Rules {
			for j := range mine.Rules[i].Matches {
				list = x.overlapsOf(list, Overlap{Listener: l, Rule: i, Match: j}, mine, hosts)
			}
		}
	}
	return list
}

func (x *Index) overlapsOf(list []Overlap, o Overlap, mine *hierarchy.Route, hosts []string) []Overlap {
	m := asHTTP(&mine.Rules[o.Rule].Matches[o.Match])
	for other, bound := range x.graph.Bound(o.Listener) {
		if other == mine {
			continue
		}
		of := hostsRelation(hosts, orEvery(bound.Hostnames))
		if of == Disjoint {
			continue
		}
		for i := range other.Rules {
			for j := range other.Rules[i].Matches {
				theirs := asHTTP(&other.Rules[i].Matches[j])
				if relation := both(of, relate(&m, &theirs)); relation != Disjoint {
					o.Other, o.OtherRule, o.OtherMatch, o.Relation = other, i, j, relation
					list = append(list, o)
				}
			}
		}
	}
	return list
}

func hostnamesOf(g *hierarchy.Graph, route *hierarchy.Route, l *hierarchy.Listener) []string {
	for other, bound := range g.Bound(l) {
		if other == route {
			return orEvery(bound.Hostnames)
		}
	}
	return nil
}

// orEvery returns the hostnames, or an empty one, which stands for every host.
func orEvery(shared []string) []string {
	if len(shared) == 0 {
		return []string{""}
	}
	return shared
}

// asHTTP converts a match of a GRPCRoute to the HTTP form of the call, so that the two kinds can be
// compared. The content type is a header that no other request has.
func asHTTP(m *hierarchy.Match) hierarchy.Match {
	if m.PathType != "" {
		return *m
	}
	h := hierarchy.Match{Method: "POST", Headers: append([]hierarchy.FieldMatch{{Type: hierarchy.MatchExact, Name: ":grpc"}}, m.Headers...)}
	switch {
	case m.RPCType == "":
		h.PathType, h.Path = hierarchy.MatchPathPrefix, "/"
	case m.RPCType == hierarchy.MatchRegex || m.Service == "":
		h.PathType, h.Path = hierarchy.MatchRegex, m.RPCType+" "+m.Service+"/"+m.Method
	case m.Method == "":
		h.PathType, h.Path = hierarchy.MatchPathPrefix, "/"+m.Service
	default:
		h.PathType, h.Path = hierarchy.MatchExact, "/"+m.Service+"/"+m.Method
	}
	return h
}

// relate compares the conditions of two matches, except for the host.
func relate(a, b *hierarchy.Match) Relation {
	r := both(paths(a, b), methods(a.Method, b.Method))
	r = both(r, fields(a.Headers, b.Headers, strings.EqualFold))
	return both(r, fields(a.Query, b.Query, func(x, y string) bool { return x == y }))
}

// both combines the relations of two sets in two respects.
func both(a, b Relation) Relation {
	switch {
	case a == Disjoint || b == Disjoint:
		return Disjoint
	case a == Unknown || b == Unknown:
		return Unknown
	case a == Equal:
		return b
	case b == Equal, a == b:
		return a
	}
	return Partial
}

func reverse(r Relation) Relation {
	switch r {
	case Inside:
		return Contains
	case Contains:
		return Inside
	}
	return r
}

func paths(a, b *hierarchy.Match) Relation {
	switch {
	case a.PathType == hierarchy.MatchPathPrefix && elements(a.Path) == "":
		return wholeTo(b.PathType == hierarchy.MatchPathPrefix && elements(b.Path) == "")
	case b.PathType == hierarchy.MatchPathPrefix && elements(b.Path) == "":
		return Inside
	case a.PathType == b.PathType && a.Path == b.Path:
		return Equal
	case a.PathType == hierarchy.MatchRegex || b.PathType == hierarchy.MatchRegex:
		return Unknown
	case a.PathType == hierarchy.MatchExact && b.PathType == hierarchy.MatchExact:
		return Disjoint
	case a.PathType == hierarchy.MatchExact:
		return insideIf(below(a.Path, b.Path))
	case b.PathType == hierarchy.MatchExact:
		return reverse(insideIf(below(b.Path, a.Path)))
	case elements(a.Path) == elements(b.Path):
		return Equal
	case below(a.Path, b.Path):
		return Inside
	}
	return reverse(insideIf(below(b.Path, a.Path)))
}

// wholeTo returns the relation of the set of all requests to a set that contains all of them, or
// not.
func wholeTo(everything bool) Relation {
	if everything {
		return Equal
	}
	return Contains
}

func insideIf(inside bool) Relation {
	if inside {
		return Inside
	}
	return Disjoint
}

// below reports whether a PathPrefix matches a path.
func below(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, "/"+elements(prefix))
	return ok && (rest == "" || rest[0] == '/')
}

func methods(a, b string) Relation {
	switch {
	case a == b:
		return Equal
	case a == "":
		return Contains
	case b == "":
		return Inside
	}
	return Disjoint
}

// fields compares conditions on headers or parameters: a match with more of them takes fewer
// requests.
func fields(a, b []hierarchy.FieldMatch, same func(x, y string) bool) Relation {
	relation := Equal
	inBoth := 0
	for i := range a {
		for j := range b {
			if !same(a[i].Name, b[j].Name) {
				continue
			}
			inBoth++
			switch {
			case a[i].Type == b[j].Type && a[i].Value == b[j].Value:
			case a[i].Type == hierarchy.MatchRegex || b[j].Type == hierarchy.MatchRegex:
				relation = both(relation, Unknown)
			default:
				return Disjoint
			}
		}
	}
	if len(a) > inBoth {
		relation = both(relation, Inside)
	}
	if len(b) > inBoth {
		relation = both(relation, Contains)
	}
	return relation
}

// hostsRelation compares two sets of hostnames.
func hostsRelation(a, b []string) Relation {
	aInside, bInside, some := true, true, false
	for _, x := range a {
		covered := false
		for _, y := range b {
			covered = covered || coversHost(y, x)
			some = some || coversHost(y, x) || coversHost(x, y)
		}
		aInside = aInside && covered
	}
	for _, y := range b {
		covered := false
		for _, x := range a {
			covered = covered || coversHost(x, y)
		}
		bInside = bInside && covered
	}
	switch {
	case aInside && bInside:
		return Equal
	case aInside:
		return Inside
	case bInside:
		return Contains
	case some:
		return Partial
	}
	return Disjoint
}

// coversHost reports whether a hostname covers every host that the other one covers.
func coversHost(hostname, other string) bool {
	a, b := hostKey(hostname), hostKey(other)
	return a == "" || a == b || a[0] == '.' && strings.HasSuffix(b, a)
}
