package command

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

// progress is one line on a terminal that says how far long work has come, and is gone when it is done.
// The zero value says nothing.
type progress struct {
	to  io.Writer // nil where nobody watches
	now func() time.Time
	// what is counted, such as "objects checked".
	what string

	mu    sync.Mutex
	next  time.Time // when to say something
	shown bool
}

// progress is for work that begins now. Standard error gets it when it is a terminal: scripts and logs
// do not.
func (o *options) progress(what string) *progress {
	if !isTerminal(o.streams.ErrOut) {
		return &progress{}
	}
	return newProgress(o.streams.ErrOut, what, time.Now)
}

func newProgress(to io.Writer, what string, now func() time.Time) *progress {
	return &progress{to: to, what: what, now: now, next: now().Add(progressAfter)}
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) //nolint:gosec // a file descriptor is small
}

// at says how much is done. Several may call it at once.
func (p *progress) at(done, total int) {
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

// end takes the line away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		_, _ = io.WriteString(p.to, "\r\x1b[K")
	}
	p.to, p.shown = nil, false
}
