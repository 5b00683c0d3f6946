package routing

// HostText is a host as messages name it.
func HostText(host string) string {
	if host == CatchAll {
		return "every host"
	}
	return host
}

// PathText is a path as messages name it.
func PathText(path string, exact bool) string {
	if exact {
		return path + " (Exact)"
	}
	return path
}

// RedirectCode is the nearest status code that a redirect of a route can have.
func RedirectCode(code int) int {
	switch code {
	case 301, 302, 303, 307, 308:
		return code
	}
	return 302
}
