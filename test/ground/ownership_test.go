package ground

import (
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// both writes into the rule with words of its own and into the one without.
var both = map[string]map[string]any{
	"cart": {"timeouts.request": "30s", "retry.attempts": 3, "retry.codes": []any{503}},
	"pay":  {"timeouts.request": "20s"},
}

func TestRulesStayTheAppliersAndHisNextApplyHasNoConflict(t *testing.T) {
	w := newWorld(t)
	w.hook.want(both)
	born := w.mustApply("team", checkout)
	w.says(born, "cart", "retry.attempts", 3)
	if got, want := owners(born), []string{"team/Apply"}; !slices.Equal(got, want) {
		t.Errorf("spec.rules is owned by %v, want %v", got, want)
	}
	for range 3 {
		if again := w.mustApply("team", checkout); version(again) != version(born) {
			t.Errorf("the same apply gives %s after %s", version(again), version(born))
		}
	}
	// The record is nobody's: it was written by admission.
	for _, m := range born.GetManagedFields() {
		if strings.Contains(m.FieldsV1.GetRawString(), recordKey) {
			t.Errorf("%s owns the record", m.Manager)
		}
	}
	// What he changes is his word, and the injection stays on top of it.
	edited := w.mustApply("team", strings.Replace(checkout, "60s", "45s", 1))
	w.says(edited, "pay", "timeouts.request", "20s")
	w.ownSays(edited, "pay", "timeouts.request", "45s")
	if edited.GetGeneration() != born.GetGeneration() {
		t.Errorf("%s after %s: what is in force did not change", version(edited), version(born))
	}
}

func TestADryRunAnswersWhatWouldBeStored(t *testing.T) {
	w := newWorld(t)
	w.hook.want(both)
	tried := w.mustApply("team", checkout, client.DryRunAll)
	stored := w.mustApply("team", checkout)
	if plain(tried.Object["spec"]) != plain(stored.Object["spec"]) || tried.GetAnnotations()[recordKey] != stored.GetAnnotations()[recordKey] {
		t.Errorf("dry run\n%s\nstored\n%s", plain(tried.Object), plain(stored.Object))
	}
	if again := w.mustApply("team", checkout, client.DryRunAll); version(again) != version(stored) {
		t.Errorf("a dry run of what is stored gives %s after %s", version(again), version(stored))
	}
}

// After a write by another manager with the same operation, the next apply that
// changes nothing may write managedFields once: the generation stays, and after
// it nothing is written any more.
func TestANoOpApplyAfterAnotherManagerWritesAtMostOnce(t *testing.T) {
	w := newWorld(t)
	w.hook.want(both)
	born := w.mustApply("team", checkout)
	w.mustApply("other", `{metadata: {name: checkout, labels: {other: "yes"}}}`)
	first := w.mustApply("team", checkout)
	second := w.mustApply("team", checkout)
	if first.GetGeneration() != born.GetGeneration() || version(second) != version(first) {
		t.Errorf("%s, then %s, then %s", version(born), version(first), version(second))
	}
}

func TestTwoServerSideManagersOfTheSameRulesConflict(t *testing.T) {
	w := newWorld(t)
	w.mustApply("team", checkout)
	_, without := w.apply("second", checkout)
	w.hook.want(both)
	w.touch()
	_, with := w.apply("second", checkout)
	for name, err := range map[string]error{"without": without, "with": with} {
		if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), ".spec.rules") {
			t.Errorf("%s an injection: %v, want a conflict on .spec.rules", name, err)
		}
	}
	forced := w.mustApply("second", checkout, client.ForceOwnership)
	w.ownSays(forced, "pay", "timeouts.request", "60s")
	if again := w.mustApply("second", checkout); version(again) != version(forced) {
		t.Errorf("after force %s, then %s", version(forced), version(again))
	}
}

func TestClientSideApplyTwiceKeepsTheGeneration(t *testing.T) {
	w := newWorld(t)
	w.hook.want(both)
	w.kubectl(checkout, "apply", "-f", "-")
	born := w.route()
	w.ownSays(born, "pay", "timeouts.request", "60s")
	said := w.kubectl(checkout, "apply", "-f", "-")
	again := w.route()
	if version(again) != version(born) {
		t.Errorf("the second apply gives %s after %s", version(again), version(born))
	}
	// kubectl computes a patch against what is stored, so it always sends one.
	if !strings.Contains(said, "configured") {
		t.Errorf("kubectl says %q", said)
	}
	w.kubectl(strings.Replace(checkout, "60s", "45s", 1), "apply", "-f", "-")
	w.says(w.route(), "pay", "timeouts.request", "20s")
	w.ownSays(w.route(), "pay", "timeouts.request", "45s")
	if diff, err := w.tryKubectl(strings.Replace(checkout, "60s", "45s", 1), "diff", "-f", "-"); err != nil || diff != "" {
		t.Errorf("kubectl diff: %v: %s", err, diff)
	}
}

func TestFromClientSideToServerSideApplyNeedsForceOnce(t *testing.T) {
	w := newWorld(t)
	w.hook.want(both)
	w.kubectl(checkout, "apply", "-f", "-")
	said, err := w.tryKubectl(checkout, "apply", "--server-side", "-f", "-")
	if err == nil || !strings.Contains(said, ".spec.rules") {
		t.Errorf("%v: %s", err, said)
	}
	w.kubectl(checkout, "apply", "--server-side", "--force-conflicts", "-f", "-")
	forced := w.route()
	w.kubectl(checkout, "apply", "--server-side", "-f", "-")
	if again := w.route(); version(again) != version(forced) {
		t.Errorf("%s after %s", version(again), version(forced))
	}
	w.ownSays(forced, "pay", "timeouts.request", "60s")
}

// replace and edit send the whole object: what is sent counts as the owner's, except a value that
// equals the injected one.
func TestReplaceSendsOwnWords(t *testing.T) {
	w := newWorld(t)
	w.hook.want(payIn20s)
	w.create(checkout)
	w.kubectl(strings.Replace(checkout, "60s", "45s", 1), "replace", "-f", "-")
	w.says(w.route(), "pay", "timeouts.request", "20s")
	w.ownSays(w.route(), "pay", "timeouts.request", "45s")
	w.kubectl(strings.Replace(checkout, "60s", "20s", 1), "replace", "-f", "-")
	w.ownSays(w.route(), "pay", "timeouts.request", "45s")
}
