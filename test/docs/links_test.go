package docs

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	code    = regexp.MustCompile("(?s)```.*?```")
	rule    = regexp.MustCompile(`\b[DQR][0-9]{1,2}\b`)
)

// pages are the files of documentation, from the root of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"docs", "examples", "charts"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err == nil && !entry.IsDir() && filepath.Ext(path) == ".md" {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(found)
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Chdir("../..")
	for _, page := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(read(t, page), ""), -1) {
			if problem := follow(t, page, match[1]); problem != "" {
				t.Errorf("%s: (%s): %s", page, match[1], problem)
			}
		}
	}
}

// follow says what is wrong with a link. Links to other sites are not followed:
// a test does not need a network.
func follow(t *testing.T, page, target string) string {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		return err.Error()
	}
	if to.Scheme != "" {
		return ""
	}
	path := page
	if to.Path != "" {
		path = filepath.Join(filepath.Dir(page), filepath.FromSlash(to.Path))
		if !filepath.IsLocal(path) {
			return "it leads out of the repository"
		}
		if _, err := os.Stat(path); err != nil {
			return "no such file"
		}
	}
	if to.Fragment != "" && !slices.Contains(anchors(read(t, path)), to.Fragment) {
		return "no such heading"
	}
	return ""
}

// anchors are the names that GitHub gives to the headings of a page.
func anchors(text string) []string {
	var names []string
	for _, match := range heading.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
		var name strings.Builder
		for _, r := range strings.ToLower(match[1]) {
			switch {
			case r == ' ':
				name.WriteByte('-')
			case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 0x7f:
				name.WriteRune(r)
			}
		}
		names = append(names, name.String())
	}
	return names
}

func TestRulesThatCommentsCiteExist(t *testing.T) {
	t.Chdir("../..")
	page := read(t, "docs/binding.md") + read(t, "docs/requests.md")
	for _, folder := range []string{"hierarchy", "policy", "webhook", "cmd", "test"} {
		walk(t, folder, ".go", func(path, text string) {
			for _, name := range rule.FindAllString(text, -1) {
				if !strings.Contains(page, "**"+name+"**") {
					t.Errorf("%s cites %s, which neither docs/binding.md nor docs/requests.md has", path, name)
				}
			}
		})
	}
}

// walk visits the files with an extension below a folder.
func walk(t *testing.T, folder, extension string, visit func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) == extension {
			visit(path, read(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
