package request

import (
	"cmp"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
)

// Criterion is the criterion that decides between two matches that a request satisfies.
type Criterion string

// The criteria, from the strongest (Q4, Q5). ByKind decides between a GRPCRoute and an HTTPRoute
// with the same hostname, ByPathRegex between a regular expression and a prefix. For gRPC calls,
// ByPathLength compares services and ByMethod compares methods.
const (
	ByHostname   Criterion = "Hostname"
	ByKind       Criterion = "Kind"
	ByPathExact  Criterion = "PathExact"
	ByPathRegex  Criterion = "PathRegex"
	ByPathLength Criterion = "PathLength"
	ByMethod     Criterion = "Method"
	ByHeaders    Criterion = "Headers"
	ByQuery      Criterion = "Query"
	ByAge        Criterion = "Age"
	ByName       Criterion = "Name"
	ByRuleOrder  Criterion = "RuleOrder"
)

// compare orders two candidates of one hostname, the stronger first, and returns the deciding
// criterion (Q5).
func compare(a, b *candidate) (int, Criterion) {
	x, y := a.conditions, b.conditions
	if a.rpc() != b.rpc() {
		return first(a.rpc()), ByKind
	}
	for _, step := range [...]struct {
		more      int
		criterion Criterion
	}{
		{kindOfPath(x, hierarchy.MatchExact) - kindOfPath(y, hierarchy.MatchExact), ByPathExact},
		{kindOfPath(x, hierarchy.MatchRegex) - kindOfPath(y, hierarchy.MatchRegex), ByPathRegex},
		{lengthOfPath(x) - lengthOfPath(y), ByPathLength},
		{weightOfMethod(x) - weightOfMethod(y), ByMethod},
		{len(x.Headers) - len(y.Headers), ByHeaders},
		{len(x.Query) - len(y.Query), ByQuery},
	} {
		if step.more != 0 {
			return -step.more, step.criterion
		}
	}
	return compareRoutes(a, b)
}

// compareRoutes breaks ties: by the age of the routes, then by namespace and name, then by the
// order of rules and matches.
func compareRoutes(a, b *candidate) (int, Criterion) {
	if a.route == b.route {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.match, b.match)), ByRuleOrder
	}
	x, y := a.route.Meta(), b.route.Meta()
	if !x.Created.Equal(y.Created) {
		return hierarchy.CompareAge(x, y), ByAge
	}
	return hierarchy.CompareAge(x, y), ByName
}

func first(a bool) int {
	if a {
		return -1
	}
	return 1
}

// kindOfPath is 1 if a path, or the call of a GRPCRoute, is compared in the given way. It does not
// apply to GRPCRoutes: only their lengths count, and regular expressions count less than any exact
// name.
func kindOfPath(m *hierarchy.Match, kind string) int {
	if m.PathType == kind {
		return 1
	}
	return 0
}

// lengthOfPath is the length that is compared between prefixes, and between services.
func lengthOfPath(m *hierarchy.Match) int {
	switch m.PathType {
	case hierarchy.MatchPathPrefix:
		return len(m.Path)
	case "":
		return lengthOfName(m, m.Service)
	}
	return 0
}

// weightOfMethod is 1 for any HTTP method; for a gRPC method, it is its length.
func weightOfMethod(m *hierarchy.Match) int {
	switch {
	case m.PathType == "":
		return lengthOfName(m, m.Method)
	case m.Method != "":
		return 1
	}
	return 0
}

// lengthOfName is 0 for a regular expression, which is weaker than every exact
// name.
func lengthOfName(m *hierarchy.Match, name string) int {
	if m.RPCType == hierarchy.MatchRegex {
		return 0
	}
	return len(name)
}

// sorted sorts candidates by precedence.
func sorted(list []*candidate) {
	slices.SortFunc(list, func(a, b *candidate) int {
		order, _ := compare(a, b)
		return order
	})
}
