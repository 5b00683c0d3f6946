package console

import (
	"io/fs"
	"net/http"
	"sync"
	"time"

	"github.com/attache-dev/attache/policy/console/drawing"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Limits of the API.
const (
	// MaxEdit is the maximum size of an edit.
	MaxEdit = 3 << 20
	// EditTime is the time limit for an edit.
	EditTime = 10 * time.Second
	// TableSize is the number of routes that the page shows at once.
	TableSize = 30
)

// Options configure a handler.
type Options struct {
	Source   Source
	Workshop Workshop
	// Token is exchanged once for a session.
	Token string
	// Hosts are the accepted values of the header Host, such as 127.0.0.1:8080.
	Hosts []string
	// Page contains index.html and the files that it refers to.
	Page fs.FS
	// Where compiles an expression over the input document of guardrails. The rule is violated where
	// the expression is false.
	Where func(expression string) (guardrail.Rule, error)
	// Compilers compile guardrails for what-if.
	Compilers guardrail.Compilers
	// Now is the clock.
	Now func() time.Time
}

// Handler serves the page and its API.
type Handler struct {
	options Options
	mux     *http.ServeMux
	door    *door
	guests  *guests
	// answers are the API's answers to GET requests, by name.
	answers map[string]func(*http.Request) (any, error)

	mu     sync.Mutex
	view   *view.View // of the newest world that was requested
	trial  *trial     // the edit that is currently shown
	trials int
	// busy is full while an edit is computed: only one is computed at a time.
	busy chan struct{}
}

// New returns a handler.
func New(o Options) *Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Handler{
		options: o, mux: http.NewServeMux(), busy: make(chan struct{}, 1),
		door: newDoor(o.Token, o.Hosts), guests: newGuests(o.Source, o.Now),
	}
	h.mux.HandleFunc("POST /session", h.door.open)
	h.answers = h.answersFrom(h.seen)
	for name, answer := range h.answers {
		h.mux.Handle("GET /api/v1/"+name, h.door.guard(h.answering(answer)))
	}
	h.mux.Handle("POST /api/v1/whatif", h.door.guard(http.HandlerFunc(h.whatif)))
	h.mux.Handle("DELETE /api/v1/whatif", h.door.guard(http.HandlerFunc(h.endTrial)))
	h.mux.Handle("GET /api/v1/events", h.door.guard(http.HandlerFunc(h.guests.serve)))
	h.mux.Handle("GET /", http.FileServerFS(o.Page))
	return h
}

// answersFrom returns the answers to GET requests, by name, from the views that see finds.
func (h *Handler) answersFrom(see seeing) map[string]func(*http.Request) (any, error) {
	return map[string]func(*http.Request) (any, error){
		"summary": see.asking((*view.View).Summary), "tree": see.asking((*view.View).Tree), "effective": see.asking((*view.View).Effective),
		"bindings": see.asking((*view.View).Bindings), "search": see.asking((*view.View).Search), "request": see.asking((*view.View).Request),
		"routes": see.asking((*view.View).Routes), "map": see.about(drawing.Answer), "policies": see.asking((*view.View).Policies),
		"describe": see.asking((*view.View).Describe), "enforcement": see.asking((*view.View).Enforcement),
		"guardrails": see.asking((*view.View).GuardrailList), "reverse": see.asking((*view.View).Reverse),
		"object": see.about(h.object), "whatif": h.trying,
	}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	addHeaders(w.Header())
	if !h.door.admits(w, r) {
		return
	}
	h.guests.seen()
	h.mux.ServeHTTP(w, r)
}

// Prepare computes what the first request needs, before anybody waits for it.
func (h *Handler) Prepare() { h.now() }

// Idle returns how long no page has been open.
func (h *Handler) Idle() time.Duration { return h.guests.idle() }

// Close ends open connections.
func (h *Handler) Close() { h.guests.close() }
