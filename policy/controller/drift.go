package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// drift distinguishes writes of others from our own writes, whose watch events may arrive before
// the API server's answer.
type drift struct {
	mu sync.Mutex
	// own is the state of an object after our last write, according to the API server's answer. The
	// state in the watch cache may already be somebody else's.
	own map[hierarchy.Ref]uint64
	// made are the EffectivePolicy objects that this process created.
	made refs
	// told is when the last event about a forged result was sent.
	told map[hierarchy.Ref]time.Time
}

// quietAfterEvent is how long no further event about a forged result is sent. Each forged result is
// reverted at once.
const quietAfterEvent = time.Minute

func newDrift() *drift {
	return &drift{own: map[hierarchy.Ref]uint64{}, made: refs{}, told: map[hierarchy.Ref]time.Time{}}
}

// wrote records the API server's answer to a write on an object.
func (d *drift) wrote(ref hierarchy.Ref, print uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.own[ref] = print
}

// foreign reports whether the state of an object is known to be written by somebody else.
func (d *drift) foreign(ref hierarchy.Ref, print uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	own, known := d.own[ref]
	return known && own != print
}

// forget drops the record of an object that no longer exists.
func (d *drift) forget(ref hierarchy.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.own, ref)
	delete(d.told, ref)
}

// makes records that an EffectivePolicy is about to be created, or is gone.
func (d *drift) makes(ref hierarchy.Ref, there bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if there {
		d.made.add(ref)
		return
	}
	delete(d.made, ref)
	delete(d.own, ref)
}

// stray reports whether somebody else created an EffectivePolicy that should not exist. One that an
// earlier run left behind has our field manager.
func (d *drift) stray(ref hierarchy.Ref, live *unstructured.Unstructured) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ours := d.made[ref]; ours || live == nil {
		return false
	}
	_, hasStatus := live.Object["status"]
	return !hasStatus || !status.Claimed(live)
}

// tell reports whether it is time to send an event about a forged result.
func (d *drift) tell(ref hierarchy.Ref, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if last, told := d.told[ref]; told && now.Sub(last) < quietAfterEvent {
		return false
	}
	d.told[ref] = now
	return true
}

// resultOf returns the EffectivePolicy of a route or a Gateway.
func resultOf(target hierarchy.Ref) hierarchy.Ref {
	return hierarchy.Ref{GroupKind: publish.EffectivePolicyKind, NamespacedName: types.NamespacedName{Namespace: target.Namespace, Name: publish.ObjectName(target)}}
}

// reasonForged is the reason of the event about a result that somebody else wrote.
const reasonForged = "WrittenBySomebodyElse"

const noteForged = "Something other than attache changed what this object says. attache wrote it again. " +
	"Nobody else should have the right to: see admission.protectResults of the chart."
