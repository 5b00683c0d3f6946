package routing

import (
	"regexp"
	"slices"
	"strings"
)

// entry is one location as nginx tries it: a Location can be two of them.
type entry struct {
	location *Location
	// pattern is nil when the text cannot be read as a regular expression.
	pattern *regexp.Regexp
}

// order makes what a server looks paths up in.
func (s *Server) order(dialect Dialect) {
	s.plain = !dialect.Nginx
	s.equal, s.prefix = map[string]*Location{}, map[string]*Location{}
	exact := map[string]bool{}
	for _, l := range s.Locations {
		exact[l.Path] = exact[l.Path] || l.Exact
	}
	sorted := slices.Clone(s.Locations)
	slices.SortStableFunc(sorted, byPath)
	for _, l := range sorted {
		switch {
		case l.Exact:
			s.add(l, l.Path, true)
		case s.plain:
			s.add(l, strings.TrimSuffix(l.Path, "/"), false)
		case l.Pattern || strings.HasSuffix(l.Path, "/"):
			s.add(l, l.Path, false)
		default: // M15, M16
			s.add(l, l.Path+"/", false)
			if !exact[l.Path] {
				s.add(l, l.Path, true)
			}
		}
	}
}

func (s *Server) add(l *Location, name string, equal bool) {
	if s.Regex {
		pattern, err := regexp.Compile("(?i)^" + name)
		if err != nil {
			pattern = nil
		}
		s.entries = append(s.entries, entry{location: l, pattern: pattern})
		return
	}
	names := s.prefix
	if equal {
		names = s.equal
	}
	if names[name] == nil { // the first of a path has it
		names[name] = l
	}
}

// Tried are the locations of a host of regular expressions, in the order in which
// they are tried.
func (s *Server) Tried() []*Location {
	var list []*Location
	for _, e := range s.entries {
		if !slices.Contains(list, e.location) {
			list = append(list, e.location)
		}
	}
	return list
}

// Choice is the location that a path is served by.
type Choice struct {
	// Location is nil when none takes the path.
	Location *Location
	// Slash says that the location answers the path with a redirect to itself and a
	// "/" (M17).
	Slash bool
	// Undetermined says that a regular expression that cannot be read is tried
	// before.
	Undetermined bool
}

// Choose finds the location of a path. The path is decoded and normal (M19).
func (s *Server) Choose(path string) Choice {
	switch {
	case s.Regex:
		return s.byRegex(path)
	case s.plain:
		return s.byElements(path)
	}
	return s.byText(path)
}

func (s *Server) byRegex(path string) Choice {
	for _, e := range s.entries {
		if e.pattern == nil {
			return Choice{Undetermined: true}
		}
		if e.pattern.MatchString(path) {
			return Choice{Location: e.location}
		}
	}
	return Choice{}
}

func (s *Server) byText(path string) Choice {
	if l := s.equal[path]; l != nil {
		return Choice{Location: l}
	}
	if longer := path + "/"; s.prefix[path] == nil {
		if l := s.equal[longer]; l != nil {
			return Choice{Location: l, Slash: true}
		}
		if l := s.prefix[longer]; l != nil {
			return Choice{Location: l, Slash: true}
		}
	}
	for n := len(path); n > 0; n-- {
		if l := s.prefix[path[:n]]; l != nil {
			return Choice{Location: l}
		}
	}
	return Choice{}
}

// byElements is the Ingress API's own reading: Exact first, then the longest
// prefix of whole elements, a final "/" ignored.
func (s *Server) byElements(path string) Choice {
	if l := s.equal[path]; l != nil {
		return Choice{Location: l}
	}
	for n := len(path); n >= 0; n-- {
		if n < len(path) && path[n] != '/' {
			continue
		}
		if l := s.prefix[path[:n]]; l != nil {
			return Choice{Location: l}
		}
	}
	return Choice{}
}

// Covers says whether a PathPrefix covers a path: by whole elements, a final "/"
// ignored.
func Covers(prefix, path string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}
