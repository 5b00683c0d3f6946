package golden_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/attache-dev/attache/policy/export"
)

// TestEveryReasonHasAGoldenFile: every reason for which a field is not in force
// as stated is given in an export of a golden file.
func TestEveryReasonHasAGoldenFile(t *testing.T) {
	files, err := filepath.Glob("export/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("only %d golden files of exports were found: %v", len(files), err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, reason := range export.Reasons() {
		given := regexp.MustCompile(`(` + string(reason.Verdict) + ` |also |; )` + string(reason.Reason) + `: `).MatchString(all.String())
		switch {
		case !given && reason.Unused == "":
			t.Errorf("no golden file gives %s", reason.Reason)
		case given && reason.Unused != "":
			t.Errorf("%s is given, and is said not to be", reason.Reason)
		}
	}
}
