package console

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/console/view"
)

const (
	// pause is the minimum time between two events: at most four per second.
	pause = 250 * time.Millisecond
	// heartbeat is the interval of keep-alive messages on a connection.
	heartbeat = 15 * time.Second
	// patience is the time limit for sending an event. Slower readers are disconnected, and
	// reconnect.
	patience = 10 * time.Second
	// maxChanged is the maximum number of changed objects that an event names; more are reported as
	// "many".
	maxChanged = 200
)

// guests are the open pages.
type guests struct {
	source Source
	now    func() time.Time
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	open int
	last time.Time // time of the last request
}

func newGuests(source Source, now func() time.Time) *guests {
	return &guests{source: source, now: now, last: now(), closed: make(chan struct{})}
}

func (g *guests) seen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = g.now()
}

func (g *guests) come(by int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open += by
	g.last = g.now()
}

func (g *guests) idle() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open > 0 {
		return 0
	}
	return g.now().Sub(g.last)
}

func (g *guests) close() { g.once.Do(func() { close(g.closed) }) }

// event tells a page that there is a newer world, and what changed.
type event struct {
	Version string   `json:"version"`
	Changed []string `json:"changed"`
	// Many reports that more objects changed than are named.
	Many bool `json:"many,omitempty"`
	// Trouble is the reason that there are no newer data.
	Trouble string `json:"trouble,omitempty"`
}

// news collects what happened since the last event. Its size is bounded, however slow a reader is.
type news struct {
	mu      sync.Mutex
	version string
	trouble string
	changed map[string]bool
	many    bool
	signal  chan struct{}
}

func (n *news) add(w *view.World, changed []hierarchy.Ref) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.version, n.trouble = w.Version, w.Trouble
	for _, ref := range changed {
		if len(n.changed) == maxChanged {
			n.many = true
			break
		}
		n.changed[view.IDOf(ref)] = true
	}
	select {
	case n.signal <- struct{}{}:
	default:
	}
}

func (n *news) take() event {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := event{Version: n.version, Changed: []string{}, Many: n.many, Trouble: n.trouble}
	for id := range n.changed {
		e.Changed = append(e.Changed, id)
	}
	slices.Sort(e.Changed)
	n.changed, n.many = map[string]bool{}, false
	return e
}

// serve sends events until the page disconnects.
func (g *guests) serve(w http.ResponseWriter, r *http.Request) {
	g.come(1)
	defer g.come(-1)
	n := &news{changed: map[string]bool{}, signal: make(chan struct{}, 1)}
	defer g.source.Subscribe(n.add)()
	w.Header().Set("Content-Type", "text/event-stream")
	connection := http.NewResponseController(w)
	send := func(text string) error {
		if err := connection.SetWriteDeadline(g.now().Add(patience)); err != nil {
			return err
		}
		if _, err := fmt.Fprint(w, text); err != nil {
			return err
		}
		return connection.Flush()
	}
	first := g.source.World()
	if send(message(event{Version: first.Version, Trouble: first.Trouble, Changed: []string{}})) != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-g.closed:
			return
		case <-beat.C:
			err = send(": alive\n\n")
		case <-n.signal:
			err = send(message(n.take()))
			select {
			case <-r.Context().Done():
			case <-time.After(pause):
			}
		}
		if err != nil {
			return
		}
	}
}

func message(e event) string {
	body, _ := view.Encode(e) // encoding strings and numbers cannot fail
	return "event: world\ndata: " + string(body) + "\n"
}
