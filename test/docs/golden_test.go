package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	// shows is the line of a golden file that names the rules that it shows.
	shows = regexp.MustCompile(`(?m)^Shows: (.+)\.$`)
	// ruleItem is a rule of docs/binding.md, docs/migrating.md, docs/requests.md or
	// docs/enforcement-rules.md.
	ruleItem = regexp.MustCompile(`^- \*\*([DMQR][0-9]+|E[0-9]+b?\.[0-9]+|12\.[A-Z][0-9]+[a-z]?)\*\* `)
	// section is a numbered heading of docs/semantics.md.
	section = regexp.MustCompile(`^#+ ([0-9.]+?)\.? `)
)

const (
	// ruleLinks begins the links at the end of a rule.
	ruleLinks = " → ["
	// sectionLinks begins the line of links under a heading.
	sectionLinks = "Examples: ["
)

// TestRulesLinkToTheirExamples: each rule links to the golden files that say
// that they show it. The links are written by -update and not by hand.
func TestRulesLinkToTheirExamples(t *testing.T) {
	t.Chdir("../..")
	examples := examplesByRule(t)
	for page, link := range map[string]func(string, map[string]string) string{
		"docs/binding.md":           linkRules,
		"docs/enforcement-rules.md": linkRules,
		"docs/migrating.md":         linkRules,
		"docs/requests.md":          linkRules,
		"docs/semantics.md":         linkSections,
	} {
		text := read(t, page)
		linked := link(text, examples)
		switch {
		case linked == text:
		case *update:
			if err := os.WriteFile(page, []byte(linked), 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s does not link to the examples in test/golden: run \"go test ./test/docs -update\" (- page, + wanted):\n%s",
				page, cmp.Diff(strings.Split(text, "\n"), strings.Split(linked, "\n")))
		}
	}
	reasons := read(t, "docs/enforcement.md")
	for _, rule := range slices.Sorted(maps.Keys(examples)) {
		if !strings.HasPrefix(rule, "GEP-") && !strings.Contains(reasons, "`"+rule+"`") {
			t.Errorf("%s are said to show %q, which is no rule of docs/binding.md, docs/enforcement-rules.md, docs/migrating.md, docs/requests.md or docs/semantics.md, and no reason or note of docs/enforcement.md", examples[rule], rule)
		}
	}
}

// examplesByRule has the links for each rule that a golden file shows.
func examplesByRule(t *testing.T) map[string]string {
	t.Helper()
	links := map[string][]string{}
	walk(t, "test/golden", ".txtar", func(path, text string) {
		match := shows.FindStringSubmatch(text)
		if match == nil {
			return // its own test complains
		}
		name := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".txtar"), "-", " ")
		for rule := range strings.SplitSeq(match[1], ", ") {
			links[rule] = append(links[rule], "["+name+"](../"+filepath.ToSlash(path)+")")
		}
	})
	if len(links) == 0 {
		t.Fatal("no golden file shows any rule")
	}
	joined := map[string]string{}
	for rule, list := range links {
		joined[rule] = strings.Join(list, ", ")
	}
	return joined
}

// linkRules puts links at the end of each rule, and takes those rules out of
// examples.
func linkRules(page string, examples map[string]string) string {
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		match := ruleItem.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		line, _, _ = strings.Cut(line, ruleLinks)
		if links := examples[match[1]]; links != "" {
			line += strings.TrimSuffix(ruleLinks, "[") + links
			delete(examples, match[1])
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}

// linkSections puts a line of links at the end of each numbered section: the rule
// comes first.
func linkSections(page string, examples map[string]string) string {
	var out []string
	pending, fenced := "", false
	bare := func() { // without blank lines at the end
		for len(out) > 0 && out[len(out)-1] == "" {
			out = out[:len(out)-1]
		}
	}
	end := func() {
		if pending != "" {
			bare()
			out, pending = append(out, "", pending, ""), ""
		}
	}
	for line := range strings.SplitSeq(page, "\n") {
		switch {
		case strings.HasPrefix(line, sectionLinks):
			bare()
			continue
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case strings.HasPrefix(line, "#") && !fenced:
			end()
		}
		out = append(out, line)
		if match := section.FindStringSubmatch(line); match != nil {
			if links := examples["semantics "+match[1]]; links != "" {
				pending = strings.TrimSuffix(sectionLinks, "[") + links + "."
				delete(examples, "semantics "+match[1])
			}
		}
	}
	end()
	return strings.Join(out, "\n")
}
