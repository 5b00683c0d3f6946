package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attache-dev/attache/policy/console"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/test/worldtest"
)

func (c *reader) try(ctx context.Context, body string) *httptest.ResponseRecorder {
	return c.send(request(http.MethodPost, "/api/v1/whatif", strings.NewReader(body)).WithContext(ctx))
}

// slow makes edits that take as long as their context lets them.
func slow(ctx context.Context, _ *view.World, _ console.Edit) (*preview.Change, []string, error) {
	<-ctx.Done()
	return nil, nil, ctx.Err()
}

func TestAnEditHasTenSeconds(t *testing.T) {
	s := worldtest.Snapshot(t, shop)
	synctest.Test(t, func(t *testing.T) {
		h, source := handlerOf(s)
		source.change = slow
		c := enter(t, h)
		began := time.Now()
		w := c.try(t.Context(), `{"files": "a: b"}`)
		if took := time.Since(began); took != console.EditTime || console.EditTime != 10*time.Second {
			t.Errorf("it took %s", took)
		}
		if w.Code != http.StatusGatewayTimeout || !strings.Contains(w.Body.String(), "10s") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestOneEditAtATime(t *testing.T) {
	s := worldtest.Snapshot(t, shop)
	synctest.Test(t, func(t *testing.T) {
		h, source := handlerOf(s)
		source.change = slow
		c := enter(t, h)
		ctx, leave := context.WithCancel(t.Context())
		first := make(chan *httptest.ResponseRecorder)
		go func() { first <- c.try(ctx, `{"files": "a: b"}`) }()
		synctest.Wait()
		for range 3 {
			if w := c.try(t.Context(), `{"files": "a: b"}`); w.Code != http.StatusTooManyRequests {
				t.Errorf("a second: %d %s", w.Code, w.Body)
			}
		}
		var answer struct{ Version string }
		if c.get("summary", &answer); answer.Version != "v1" { // everything else is answered meanwhile
			t.Errorf("version %q", answer.Version)
		}
		leave() // who closes the page makes room
		<-first
		if w := c.try(t.Context(), `{"files": "a: b"}`); w.Code != http.StatusGatewayTimeout {
			t.Errorf("the next: %d %s", w.Code, w.Body)
		}
	})
}

func TestAnEditHasAtMostThreeMebibytes(t *testing.T) {
	h, source := handlerOf(worldtest.Snapshot(t, shop))
	called := ""
	source.change = func(_ context.Context, _ *view.World, e console.Edit) (*preview.Change, []string, error) {
		called = e.Text
		return nil, nil, context.Canceled
	}
	c := enter(t, h)
	body := func(size int) string {
		const before, after = `{"files": "`, `"}`
		return before + strings.Repeat("a", size-len(before)-len(after)) + after
	}
	if w := c.try(t.Context(), body(console.MaxEdit+1)); w.Code != http.StatusRequestEntityTooLarge || called != "" || !strings.Contains(w.Body.String(), "3 MiB") {
		t.Errorf("one byte more: %d %s", w.Code, w.Body)
	}
	if c.try(t.Context(), body(console.MaxEdit)); len(called) < console.MaxEdit-100 {
		t.Errorf("3 MiB: an edit of %d bytes arrived", len(called))
	}
}

func TestEditsThatMeanNothing(t *testing.T) {
	h, source := handlerOf(worldtest.Snapshot(t, shop))
	source.change = func(_ context.Context, _ *view.World, e console.Edit) (*preview.Change, []string, error) {
		t.Errorf("it was tried: %+v", e)
		return nil, nil, context.Canceled
	}
	c := enter(t, h)
	for _, body := range []string{``, `[]`, `{}`, `{"files": ""}`, `{"files": [" ", ""]}`, `{"files": 1}`, `{"files": {"a": 1}}`, `{"files": "a`} {
		if w := c.try(t.Context(), body); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"error"`) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(http.MethodPost, "/api/v1/whatif", strings.NewReader(`{"files": "a: b"}`)))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without a session: %d", w.Code)
	}
}

func TestTextsOfAnEditInAllItsForms(t *testing.T) {
	h, source := handlerOf(worldtest.Snapshot(t, shop))
	var got string
	source.change = func(_ context.Context, _ *view.World, e console.Edit) (*preview.Change, []string, error) {
		got = e.Text
		return nil, nil, context.Canceled
	}
	c := enter(t, h)
	for _, files := range []string{`"a\n---\nb"`, `["a", "b"]`, `{"1.yaml": "a", "2.yaml": "b"}`, `[{"name": "1.yaml", "text": "a"}, {"name": "2.yaml", "text": "b"}]`} {
		if got = ""; c.try(t.Context(), `{"files": `+files+`}`) != nil && got != "a\n---\nb" {
			t.Errorf("%s: %q", files, got)
		}
	}
}
