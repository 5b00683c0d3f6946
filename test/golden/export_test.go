package golden_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/attache-dev/attache/policy/export"
)

// shownElsewhere are reasons that manifests alone cannot give.
var shownElsewhere = map[export.Reason]string{
	export.MissingCRD: "the cluster lacks the CRD; with manifests none is asked for",
	export.Invalid:    "the fields of our kinds cannot contradict each other after a merge; the property tests of package export draw it",
	export.LimitsFull: "needs several limits; the property tests of package export draw them",
}

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
		_, elsewhere := shownElsewhere[reason.Reason]
		switch {
		case !given && reason.Unused == "" && !elsewhere:
			t.Errorf("no golden file gives %s", reason.Reason)
		case given && (reason.Unused != "" || elsewhere):
			t.Errorf("%s is given, and is said not to be", reason.Reason)
		}
	}
}
