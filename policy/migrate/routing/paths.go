package routing

import (
	"slices"
	"strings"
)

// paths are literal paths, closed under adding and removing the final "/" (M71).
type paths struct{ set map[string]bool }

func newPaths() *paths { return &paths{map[string]bool{"/": true}} }

func (p *paths) add(path string) {
	if !strings.HasPrefix(path, "/") {
		return
	}
	p.set[path] = true
	if bare := trimSlash(path); bare != "" {
		p.set[bare] = true
	}
	if !strings.HasSuffix(path, "/") {
		p.set[path+"/"] = true
	}
}

// other is a character that no literal has: a path that goes on with it leaves
// every literal behind.
func (p *paths) other() string {
	for _, c := range "~zqxjkvwybhgfp0123456789_" {
		text := string(c)
		if !slices.ContainsFunc(sortedKeys(p.set), func(path string) bool { return strings.Contains(path, text) }) {
			return text
		}
	}
	return "~~"
}

// requests are the paths that hit every class of paths which predicates on these
// literals can tell apart (M72).
func (p *paths) requests() []string {
	other := p.other()
	seen := map[string]bool{}
	var out []string
	for _, q := range sortedKeys(p.set) {
		for _, path := range []string{q, trimSlash(q) + "/", trimSlash(q) + "/" + other + "z", q + other} {
			if path = strings.ReplaceAll(path, "//", "/"); !seen[path] {
				seen[path] = true
				out = append(out, path)
			}
		}
	}
	return out
}
