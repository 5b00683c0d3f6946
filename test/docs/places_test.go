package docs

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// placeRow is a row of a table whose first cell names files.
	placeRow = regexp.MustCompile("(?m)^\\| (`[^|]*) \\|")
	// place is a file or a folder in such a cell; <plane> stands for any name.
	place    = regexp.MustCompile("`([^`]+)`")
	anything = regexp.MustCompile(`<[a-z]+>`)
)

// The files that CONTRIBUTING tells a newcomer to touch exist: they are renamed with the code, and the
// page is not.
func TestContributorsFindTheFilesThatTheyAreToldOf(t *testing.T) {
	t.Chdir("../..")
	text := read(t, "CONTRIBUTING.md")
	places := 0
	for _, row := range placeRow.FindAllStringSubmatch(text, -1) {
		for _, found := range place.FindAllStringSubmatch(row[1], -1) {
			places++
			pattern := anything.ReplaceAllString(found[1], "*")
			if files, err := filepath.Glob(filepath.FromSlash(pattern)); err != nil || len(files) == 0 {
				t.Errorf("CONTRIBUTING.md names %s, and there is no such file", found[1])
			}
		}
	}
	if places < 30 || !strings.Contains(text, "**An exporter**") {
		t.Errorf("only %d places were found in CONTRIBUTING.md", places)
	}
}
