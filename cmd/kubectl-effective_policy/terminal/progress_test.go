package terminal

import (
	"bytes"
	"testing"
	"time"
)

func TestProgressIsOneLineThatGoes(t *testing.T) {
	var screen bytes.Buffer
	now := time.Unix(0, 0)
	p := NewProgress(&screen, "objects checked", func() time.Time { return now })
	p.At(1, 9000)
	if screen.Len() > 0 {
		t.Fatalf("something is said before a second has passed: %q", screen.String())
	}
	now = now.Add(progressAfter)
	p.At(4200, 9000)
	p.At(4201, 9000) // too soon to be read
	now = now.Add(progressEvery)
	p.At(8000, 9000)
	p.End()
	p.At(9000, 9000) // nothing comes after the end
	want := "\r4200 of 9000 objects checked\x1b[K\r8000 of 9000 objects checked\x1b[K\r\x1b[K"
	if screen.String() != want {
		t.Errorf("the screen got %q, want %q", screen.String(), want)
	}
}

func TestShortWorkLeavesTheScreenAlone(t *testing.T) {
	var screen bytes.Buffer
	p := NewProgress(&screen, "objects checked", time.Now)
	p.End()
	if screen.Len() > 0 {
		t.Errorf("the screen got %q", screen.String())
	}
}
