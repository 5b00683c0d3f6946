package workspace

import (
	"os"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
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
		o := &Flags{Streams: genericiooptions.IOStreams{ErrOut: to}}
		if o.Progress("objects checked").Watched() {
			t.Errorf("%s is taken for a terminal", name)
		}
	}
	console, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there is no terminal to open here:", err)
	}
	defer func() { _ = console.Close() }()
	o := &Flags{Streams: genericiooptions.IOStreams{ErrOut: console}}
	if !o.Progress("objects checked").Watched() {
		t.Error("a terminal gets no progress")
	}
}
