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
	ruleLinks = "→ ["
	// sectionLinks begins the links at the end of a section.
	sectionLinks = "Examples: ["
	// columns is where lines of links are broken.
	columns = 100
)

// TestRulesLinkToTheirExamples: each rule links to the golden files that say
// that they show it. The links are written by -update and not by hand.
func TestRulesLinkToTheirExamples(t *testing.T) {
	t.Chdir("../..")
	examples := examplesByRule(t)
	for page, link := range map[string]func(string, map[string][]string) string{
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
func examplesByRule(t *testing.T) map[string][]string {
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
	return links
}

// wrapLinks joins links, in lines that begin with an indentation. A link is not broken.
func wrapLinks(begin, indent string, links []string, end string) []string {
	var lines []string
	line := begin
	for i, link := range links {
		if i < len(links)-1 {
			link += ","
		} else {
			link += end
		}
		if len([]rune(line))+1+len([]rune(link)) > columns && line != begin {
			lines, line = append(lines, line), indent+link
			continue
		}
		line += " " + link
	}
	return append(lines, line)
}

// itemOf is the item of a list that begins with the first of some lines: it ends before a line that
// is not indented.
func itemOf(lines []string) []string {
	n := 1
	for n < len(lines) && strings.HasPrefix(lines[n], "  ") {
		n++
	}
	return lines[:n]
}

// linkRules puts links at the end of each rule, in lines of their own, and takes those rules out of
// examples.
func linkRules(page string, examples map[string][]string) string {
	var out []string
	lines := strings.Split(page, "\n")
	for len(lines) > 0 {
		match := ruleItem.FindStringSubmatch(lines[0])
		if match == nil {
			out, lines = append(out, lines[0]), lines[1:]
			continue
		}
		item := itemOf(lines)
		lines = lines[len(item):]
		for _, line := range item {
			text, _, linked := strings.Cut(line, ruleLinks)
			if text = strings.TrimRight(text, " "); text != "" {
				out = append(out, text)
			}
			if linked {
				break
			}
		}
		if links := examples[match[1]]; len(links) > 0 {
			out = append(out, wrapLinks("  →", "  ", links, "")...)
			delete(examples, match[1])
		}
	}
	return strings.Join(out, "\n")
}

// linkSections puts links at the end of each numbered section: the rule comes first.
func linkSections(page string, examples map[string][]string) string {
	var out, pending []string
	fenced, linked := false, false
	bare := func() { // without blank lines at the end
		for len(out) > 0 && out[len(out)-1] == "" {
			out = out[:len(out)-1]
		}
	}
	end := func() {
		if len(pending) > 0 {
			bare()
			out = append(append(append(out, ""), pending...), "")
			pending = nil
		}
	}
	for line := range strings.SplitSeq(page, "\n") {
		switch {
		case strings.HasPrefix(line, sectionLinks):
			bare()
			linked = true
			continue
		case linked && line != "":
			continue
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case strings.HasPrefix(line, "#") && !fenced:
			end()
		}
		linked = false
		out = append(out, line)
		if match := section.FindStringSubmatch(line); match != nil {
			if links := examples["semantics "+match[1]]; len(links) > 0 {
				pending = wrapLinks(strings.TrimSuffix(sectionLinks, " ["), "", links, ".")
				delete(examples, "semantics "+match[1])
			}
		}
	}
	end()
	return strings.Join(out, "\n")
}
