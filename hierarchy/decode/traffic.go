package decode

import (
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
)

// matchesEverything is the match of a rule without matches (R54). It is shared, and never changed.
var matchesEverything = []hierarchy.Match{{PathType: hierarchy.MatchPathPrefix, Path: "/"}}

// matchesEveryCall is the match of a GRPCRoute rule without matches.
var matchesEveryCall = []hierarchy.Match{{}}

// matches reads spec.rules[].matches of the kinds whose matching Gateway API defines. A rule of
// another kind has none: only its implementation knows how it matches.
func (r *reader) matches(from item) []hierarchy.Match {
	switch {
	case r.ref.GroupKind.Group != hierarchy.Group:
		return nil
	case r.ref.Kind == "GRPCRoute":
		return r.eachMatch(from, r.grpcMatch, matchesEveryCall)
	case r.ref.Kind == "HTTPRoute":
		return r.eachMatch(from, r.httpMatch, matchesEverything)
	}
	return nil
}

func (r *reader) eachMatch(from item, read func(item) hierarchy.Match, otherwise []hierarchy.Match) []hierarchy.Match {
	var matches []hierarchy.Match
	for m := range r.items(from.fields, from.path, "matches") {
		matches = append(matches, read(m))
	}
	if len(matches) == 0 || len(matches) == 1 && isAnything(&matches[0], &otherwise[0]) {
		return otherwise
	}
	return matches
}

// isAnything reports whether m has no other conditions than everything has.
func isAnything(m, everything *hierarchy.Match) bool {
	return m.PathType == everything.PathType && m.Path == everything.Path && m.Method == "" && m.Service == "" &&
		len(m.Headers) == 0 && len(m.Query) == 0
}

func (r *reader) httpMatch(from item) hierarchy.Match {
	path := r.object(from.fields, from.path, "path")
	at := r.join(from.path, "path")
	return hierarchy.Match{
		PathType: canonical(r.text(path, at, "type", hierarchy.MatchPathPrefix)),
		Path:     r.text(path, at, "value", "/"),
		Method:   canonical(r.text(from.fields, from.path, "method", "")),
		Headers:  r.fieldMatches(from, "headers", strings.EqualFold),
		Query:    r.fieldMatches(from, "queryParams", func(a, b string) bool { return a == b }),
	}
}

func (r *reader) grpcMatch(from item) hierarchy.Match {
	method := r.object(from.fields, from.path, "method")
	at := r.join(from.path, "method")
	m := hierarchy.Match{
		Service: canonical(r.text(method, at, "service", "")),
		Method:  canonical(r.text(method, at, "method", "")),
		Headers: r.fieldMatches(from, "headers", strings.EqualFold),
	}
	if m.Service != "" || m.Method != "" {
		m.RPCType = canonical(r.text(method, at, "type", hierarchy.MatchExact))
	}
	return m
}

// fieldMatches reads conditions on headers or query parameters. If two entries have the same name,
// the first one counts, as Gateway API specifies.
func (r *reader) fieldMatches(from item, key string, same func(a, b string) bool) []hierarchy.FieldMatch {
	var fields []hierarchy.FieldMatch
entries:
	for f := range r.items(from.fields, from.path, key) {
		field := hierarchy.FieldMatch{
			Type:  canonical(r.text(f.fields, f.path, "type", hierarchy.MatchExact)),
			Name:  canonical(r.required(f.fields, f.path, "name", "x-tenant")),
			Value: r.text(f.fields, f.path, "value", ""),
		}
		for i := range fields {
			if same(fields[i].Name, field.Name) {
				continue entries
			}
		}
		if field.Name != "" {
			fields = append(fields, field)
		}
	}
	return fields
}

// forward reads the fields of a backendRef other than the reference itself. backend is the index of
// the reference.
func (r *reader) forward(from item, backend int) hierarchy.Forward {
	f := hierarchy.Forward{Backend: backend, Port: r.port(from.fields, from.path, "port"), Weight: 1}
	if from.fields["weight"] != nil {
		f.Weight = max(0, r.number(from.fields, from.path, "weight"))
	}
	return f
}

// filter reads one filter.
func (r *reader) filter(from item) hierarchy.Filter {
	filter := hierarchy.Filter{Type: canonical(r.text(from.fields, from.path, "type", ""))}
	read := func(key string) (map[string]any, string) {
		return r.object(from.fields, from.path, key), r.join(from.path, key)
	}
	switch filter.Type {
	case hierarchy.FilterRequestHeaders:
		filter.Headers = r.headerEdit(read("requestHeaderModifier"))
	case hierarchy.FilterResponseHeaders:
		filter.Headers = r.headerEdit(read("responseHeaderModifier"))
	case hierarchy.FilterRedirect:
		filter.Redirect = r.redirect(read("requestRedirect"))
	case hierarchy.FilterRewrite:
		fields, path := read("urlRewrite")
		filter.Rewrite = &hierarchy.Rewrite{Hostname: r.text(fields, path, "hostname", ""), Path: r.pathChange(fields, path)}
	default:
		for key, value := range from.fields {
			if key == "type" || value == nil {
				continue
			}
			if filter.Other == nil {
				filter.Other = make(map[string]any)
			}
			filter.Other[key] = injected.CopyJSON(value)
		}
	}
	return filter
}

func (r *reader) headerEdit(fields map[string]any, path string) *hierarchy.HeaderEdit {
	headers := func(key string) []hierarchy.Header {
		var list []hierarchy.Header
		for h := range r.items(fields, path, key) {
			list = append(list, hierarchy.Header{Name: r.required(h.fields, h.path, "name", "x-tenant"), Value: r.text(h.fields, h.path, "value", "")})
		}
		return list
	}
	return &hierarchy.HeaderEdit{Set: headers("set"), Add: headers("add"), Remove: r.texts(fields, path, "remove")}
}

func (r *reader) redirect(fields map[string]any, path string) *hierarchy.Redirect {
	redirect := &hierarchy.Redirect{
		Scheme:   r.text(fields, path, "scheme", ""),
		Hostname: r.text(fields, path, "hostname", ""),
		Path:     r.pathChange(fields, path),
		Port:     r.port(fields, path, "port"),
		Code:     int(r.number(fields, path, "statusCode")),
	}
	if redirect.Code == 0 {
		redirect.Code = 302
	}
	return redirect
}

func (r *reader) pathChange(from map[string]any, path string) *hierarchy.PathChange {
	fields := r.object(from, path, "path")
	if fields == nil {
		return nil
	}
	path = r.join(path, "path")
	if r.text(fields, path, "type", "") == "ReplaceFullPath" {
		return &hierarchy.PathChange{Full: true, Value: r.text(fields, path, "replaceFullPath", "")}
	}
	return &hierarchy.PathChange{Value: r.text(fields, path, "replacePrefixMatch", "")}
}
