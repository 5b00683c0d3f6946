package terminal

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// How long a person waits before there is a word, and how often it changes.
const (
	progressAfter = time.Second
	progressEvery = 100 * time.Millisecond
)

// Progress is one line on a terminal that says how far long work has come, and is gone when it is done.
// The zero value says nothing.
type Progress struct {
	to  io.Writer // nil where nobody watches
	now func() time.Time
	// what is counted, such as "objects checked".
	what string

	mu    sync.Mutex
	next  time.Time // when to say something
	shown bool
}

// NewProgress is for work that begins now.
func NewProgress(to io.Writer, what string, now func() time.Time) *Progress {
	return &Progress{to: to, what: what, now: now, next: now().Add(progressAfter)}
}

// IsTerminal says whether a person watches.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) //nolint:gosec // a file descriptor is small
}

// At says how much is done. Several may call it at once.
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

// End takes the line away.
func (p *Progress) End() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		_, _ = io.WriteString(p.to, "\r\x1b[K")
	}
	p.to, p.shown = nil, false
}

// Watched says whether anybody sees it.
func (p *Progress) Watched() bool { return p.to != nil }
