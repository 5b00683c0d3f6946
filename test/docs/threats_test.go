package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// testFunction is the declaration of a test.
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	// citedTest is the name of a test in a page, in code font.
	citedTest = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`")
	// goldenCited is a golden file that a page names.
	goldenCited = regexp.MustCompile("golden file `([^`]+)`")
)

// TestClaimsOfTheThreatModelAreHeldByTests: docs/threat-model.md names tests and
// golden files that exist, and each attack that was tried has at least one.
func TestClaimsOfTheThreatModelAreHeldByTests(t *testing.T) {
	t.Chdir("../..")
	const page = "docs/threat-model.md"
	text := read(t, page)
	exist := testsOf(t)
	for _, match := range citedTest.FindAllStringSubmatch(text, -1) {
		if !exist[match[1]] {
			t.Errorf("%s names %s, which is no test", page, match[1])
		}
	}
	for _, match := range goldenCited.FindAllStringSubmatch(text, -1) {
		read(t, "test/golden/"+match[1]+".txtar")
	}
	for _, table := range []struct {
		heading string
		claim   int // the column of the claim
		held    int // the column of what holds it
	}{{"## What is protected", 0, 2}, {"## What is trusted, and who can write it", 0, 4}, {"## Attacks that were tried", 0, 2}} {
		rows := rowsBelow(text, table.heading)
		if len(rows) < 5 {
			t.Errorf("%s: the table below %q has %d rows", page, table.heading, len(rows))
		}
		for i, row := range rows {
			held := row[table.held]
			if held == "the same" && i > 0 {
				continue
			}
			if !citedTest.MatchString(held) && !goldenCited.MatchString(held) && !strings.HasPrefix(held, "the same, and ") {
				t.Errorf("%s: %q: %q names no test", page, row[table.claim], held)
			}
		}
	}
}

// testsOf are the names of all tests of the repository.
func testsOf(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	walk(t, ".", ".go", func(_, text string) {
		for _, match := range testFunction.FindAllStringSubmatch(text, -1) {
			names[match[1]] = true
		}
	})
	return names
}

// rowsBelow are the cells of the table that follows a heading.
func rowsBelow(text, heading string) [][]string {
	_, text, _ = strings.Cut(text, heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var rows [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|-") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return slices.Delete(rows, 0, min(1, len(rows))) // the heading
}
