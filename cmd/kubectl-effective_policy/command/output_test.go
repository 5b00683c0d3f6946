package command

import (
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/policy/source"
)

// TestProgressIsForTerminals: a file that collects standard error gets no line of progress, and neither
// does a program that captures it.
func TestProgressIsForTerminals(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for name, to := range map[string]interface{ Write([]byte) (int, error) }{"a file": file, "a buffer": &strings.Builder{}} {
		o := &sharedFlags{streams: genericiooptions.IOStreams{ErrOut: to}}
		if o.progress("objects checked").Watched() {
			t.Errorf("%s is taken for a terminal", name)
		}
	}
	console, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there is no terminal to open here:", err)
	}
	defer func() { _ = console.Close() }()
	o := &sharedFlags{streams: genericiooptions.IOStreams{ErrOut: console}}
	if !o.progress("objects checked").Watched() {
		t.Error("a terminal gets no progress")
	}
}

// TestReadingAnEditShowsProgress: what is applied is read after what it is applied to, and takes as long.
func TestReadingAnEditShowsProgress(t *testing.T) {
	shown := &strings.Builder{}
	seconds := 0
	clock := func() time.Time { seconds += 2; return time.Unix(int64(seconds), 0) }
	s := &baseline{progress: func(what string) *terminal.Progress { return terminal.NewProgress(shown, what, clock) }}
	if _, err := s.read(t.Context(), []string{"../../../examples/shop"}, source.Options{Recursive: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(shown.String(), "objects of the edit checked") {
		t.Errorf("it shows %q", shown)
	}
}
