package routing

import (
	"strings"

	"github.com/attache-dev/attache/policy/request"
)

// PlainHost is a host of regular expressions read as plain matches.
type PlainHost struct {
	// Plain are the matches of each location.
	Plain map[*Location][]Plain
	// Hidden are the locations that one before them covers entirely, with that one.
	Hidden map[*Location]*Location
	order  []*Location
}

// PlainHost reads a host of regular expressions as plain matches; nil when that is
// not possible for every location, or when the precedence of plain matches would
// choose another location than nginx's order of the same matches does (M27).
func (s *Server) PlainHost() *PlainHost {
	h := &PlainHost{Plain: map[*Location][]Plain{}, Hidden: map[*Location]*Location{}}
	for _, e := range s.entries {
		l := e.location
		if _, known := h.Plain[l]; known {
			continue
		}
		list, ok := PlainOf(l)
		if !ok {
			return nil
		}
		h.Plain[l] = list
		h.order = append(h.order, l)
	}
	h.hide()
	paths := newPaths()
	for _, list := range h.Plain {
		for _, p := range list {
			paths.add(p.Path)
		}
	}
	for _, path := range paths.requests() {
		a, _ := h.Choose(path)
		b, _ := h.precedent(path)
		if a != b {
			return nil
		}
	}
	return h
}

// Choose is the location that nginx's order finds for a path, and its match, when
// the locations are plain matches.
func (h *PlainHost) Choose(path string) (*Location, *Plain) {
	for _, l := range h.order {
		for i := range h.Plain[l] {
			if p := &h.Plain[l][i]; p.Takes(path) {
				return l, p
			}
		}
	}
	return nil, nil
}

// precedent is what HTTPRoute's precedence finds: Exact first, then the longest.
func (h *PlainHost) precedent(path string) (best *Location, match *Plain) {
	for _, l := range h.order {
		if h.Hidden[l] != nil {
			continue
		}
		for i := range h.Plain[l] {
			p := &h.Plain[l][i]
			if !p.Takes(path) {
				continue
			}
			if match == nil || p.Exact && !match.Exact || p.Exact == match.Exact && len(p.Path) > len(match.Path) {
				best, match = l, p
			}
		}
	}
	return best, match
}

// hide finds the locations that are never reached.
func (h *PlainHost) hide() {
	for i, l := range h.order {
		for _, before := range h.order[:i] {
			if h.Hidden[before] == nil && covers(h.Plain[before], h.Plain[l]) {
				h.Hidden[l] = before
				break
			}
		}
	}
}

// covers says whether every path of one list is one of the other.
func covers(all, some []Plain) bool {
	for _, s := range some {
		covered := false
		for _, a := range all {
			switch {
			case a.Exact:
				covered = covered || s.Exact && s.Path == a.Path
			default:
				covered = covered || Covers(a.Path, s.Path)
			}
		}
		if !covered {
			return false
		}
	}
	return true
}

// Answer is what the host answers when its locations are plain matches.
func (h *PlainHost) Answer(r *request.Request) (Answer, *Location) {
	l, p := h.Choose(r.Path)
	if l == nil {
		return Answer{Status: 404}, nil
	}
	a := l.answer(r, false)
	if len(a.Backends) > 0 && l.Action.Rewrite != "" && l.Action.Rewrite != l.Path {
		a.Path = p.Rewritten(r.Path)
	}
	return a, l
}

// trimSlash is a path without its final "/", "/" itself apart.
func trimSlash(path string) string {
	if path == "/" {
		return path
	}
	return strings.TrimSuffix(path, "/")
}
