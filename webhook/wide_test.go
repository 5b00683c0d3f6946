package webhook

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// stored is what the objects of a cluster are, by the names that writes have.
type stored map[string]string

// write draws a write of a policy or a route: its old and its new version, empty where there is none.
func (w stored) write(t *rapid.T) (name, old, now string) {
	name = rapid.SampledFrom([]string{"class", "public", "cart", "checkout", "route"}).Draw(t, "name")
	old = w[name]
	if old != "" && rapid.IntRange(0, 5).Draw(t, "deleted") == 0 {
		return name, old, ""
	}
	values := fmt.Sprintf("%s: {request: %ds}", rapid.SampledFrom([]string{"default", "override"}).Draw(t, "block"), rapid.IntRange(4, 6).Draw(t, "request"))
	if rapid.IntRange(0, 3).Draw(t, "limit") == 0 {
		values += "\n  bounds: {request: {max: 5s}}"
	}
	space, target := "infra", "kind: GatewayClass, name: edge"
	switch name {
	case "public":
		target = "kind: Gateway, name: public"
	case "cart", "checkout":
		space, target = "shop", "kind: HTTPRoute, name: "+name
	case "route":
		return name, old, strings.Replace(checkout, "{name: pay}", fmt.Sprintf("{name: pay, timeouts: {request: %ds}}", rapid.IntRange(4, 6).Draw(t, "own")), 1)
	}
	return name, old, strings.Replace(timeout(space, target, values), "name: p,", "name: "+name+",", 1)
}

// TestWhatReviewsLeaveBehindChangesNoAnswer: handlers that keep what reviews left behind, until it is
// too much and after it is gone, answer as new ones do.
func TestWhatReviewsLeaveBehindChangesNoAnswer(t *testing.T) {
	rails := with(t, rail(t, "short", ""), rail(t, "shown", "enforcement: Warn"))
	rapid.Check(t, func(r *rapid.T) {
		s := world(t)
		keeping := handlersOf(t, s, rails, func(o *Options) { o.Snapshot = func() (*policy.Snapshot, bool) { return s, true } })
		keeping.wide.from, keeping.wide.spare = rapid.IntRange(0, 2).Draw(r, "from"), 0
		objects := stored{}
		for range 8 {
			name, old, now := objects.write(r)
			if old == now {
				continue
			}
			var asked ask
			switch {
			case now == "":
				asked = remove(t, old)
			case old == "":
				asked = create(t, now)
			default:
				asked = update(t, old, now)
			}
			got, want := answerTo(t, keeping.Validate(), asked), answerTo(t, handlersOf(t, s, rails).Validate(), asked)
			if diff := cmp.Diff(want, got); diff != "" {
				r.Fatalf("%s, %s:\n%s", old, now, diff)
			}
			switch rapid.IntRange(0, 3).Draw(r, "then") {
			case 0: // it is not made
			case 1:
				keeping.wide.drop()
			default:
				objects[name] = now
				if now == "" {
					s = s.Without(hierarchy.RefOf(object(t, old)))
				} else {
					s, _ = s.With(object(t, now))
				}
			}
		}
	})
}

// TestWhatReviewsLeaveBehindGoes when no other review needs it for a while.
func TestWhatReviewsLeaveBehindGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := handlersOf(t, world(t))
		h.wide.from = 1
		onGateway := "kind: Gateway, name: public"
		asked := create(t, timeout("infra", onGateway, "override: {request: 7s}"))
		answerTo(t, h.Validate(), asked)
		kept := h.wide.kept
		if kept == nil {
			t.Fatal("nothing is left behind")
		}
		if answerTo(t, h.Validate(), asked); h.wide.kept != kept {
			t.Error("the next review does not use it")
		}
		time.Sleep(keepWide + time.Second)
		h.wide.mu.Lock()
		defer h.wide.mu.Unlock()
		if h.wide.kept != nil {
			t.Error("it is kept for ever")
		}
	})
}
