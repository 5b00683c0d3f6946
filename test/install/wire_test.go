package install

import (
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// wire is what our processes reach the API server through. It can be cut: then nothing comes
// through and nobody is told, as when packets are dropped.
type wire struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	whole *sync.Cond
	cut   bool
	ends  map[net.Conn]bool
}

func newWire(t testing.TB, server string) *wire {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{to: u.Host, ends: map[net.Conn]bool{}}
	w.whole = sync.NewCond(&w.mu)
	if w.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.listener.Close() // nobody is left who cares
		w.mend()
	})
	go w.accept()
	return w
}

func (w *wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.connect(near)
	}
}

func (w *wire) connect(near net.Conn) {
	if !w.passes() {
		_ = near.Close()
		return
	}
	far, err := net.Dial("tcp", w.to)
	if err != nil {
		_ = near.Close()
		return
	}
	w.mu.Lock()
	w.ends[near], w.ends[far] = true, true
	w.mu.Unlock()
	go w.carry(near, far)
	w.carry(far, near)
}

// carry copies what comes, and holds it back while the wire is cut.
func (w *wire) carry(to io.Writer, from io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.passes()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	for _, c := range []any{to, from} {
		if c, ok := c.(net.Conn); ok {
			_ = c.Close() // both directions end together
			w.mu.Lock()
			delete(w.ends, c)
			w.mu.Unlock()
		}
	}
}

// passes waits until the wire is whole.
func (w *wire) passes() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.cut {
		w.whole.Wait()
	}
	return true
}

func (w *wire) cutIt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
}

// mend lets everything through again, on new connections alone: the far side has forgotten the old
// ones.
func (w *wire) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.ends {
		_ = c.Close()
	}
	w.cut = false
	w.whole.Broadcast()
}

// through is a kubeconfig whose server is behind the wire.
func (w *wire) through(t testing.TB, kubeconfig, server string) string {
	t.Helper()
	text, err := os.ReadFile(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(text), strings.TrimSuffix(server, "/"), "https://"+w.listener.Addr().String())
	if changed == string(text) {
		t.Fatalf("%s does not name %s", kubeconfig, server)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
