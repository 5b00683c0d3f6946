package command

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestProgressIsOneLineThatGoes(t *testing.T) {
	var screen bytes.Buffer
	now := time.Unix(0, 0)
	p := newProgress(&screen, "objects checked", func() time.Time { return now })
	p.at(1, 9000)
	if screen.Len() > 0 {
		t.Fatalf("something is said before a second has passed: %q", screen.String())
	}
	now = now.Add(progressAfter)
	p.at(4200, 9000)
	p.at(4201, 9000) // too soon to be read
	now = now.Add(progressEvery)
	p.at(8000, 9000)
	p.end()
	p.at(9000, 9000) // nothing comes after the end
	want := "\r4200 of 9000 objects checked\x1b[K\r8000 of 9000 objects checked\x1b[K\r\x1b[K"
	if screen.String() != want {
		t.Errorf("the screen got %q, want %q", screen.String(), want)
	}
}

func TestShortWorkLeavesTheScreenAlone(t *testing.T) {
	var screen bytes.Buffer
	p := newProgress(&screen, "objects checked", time.Now)
	p.end()
	if screen.Len() > 0 {
		t.Errorf("the screen got %q", screen.String())
	}
}

// TestProgressIsForTerminals: a file that collects standard error gets no line of progress, and neither
// does a program that captures it.
func TestProgressIsForTerminals(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for name, to := range map[string]interface{ Write([]byte) (int, error) }{"a file": file, "a buffer": &strings.Builder{}} {
		o := &options{streams: genericiooptions.IOStreams{ErrOut: to}}
		if o.progress("objects checked").to != nil {
			t.Errorf("%s is taken for a terminal", name)
		}
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there is no terminal to open here:", err)
	}
	defer func() { _ = terminal.Close() }()
	o := &options{streams: genericiooptions.IOStreams{ErrOut: terminal}}
	if o.progress("objects checked").to == nil {
		t.Error("a terminal gets no progress")
	}
}
