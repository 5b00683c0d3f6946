package docs

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestManagerPageIsWhatTheProgramPrints: what stands below the last line of the
// preface comes from the code.
func TestManagerPageIsWhatTheProgramPrints(t *testing.T) {
	t.Chdir("../..")
	const page, last = "docs/manager.md", "What follows is printed by `attache docs`.\n"
	cmd := exec.Command("go", "run", "./cmd/attache", "docs")
	cmd.Env = append(os.Environ(), "POD_NAMESPACE=", "POD_SERVICE_ACCOUNT=")
	cmd.Stderr = os.Stderr
	printed, err := cmd.Output()
	if err != nil {
		t.Fatalf("attache docs: %v", err)
	}
	text := read(t, page)
	preface, _, found := strings.Cut(text, last)
	if !found {
		t.Fatalf("%s lacks the line %q", page, last)
	}
	said := preface + last + "\n" + string(printed)
	switch {
	case said == text:
	case *update:
		if err := os.WriteFile(page, []byte(said), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s is not what the program prints: run \"go test ./test/docs -update\" (- page, + program):\n%s",
			page, cmp.Diff(strings.Split(text, "\n"), strings.Split(said, "\n")))
	}
}
