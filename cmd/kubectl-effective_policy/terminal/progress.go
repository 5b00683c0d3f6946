package terminal

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// How long to wait before progress is shown, and how often it changes.
const (
	progressAfter = time.Second
	progressEvery = 100 * time.Millisecond
)

// Progress is a line on a terminal that shows the progress of long work, and disappears when it is
// done. The zero value shows nothing.
type Progress struct {
	to  io.Writer // nil where nobody watches
	now func() time.Time
	// what is counted, such as "objects checked".
	what string

	mu    sync.Mutex
	next  time.Time // when to say something
	shown bool
}

// NewProgress returns the progress of work that begins now.
func NewProgress(to io.Writer, what string, now func() time.Time) *Progress {
	return &Progress{to: to, what: what, now: now, next: now().Add(progressAfter)}
}

// IsTerminal reports whether a writer is a terminal.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) //nolint:gosec // a file descriptor is small
}

// At records how much is done. It is safe for concurrent use.
func (p *Progress) At(done, total int) {
	if p.to == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if now.Before(p.next) {
		return
	}
	p.next, p.shown = now.Add(progressEvery), true
	_, _ = fmt.Fprintf(p.to, "\r%d of %d %s\x1b[K", done, total, p.what)
}

// End removes the line.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		_, _ = io.WriteString(p.to, "\r\x1b[K")
	}
	p.to, p.shown = nil, false
}

// Watched reports whether anybody sees it.
func (p *Progress) Watched() bool { return p.to != nil }
