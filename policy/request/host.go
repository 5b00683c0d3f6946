package request

import "strings"

// hosts maps hostnames to values: "a.example.com", ".example.com" for the wildcard, and "" for no
// hostname. A lookup visits at most one entry for each label of the host, the most specific first
// (Q3, Q4).
type hosts[V any] map[string]V

// hostKey returns the key for a hostname of Gateway API.
func hostKey(hostname string) string {
	hostname = strings.ToLower(hostname)
	if strings.HasPrefix(hostname, "*.") {
		return hostname[1:]
	}
	return hostname
}

// each calls yield with the values for a host, the most specific first, until yield returns false.
// It reports whether all were visited.
func (h hosts[V]) each(host string, yield func(V) bool) bool {
	if host != "" && len(host) <= longestHost {
		if v, ok := h[host]; ok && host[0] != '.' && !yield(v) {
			return false
		}
		for i := 1; i < len(host); i++ {
			if host[i] != '.' {
				continue
			}
			if v, ok := h[host[i:]]; ok && !yield(v) {
				return false
			}
		}
	}
	if v, ok := h[""]; ok {
		return yield(v)
	}
	return true
}

// specificity returns how specifically the hostname of a listener matches a host; it is negative if
// there is no match. An exact hostname takes precedence over every wildcard, a longer wildcard over
// a shorter one, and any hostname over no hostname.
func specificity(hostname, host string) int {
	switch key := hostKey(hostname); {
	case key == "":
		return 0
	case key == host:
		return 1 + longestHost + len(key)
	case key[0] == '.' && len(host) > len(key) && strings.HasSuffix(host, key):
		return len(key)
	}
	return -1
}
