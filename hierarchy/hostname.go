package hierarchy

import (
	"slices"
	"strings"
)

// intersectHostname returns the more specific of two hostnames that have a
// host in common (R23, R24). Neither is empty.
func intersectHostname(a, b string) (string, bool) {
	switch {
	case a == b, covers(a, b):
		return b, true
	case covers(b, a):
		return a, true
	}
	return "", false
}

// covers says whether the wildcard hostname stands for the other one. It
// stands for one or more labels, so "*.com" covers "a.b.com" and "*.b.com",
// but never "com". The suffix it compares includes the dot: that is the label
// boundary.
func covers(wildcard, other string) bool {
	if !strings.HasPrefix(wildcard, "*.") {
		return false
	}
	suffix := wildcard[1:]
	return len(other) > len(suffix) && strings.HasSuffix(other, suffix)
}

// intersectHostnames returns the hostnames under which a route is reachable on
// a listener, and false when there are none (R22, R24). An empty result with
// true is every host. It allocates only when the answer is neither the route's
// list nor the listener's hostname.
func intersectHostnames(l *Listener, route []string) ([]string, bool) {
	host := l.Spec.Hostname
	switch {
	case host == "":
		return route, true
	case len(route) == 0:
		return l.hosts, true
	}
	kept, unchanged := 0, true
	for _, h := range route {
		both, ok := intersectHostname(host, h)
		unchanged = unchanged && ok && both == h
		if ok {
			kept++
		}
	}
	switch {
	case kept == 0:
		return nil, false
	case unchanged:
		return route, true
	}
	result := make([]string, 0, kept)
	for _, h := range route {
		if both, ok := intersectHostname(host, h); ok && !slices.Contains(result, both) {
			result = append(result, both)
		}
	}
	if len(result) == 1 && result[0] == host {
		return l.hosts, true
	}
	return result, true
}
