package request

import (
	"regexp"

	"github.com/attache-dev/attache/hierarchy"
)

// candidate is one match of one rule of a route, ready to be compared with
// requests.
type candidate struct {
	route       *hierarchy.Route
	rule, match int
	// conditions are the conditions of the match.
	conditions *hierarchy.Match
	// expressions are its regular expressions, nil if it has none.
	expressions *expressions
}

// expressions are the compiled regular expressions of a match (Q5: RE2, the whole value). An
// expression that does not compile is nil, and matches nothing.
type expressions struct {
	path, service, method *regexp.Regexp
	headers, query        []*regexp.Regexp
}

// candidates returns all candidates of a route, in its order; none if Gateway API does not define
// the matching of its kind.
func candidates(route *hierarchy.Route) []*candidate {
	n := 0
	for i := range route.Rules {
		n += len(route.Rules[i].Matches)
	}
	all := make([]candidate, n)
	list := make([]*candidate, 0, n)
	for i := range route.Rules {
		for j := range route.Rules[i].Matches {
			c := &all[len(list)]
			*c = candidate{route: route, rule: i, match: j, conditions: &route.Rules[i].Matches[j]}
			c.expressions = compile(c.conditions)
			list = append(list, c)
		}
	}
	return list
}

func compile(m *hierarchy.Match) *expressions {
	e := expressions{headers: compileFields(m.Headers), query: compileFields(m.Query)}
	found := e.headers != nil || e.query != nil
	if m.PathType == hierarchy.MatchRegex {
		e.path, found = compileWhole(m.Path), true
	}
	if m.RPCType == hierarchy.MatchRegex {
		found = true
		if m.Service != "" {
			e.service = compileWhole(m.Service)
		}
		if m.Method != "" {
			e.method = compileWhole(m.Method)
		}
	}
	if !found {
		return nil
	}
	return &e
}

// compileFields returns one expression for each field, or nil if none of them has one.
func compileFields(fields []hierarchy.FieldMatch) []*regexp.Regexp {
	var list []*regexp.Regexp
	for i := range fields {
		if fields[i].Type != hierarchy.MatchRegex {
			continue
		}
		if list == nil {
			list = make([]*regexp.Regexp, len(fields))
		}
		list[i] = compileWhole(fields[i].Value)
	}
	return list
}

func compileWhole(expression string) *regexp.Regexp {
	compiled, err := regexp.Compile(`^(?:` + expression + `)$`)
	if err != nil {
		return nil
	}
	return compiled
}

// rpc reports whether the candidate belongs to a GRPCRoute.
func (c *candidate) rpc() bool { return c.conditions.PathType == "" }

// fits reports whether a request satisfies everything except the path of an HTTPRoute's match,
// which the lookup in the index has already compared.
func (c *candidate) fits(r *Request) bool {
	m := c.conditions
	if c.rpc() {
		if !c.fitsCall(r) {
			return false
		}
	} else if m.Method != "" && m.Method != r.Method {
		return false
	}
	for i := range m.Headers {
		value, ok := r.header(m.Headers[i].Name)
		if !ok || !c.fitsField(&m.Headers[i], value, i, true) {
			return false
		}
	}
	for i := range m.Query {
		value, ok := r.parameter(m.Query[i].Name)
		if !ok || !c.fitsField(&m.Query[i], value, i, false) {
			return false
		}
	}
	return true
}

func (c *candidate) fitsField(field *hierarchy.FieldMatch, value string, i int, header bool) bool {
	if field.Type != hierarchy.MatchRegex {
		return field.Value == value
	}
	expression := c.expressions.query
	if header {
		expression = c.expressions.headers
	}
	return expression[i] != nil && expression[i].MatchString(value)
}

func (c *candidate) fitsCall(r *Request) bool {
	m := c.conditions
	if m.RPCType == "" {
		return true
	}
	service, method := r.call()
	if service == "" {
		return false
	}
	if m.RPCType != hierarchy.MatchRegex {
		return (m.Service == "" || m.Service == service) && (m.Method == "" || m.Method == method)
	}
	return whole(m.Service, c.expressions.service, service) && whole(m.Method, c.expressions.method, method)
}

func whole(text string, expression *regexp.Regexp, value string) bool {
	return text == "" || expression != nil && expression.MatchString(value)
}

// regular reports whether the path or the call is matched by a regular expression.
func (c *candidate) regular() bool {
	return c.conditions.PathType == hierarchy.MatchRegex || c.conditions.RPCType == hierarchy.MatchRegex
}
