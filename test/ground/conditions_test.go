package ground

import (
	"fmt"
	"testing"
)

const otherKey = "ground.test/other"

// Both annotations compared key by key: a write that changes nothing relevant never calls the
// webhook.
func TestPatchesThatChangeNothingDoNotCall(t *testing.T) {
	w := newWorld(t)
	w.hook.want(payIn20s)
	w.mustApply("team", checkout)
	w.patch(`{"metadata":{"annotations":{"`+otherKey+`":"x"}}}`, "somebody")
	w.hook.calls.Store(0)
	before := w.route()
	for range 100 {
		w.patch(`{}`, "somebody")
	}
	for i := range 20 {
		w.patch(fmt.Sprintf(`{"metadata":{"annotations":{"unrelated":"%d"}}}`, i), "somebody")
	}
	if calls := w.hook.calls.Load(); calls != 0 {
		t.Errorf("120 patches that change nothing that matters called the webhook %d times", calls)
	}
	if after := w.route(); after.GetGeneration() != before.GetGeneration() {
		t.Errorf("%s after %s", version(after), version(before))
	}
	w.says(w.patch(`{"metadata":{"annotations":{"`+recordKey+`":null}}}`, "somebody"), "pay", "timeouts.request", "20s")
	// A patch is tried on the object that the API server has in its cache. Where
	// that is an old one, it is tried again, with admission.
	if calls := w.hook.calls.Load(); calls == 0 {
		t.Error("the removal of the record did not call the webhook")
	}
}

// Why key by key: a filter over two keys goes through the map in random order, so
// that two equal objects differ now and then.
func TestAFilterOverTwoKeysIsRandom(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", checkout)
	w.patch(`{"metadata":{"annotations":{"`+otherKey+`":"x","ground.test/third":"y"}}}`, "somebody")
	filtered := &hook{}
	list := `object.metadata.annotations.filter(k, k.startsWith("ground.test/")).map(k, k + "=" + object.metadata.annotations[k])`
	old := `oldObject.metadata.annotations.filter(k, k.startsWith("ground.test/")).map(k, k + "=" + oldObject.metadata.annotations[k])`
	w.install("random", filtered, condition("filtered", `request.operation != "UPDATE" || `+list+` != `+old))
	for range 100 {
		w.patch(`{}`, "somebody")
	}
	if calls := filtered.calls.Load(); calls == 0 {
		t.Errorf("100 patches that change nothing never called: a filter over a map has an order now, and one condition for all keys would do")
	} else {
		t.Logf("100 patches that change nothing called %d times", calls)
	}
}

// Without the toucher's own condition, a touch never reaches the webhook.
func TestATouchNeedsItsOwnCondition(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", checkout)
	w.hook.want(payIn20s)
	w.hook.calls.Store(0)
	w.says(w.patch(`{}`, "somebody"), "pay", "timeouts.request", "60s")
	if calls := w.hook.calls.Load(); calls != 0 {
		t.Errorf("a patch of somebody else called the webhook %d times", calls)
	}
	w.says(w.touch(), "pay", "timeouts.request", "20s")
}
