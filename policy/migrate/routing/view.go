package routing

import (
	"cmp"
	"slices"
	"strings"
)

// CatchAll is the host of the server for hosts that no other server has (M12).
const CatchAll = "_"

// Location is one path of one host, as its controller serves it (M13).
type Location struct {
	// Host is that of the server, Path never empty.
	Host, Path string
	// Exact is false for Prefix and everything that is read as Prefix.
	Exact bool
	// Pattern says that the Ingress states regular expressions, by use-regex or by
	// a rewrite to another path: it makes the whole host one of regular
	// expressions (M15).
	Pattern bool
	// Default says that nobody states the location: it is the server's own "/"
	// (M14).
	Default bool
	// Age orders the Ingresses that state locations; the oldest is 0.
	Age int
	// Action is what is done with a request, never nil.
	Action *Action
}

// Server is one host of the old side.
type Server struct {
	Host string
	// Locations are those that are served, in the order in which they were stated.
	Locations []*Location
	// Regex says that every location is a regular expression (M15).
	Regex bool

	// plain servers are read as the Ingress API specifies. entries are in the order
	// in which they are tried, of a host of regular expressions; equal and prefix
	// are the locations of any other by their text.
	plain         bool
	entries       []entry
	equal, prefix map[string]*Location
}

// Dialect says how a controller reads paths.
type Dialect struct {
	// Nginx is ingress-nginx's: regular expressions, redirects of slashes, and a
	// wildcard that takes one label. Others are read as the Ingress API specifies.
	Nginx bool
}

// View is what a controller makes of all Ingresses.
type View struct {
	Dialect Dialect
	servers map[string]*Server
	aliases map[string]string
	// moved are hosts that only redirect to another one (M32).
	moved map[string]Moved
	// passed are hosts whose https goes to a backend as it is (M34).
	passed map[string]Backend
}

// Pass sends the https of a host to a backend without terminating it.
func (v *View) Pass(host string, to Backend) { v.passed[host] = to }

// Passed is where the https of a host goes as it is.
func (v *View) Passed(host string) (Backend, bool) {
	to, ok := v.passed[host]
	return to, ok
}

// Moved is a host that redirects to another one.
type Moved struct {
	To   string
	Code int
}

// NewView makes the view of locations. Those of one path and type must be one.
func NewView(dialect Dialect, locations []*Location) *View {
	v := &View{Dialect: dialect, servers: map[string]*Server{}, aliases: map[string]string{}, moved: map[string]Moved{}, passed: map[string]Backend{}}
	for _, l := range locations {
		s := v.servers[l.Host]
		if s == nil {
			s = &Server{Host: l.Host}
			v.servers[l.Host] = s
		}
		s.Locations = append(s.Locations, l)
		s.Regex = s.Regex || dialect.Nginx && l.Pattern
	}
	for _, s := range v.servers {
		s.order(dialect)
	}
	return v
}

// Alias makes a host answer as another one. A host that has a server keeps it.
func (v *View) Alias(alias, host string) bool {
	if v.servers[alias] != nil || v.aliases[alias] != "" {
		return false
	}
	v.aliases[alias] = host
	return true
}

// Move makes a host redirect to another one. A host that has a server keeps it.
func (v *View) Move(host string, to Moved) bool {
	if v.servers[host] != nil || v.aliases[host] != "" {
		return false
	}
	v.moved[host] = to
	return true
}

// AliasesOf are the aliases of a host, sorted.
func (v *View) AliasesOf(host string) []string {
	var list []string
	for _, alias := range sortedKeys(v.aliases) {
		if v.aliases[alias] == host {
			list = append(list, alias)
		}
	}
	return list
}

// MovedTo is the name that redirects to a host, and its code.
func (v *View) MovedTo(host string) (name string, code int, ok bool) {
	for _, name := range sortedKeys(v.moved) {
		if v.moved[name].To == host {
			return name, v.moved[name].Code, true
		}
	}
	return "", 0, false
}

// Server returns the server of a host as it is written, or nil.
func (v *View) Server(host string) *Server { return v.servers[host] }

// Hosts are the hosts that have servers, sorted, and then their aliases and those
// that redirect.
func (v *View) Hosts() []string {
	hosts := sortedKeys(v.servers)
	return append(append(hosts, sortedKeys(v.aliases)...), sortedKeys(v.moved)...)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Find returns the server for the host of a request (M12): its own, that of the
// wildcard above it, or the one for every host; nil when there is none.
func (v *View) Find(host string) *Server {
	if s := v.servers[host]; s != nil && host != CatchAll {
		return s
	}
	if to := v.aliases[host]; to != "" {
		return v.servers[to]
	}
	if s := v.wildcard(host); s != nil {
		return s
	}
	return v.servers[CatchAll]
}

// wildcard is the server of the wildcard above a host. Of ingress-nginx it takes
// exactly one label of letters, digits, "-" and "_".
func (v *View) wildcard(host string) *Server {
	first, rest, ok := strings.Cut(host, ".")
	if !ok || !isLabel(first) {
		return nil
	}
	return v.servers["*."+rest]
}

func isLabel(text string) bool {
	for i := range len(text) {
		if c := text[i]; !isWordByte(c) && c != '-' {
			return false
		}
	}
	return text != ""
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// byPath is the order in which regular expressions are tried: the longest path
// first, then by text from the end, then the older (M15).
func byPath(a, b *Location) int {
	return cmp.Or(cmp.Compare(len(b.Path), len(a.Path)), cmp.Compare(b.Path, a.Path), cmp.Compare(a.Age, b.Age))
}
