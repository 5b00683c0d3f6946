package controller

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/status"
)

var wide = hierarchy.NewRef("attache.dev", "TimeoutPolicy", "infra", "wide")

// routes are so many targets.
func routes(n int) refs {
	all := refs{}
	for i := range n {
		all.add(ref("big", fmt.Sprint("r", i)))
	}
	return all
}

// The status of a policy that reaches many routes reports its progress every few seconds while
// they are written, and no longer when all of them are.
func TestAWideEditTellsHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p progress
		var told []string
		say := func(policy hierarchy.Ref) {
			if policy != wide {
				t.Errorf("%v is looked at", policy)
			}
			told = append(told, time.Now().Format("05"))
		}
		all := routes(1000)
		dirty := routes(1000)
		dirty.add(wide)
		p.put(dirty, map[hierarchy.Ref]refs{wide: all}, say)
		if waiting, total := p.counts(); waiting != 1001 || total != 1001 {
			t.Errorf("%d of %d wait, want 1001 of 1001", waiting, total)
		}
		p.done(wide, p.began(), true)
		var said []string
		time.Sleep(5 * time.Millisecond) // so that no two things happen at one moment
		for i := range 1000 {            // a hundred a second
			time.Sleep(10 * time.Millisecond)
			p.done(ref("big", fmt.Sprint("r", i)), p.began(), true)
			if text := p.of(wide); len(said) == 0 || said[len(said)-1] != text {
				said = append(said, text)
			}
		}
		synctest.Wait()
		want := []string{"", "Reconciling 299/1000", "Reconciling 599/1000", "Reconciling 899/1000", ""}
		if !slices.Equal(said, want) {
			t.Errorf("it says %q, want %q", said, want)
		}
		if !slices.Equal(told, []string{"03", "06", "09", "10"}) {
			t.Errorf("its status is written at %v", told)
		}
		if waiting, total := p.counts(); waiting != 0 || total != 0 {
			t.Errorf("in the end %d of %d wait", waiting, total)
		}
		time.Sleep(time.Hour)
		if len(told) != 4 {
			t.Errorf("it goes on: %v", told)
		}
	})
}

// Where values are put into routes, those of all routes come first, and each counts as half of what is
// to be done for a route. The last ones are not postponed, and neither are routes of small edits.
func TestValuesComeBeforeWhatIsSaidOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p progress
		p.put(routes(1000), map[hierarchy.Ref]refs{wide: routes(1000)}, func(hierarchy.Ref) {})
		at := func(i int) hierarchy.Ref { return ref("big", fmt.Sprint("r", i)) }
		postponed := 0
		for i := range 1000 {
			if p.postpone(at(i)) {
				postponed++
				continue
			}
			p.done(at(i), p.began(), true)
		}
		if want := 1000 - narrowly; postponed != want {
			t.Errorf("%d of 1000 are postponed, want %d", postponed, want)
		}
		time.Sleep(tellEvery + time.Millisecond)
		if got, want := p.of(wide), "Reconciling 550/1000"; got != want {
			t.Errorf("once all values are there it says %q, want %q", got, want)
		}
		if p.postpone(ref("big", "another")) {
			t.Error("a route that no wide edit reaches is postponed")
		}
		for i := range 450 {
			p.done(at(i), p.began(), true)
		}
		time.Sleep(tellEvery)
		if got, want := p.of(wide), "Reconciling 775/1000"; got != want {
			t.Errorf("when half of the rest is written it says %q, want %q", got, want)
		}
		for i := range 1000 {
			p.done(at(i), p.began(), true)
		}
		if waiting, _ := p.counts(); waiting != 0 || p.of(wide) != "" {
			t.Errorf("in the end %d wait, and it says %q", waiting, p.of(wide))
		}
		p.stop()
	})
}

// After a restart everything is looked at, and nothing is written, neither of this.
func TestWhatHasNothingToWriteTellsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p progress
		p.put(routes(1000), map[hierarchy.Ref]refs{wide: routes(1000)}, func(hierarchy.Ref) { t.Error("its status is written") })
		for i := range 1000 {
			time.Sleep(10 * time.Millisecond)
			p.done(ref("big", fmt.Sprint("r", i)), p.began(), false)
		}
	})
}

