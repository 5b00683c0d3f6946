package routing

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/request"
)

// Covering says which rules of routes that exist stand for which locations (M39, M85).
type Covering struct {
	View *View
	Side *NewSide
	// Ignore are backends whose rules cover nothing: the bridge to the old controller
	// (M5).
	Ignore func(Backend) bool
}

// Place is the rule that answers the requests of a location as the location does; no
// Route when there is none, and why.
func (v *Covering) Place(host string, l *Location) (Place, string) {
	var place Place
	for _, r := range v.requests(host, l) {
		old, location := v.View.Answer(&r)
		if location != l || old.Undetermined != "" {
			continue // another location has this one, or nobody can tell
		}
		answer, at := v.Side.Answer(&r)
		switch {
		case at.Route == nil:
			return Place{}, r.Path + ": no rule takes it"
		case v.bridged(&answer):
			return Place{}, r.Path + ": the rule leads to the old controller"
		case slices.ContainsFunc(Differ(&old, &answer), func(f string) bool {
			return f == FieldBackends || f == FieldRedirect && !sameButSlash(&old, &answer) || f == FieldStatus || f == FieldPath
		}):
			return Place{}, r.Path + ": old " + old.String() + ", new " + answer.String()
		}
		if place.Route == nil || len(old.Backends) > 0 {
			place = at
		}
	}
	if place.Route == nil {
		return place, "no request reaches it"
	}
	return place, ""
}

// sameButSlash says whether two redirects differ only in a final "/", which nginx cuts
// off in redirects to https.
func sameButSlash(a, b *Answer) bool {
	return a.Code == b.Code && strings.TrimSuffix(a.Redirect, "/") == strings.TrimSuffix(b.Redirect, "/")
}

func (v *Covering) bridged(a *Answer) bool {
	return v.Ignore != nil && slices.ContainsFunc(a.Backends, func(s Share) bool { return v.Ignore(s.Backend) })
}

// requests are some that a location is for: its path, and one below it; by https where
// a listener takes it, else by http.
func (v *Covering) requests(host string, l *Location) []request.Request {
	concrete := Concrete(host)[0]
	paths := []string{l.Path}
	switch s := v.View.Server(host); {
	case s.Regex:
		paths = nil
		for _, path := range Samples(l.Path) {
			if IsNormal(path) {
				paths = append(paths, path)
			}
		}
	case !l.Exact:
		paths = append(paths, strings.TrimSuffix(l.Path, "/")+"/~z")
	}
	var list []request.Request
	for _, scheme := range []string{request.SchemeHTTP, request.SchemeHTTPS} {
		if scheme == request.SchemeHTTPS && !v.Side.Serves(scheme, concrete) {
			continue
		}
		for _, path := range paths {
			list = append(list, request.Request{Method: "GET", Scheme: scheme, Host: concrete, Path: path})
		}
	}
	return list
}
