package edit

import (
	"strings"
	"testing"
	"time"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/policy/source"
)

// TestReadingAnEditShowsProgress: what is applied is read after what it is applied to, and takes as long.
func TestReadingAnEditShowsProgress(t *testing.T) {
	shown := &strings.Builder{}
	seconds := 0
	clock := func() time.Time { seconds += 2; return time.Unix(int64(seconds), 0) }
	s := &Base{progress: func(what string) *terminal.Progress { return terminal.NewProgress(shown, what, clock) }}
	if _, err := s.read(t.Context(), []string{"../../../examples/shop"}, source.Options{Recursive: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(shown.String(), "objects of the edit checked") {
		t.Errorf("it shows %q", shown)
	}
}
