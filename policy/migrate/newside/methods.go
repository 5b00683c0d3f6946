package newside

import (
	"cmp"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// byMethod puts before each rule one for the methods that may be repeated (M50). The
// policy on it needs a name, which it gets when rules were joined.
func (c *Side) byMethod(l *routing.Location, rules []*rule) []*rule {
	if c.Old.IdempotentWants(c.Old.Owners[l].Ingress) == nil {
		return rules
	}
	var list []*rule
	for _, r := range rules {
		for _, method := range oldside.Idempotent() {
			one := *r
			one.method, one.safe = method, true
			list = append(list, &one)
		}
	}
	return append(list, rules...)
}

// sameWants says whether the rules with a backend want the same.
func sameWants(rules []written) bool {
	var texts []string
	for _, w := range rules {
		if len(w.rule.backends) > 0 {
			texts = append(texts, statement.JSON(w.rule.wants))
		}
	}
	return allEqual(texts)
}

// wantAll says what all rules of a route want.
func (w *ofIngress) wantAll(route string, rules []written, uniform bool) {
	for _, r := range rules {
		if uniform && len(r.rule.backends) > 0 && len(r.rule.wants) > 0 {
			if w.all == nil {
				w.all = map[string]statement.Wants{}
			}
			w.all[route] = r.rule.wants
		}
	}
}

// nameRules names the rules that a policy is for (M25, M45), and returns what each
// wants by its name; nil for the retries of methods.
func nameRules(rules []written, uniform bool) map[string]statement.Wants {
	taken := map[string]bool{}
	names := map[string]statement.Wants{}
	for i := range rules {
		r := rules[i].rule
		if !r.safe && (uniform || len(r.wants) == 0) {
			continue
		}
		name := slug(r.path)
		for n := 1; taken[name]; n++ {
			name = document.Numbered(slug(r.path), n)
		}
		taken[name] = true
		named := *r
		named.name = name
		rules[i].rule = &named
		names[name] = r.wants
	}
	return names
}

// slug is a path as a name of a rule: what a name cannot have is "-".
func slug(path string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(path) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			b.WriteRune(c)
		} else if text := b.String(); text != "" && !strings.HasSuffix(text, "-") {
			b.WriteByte('-')
		}
	}
	const most = 50
	name := strings.Trim(b.String(), "-")
	return cmp.Or(strings.Trim(name[:min(len(name), most)], "-"), "root")
}

// allEqual says whether all values of a list are equal.
func allEqual(list []string) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(list)))) <= 1
}
