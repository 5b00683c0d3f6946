package page_test

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/attache-dev/attache/policy/console/page"
)

// command is what go generate runs.
func command(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("embed.go")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^//go:generate (go tool .*)$`).FindSubmatch(text)
	if line == nil {
		t.Fatal("embed.go does not say how the bundle is built")
	}
	return strings.Fields(string(line[1]))
}

// TestTheBundleIsOfItsSources builds the bundle again and compares it with the committed one.
func TestTheBundleIsOfItsSources(t *testing.T) {
	folder := t.TempDir()
	words := command(t)
	for i, word := range words {
		if strings.HasPrefix(word, "--outdir=") {
			words[i] = "--outdir=" + folder
		}
	}
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
	for _, name := range []string{"page.js", "page.css"} {
		built, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		committed, err := fs.ReadFile(page.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(built, committed) {
			t.Errorf("dist/%s is not what its sources say: run \"go generate ./policy/console/page\"", name)
		}
	}
}

// TestTheBundleIsSmall limits the bundle to 60 KB as it is sent.
func TestTheBundleIsSmall(t *testing.T) {
	text, err := fs.ReadFile(page.Files(), "page.js")
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(text)
	_ = w.Close()
	if zipped.Len() > 60_000 {
		t.Errorf("the script has %d bytes, compressed", zipped.Len())
	}
}

// TestNothingMakesMarkupOfText looks for code that would turn text into markup, and for
// anything that would be loaded from elsewhere.
func TestNothingMakesMarkupOfText(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|javascript:|https?://[a-z0-9]+\.[a-z]`)
	examples := regexp.MustCompile(`https?://(www\.example\.com|www\.w3\.org/2000/svg)`)
	err := filepath.WalkDir("src", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if found := forbidden.Find(examples.ReplaceAll(text, nil)); found != nil {
			t.Errorf("%s has %s", path, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	index, err := fs.ReadFile(page.Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\son\w+=|style=`).Match(index) {
		t.Error("index.html has something inline, which its policy does not let run")
	}
}

// TestLibrariesHaveTheirLicences checks every library in vendor.
func TestLibrariesHaveTheirLicences(t *testing.T) {
	folders, err := os.ReadDir("vendor")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		n++
		text, err := os.ReadFile(filepath.Join("vendor", folder.Name(), "LICENSE"))
		if err != nil || !strings.Contains(string(text), "MIT") {
			t.Errorf("vendor/%s has no licence: %v", folder.Name(), err)
		}
	}
	if n == 0 {
		t.Error("there is no library")
	}
}
