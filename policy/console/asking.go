package console

import (
	"context"
	"net/http"

	"github.com/attache-dev/attache/policy/console/view"
)

// now returns the view of the newest world.
func (h *Handler) now() *view.View {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w := h.options.Source.World(); h.view == nil || h.view.World != w {
		h.view = view.New(w, h.options.Where)
	}
	return h.view
}

// seen returns the view that a request refers to: the view of the trial that it names, or else the
// newest.
func (h *Handler) seen(r *http.Request) (*view.View, error) {
	name := r.URL.Query().Get("whatif")
	if name == "" {
		return h.now(), nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trial == nil || h.trial.name != name {
		return nil, &failure{http.StatusGone, "this edit is no longer kept: try it again"}
	}
	return h.trial.view, nil
}

// version identifies the data that a request is answered from.
func (h *Handler) version(r *http.Request) string {
	if v, err := h.seen(r); err == nil {
		return v.Version
	}
	return h.options.Source.World().Version
}

// seeing returns the view that a request refers to.
type seeing func(*http.Request) (*view.View, error)

// asking returns a function that answers a request with a function of the view and the parameters
// of the request.
func (see seeing) asking(answer func(v *view.View, ctx context.Context, p view.Parameters) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		v, err := see(r)
		if err != nil {
			return nil, err
		}
		return answer(v, r.Context(), view.Parameters{Values: r.URL.Query()})
	}
}

// about is like asking, for answers that are not methods of a view.
func (see seeing) about(answer func(ctx context.Context, v *view.View, p view.Parameters) (any, error)) func(*http.Request) (any, error) {
	return see.asking(func(v *view.View, ctx context.Context, p view.Parameters) (any, error) { return answer(ctx, v, p) })
}

// object answers GET /api/v1/object?target= with the object and its position.
func (h *Handler) object(ctx context.Context, v *view.View, p view.Parameters) (any, error) {
	ref, err := v.Named(p.Get("target"))
	if err != nil {
		return nil, err
	}
	if !v.Whole(ref.Object()) {
		return nil, view.NotFound(ref.String() + " is about more than what passes the filter")
	}
	u, err := h.options.Workshop.Object(ctx, v.World, ref.Object())
	if err != nil {
		return nil, view.NotFound(err.Error())
	}
	place := ""
	if v.Place != nil {
		place = v.Place(ref.Object())
	}
	return map[string]any{"object": v.Shown(u), "place": place}, nil
}