// An object that changes again while it is checked is checked once more.
func TestWhatChangesMeanwhileIsNotDone(t *testing.T) {
	var p progress
	one := ref("big", "r0")
	p.put(refs{one: {}}, nil, nil)
	began := p.began()
	p.put(refs{one: {}}, nil, nil)
	p.done(one, began, true)
	if waiting, total := p.counts(); waiting != 1 || total != 1 {
		t.Errorf("%d of %d wait, want 1 of 1", waiting, total)
	}
	p.done(one, p.began(), true)
	if waiting, _ := p.counts(); waiting != 0 {
		t.Errorf("%d wait, want none", waiting)
	}
	p.stop()
}

// Progress is reported at a start for the policies that reach most, at an edit for the edited
// policy, and never for a route's own policy.
func TestWhoTellsHowFarItIs(t *testing.T) {
	snapshot, _ := policy.NewSnapshot(policy.Options{}).With(object(timeoutCRD),
		object("{"+gatewayAPI+"Gateway, metadata: {name: g, namespace: one}, spec: {gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}]}}"))
	timeout := func(name, kind, target string) *unstructured.Unstructured {
		return object("{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: " + name + ", namespace: one}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: " +
			kind + ", name: " + target + "}, default: {request: 1s}}}")
	}
	above, own := timeout("above", "Gateway", "g"), timeout("own", "HTTPRoute", "r0")
	snapshot, _ = snapshot.With(above, own)
	for i := range narrowly + 1 {
		snapshot, _ = snapshot.With(object(fmt.Sprintf("{%sHTTPRoute, metadata: {name: r%d, namespace: one, uid: r%d}, spec: {parentRefs: [{name: g}], rules: [{}]}}", gatewayAPI, i, i)))
	}
	s := newState(none)
	s.begin(t.Context(), snapshot, nil, newMemory())
	check := func(when string) {
		t.Helper()
		if targets, all := s.far[hierarchy.RefOf(above)], narrowly+2; len(s.far) != 1 || len(targets) != all {
			t.Errorf("%s: %d policies tell, that of the Gateway of %d targets; want 1, of %d", when, len(s.far), len(targets), all)
		}
	}
	check("at the start")
	s.settle(t.Context(), snapshot, refs{hierarchy.RefOf(above): {}}, nil, false)
	check("after an edit of it")
	s.settle(t.Context(), snapshot, refs{hierarchy.NewRef(hierarchy.Group, "Gateway", "one", "g"): {}}, nil, false)
	check("after an edit of the Gateway")
	s.settle(t.Context(), snapshot, refs{hierarchy.RefOf(own): {}}, nil, false)
	if len(s.far) != 0 {
		t.Errorf("a policy of one route tells how far it is: %v", s.far)
	}
}

// The condition is there while there is progress to report, and nothing else in the status
// changes.
func TestTheConditionComesAndGoes(t *testing.T) {
	m := newMemory()
	u := object("{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: wide, namespace: infra}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: g}, default: {request: 1s}}}")
	m.objects[wide] = u
	snapshot, _ := policy.NewSnapshot(policy.Options{}).With(object(timeoutCRD), u)
	c := &Controller{live: m, planner: status.Planner{Now: func() time.Time { return time.Unix(0, 0) }}, state: newState(none), enforcer: newEnforcer(Enforcement{})}
	c.state.begin(t.Context(), snapshot, nil, m)
	look := func() (message string, writes int) {
		list, _ := c.decide(wide)
		for _, w := range list {
			m.write(w)
		}
		conditions, _, _ := unstructured.NestedSlice(m.Policy(wide).Object, "status", "conditions")
		for _, each := range conditions {
			if each := each.(map[string]any); each["type"] == status.ConditionReconciling && each["status"] == "True" {
				message = each["message"].(string)
			}
		}
		return message, len(list)
	}
	look()
	for _, text := range []string{"Reconciling 1/2000", "Reconciling 700/2000", ""} {
		c.progress.outs = map[hierarchy.Ref]*fanOut{wide: {text: text}}
		if got, writes := look(); got != text || writes != 1 {
			t.Errorf("it says %q with %d writes, want %q with one", got, writes, text)
		}
		if _, writes := look(); writes != 0 {
			t.Errorf("%q is written again", text)
		}
	}
}
