package controller

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// drift tells what others wrote where we write from our own writes, whose echo
// the watch may bring before the API server's answer.
type drift struct {
	mu sync.Mutex
	// own is what stood on an object after our last write, by the API server's
	// answer. What the watch knows by then may be somebody else's already.
	own map[hierarchy.Ref]uint64
	// made are the EffectivePolicy objects that this process made.
	made refs
	// told is when an event last told of a forged result.
	told map[hierarchy.Ref]time.Time
}

// quietAfterEvent is how long a forged result is not told of again. It is put
// right at once each time.
const quietAfterEvent = time.Minute

func newDrift() *drift {
	return &drift{own: map[hierarchy.Ref]uint64{}, made: refs{}, told: map[hierarchy.Ref]time.Time{}}
}

// wrote takes in what the API server answered to a write on an object.
func (d *drift) wrote(ref hierarchy.Ref, print uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.own[ref] = print
}

// foreign says whether what stands on an object is known to be somebody else's.
func (d *drift) foreign(ref hierarchy.Ref, print uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	own, known := d.own[ref]
	return known && own != print
}

// forget drops what is remembered of an object that is gone.
func (d *drift) forget(ref hierarchy.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.own, ref)
	delete(d.told, ref)
}

// makes takes in that an EffectivePolicy is about to be made, or is gone.
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

// stray says whether somebody else made an EffectivePolicy of nothing. One that an
// earlier run left behind carries our field manager.
func (d *drift) stray(ref hierarchy.Ref, live *unstructured.Unstructured) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ours := d.made[ref]; ours || live == nil {
		return false
	}
	_, hasStatus := live.Object["status"]
	return !hasStatus || !status.Claimed(live)
}

// tell says whether it is time to tell of a forged result.
func (d *drift) tell(ref hierarchy.Ref, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if last, told := d.told[ref]; told && now.Sub(last) < quietAfterEvent {
		return false
	}
	d.told[ref] = now
	return true
}

// resultOf is the EffectivePolicy of a route or a Gateway.
func resultOf(target hierarchy.Ref) hierarchy.Ref {
	return hierarchy.Ref{GroupKind: publish.EffectivePolicyKind, NamespacedName: types.NamespacedName{Namespace: target.Namespace, Name: publish.ObjectName(target)}}
}

// fingerprint is of all that we write on an object, as it is.
func fingerprint(annotations map[string]string, object *unstructured.Unstructured) uint64 {
	sum := fnv.New64a()
	fmt.Fprint(sum, annotations)
	switch {
	case object == nil:
	case object.GetKind() == publish.Kind:
		fmt.Fprint(sum, object.GetOwnerReferences(), object.Object["targetRef"], object.Object["status"], status.Claimed(object))
	default:
		fmt.Fprint(sum, object.Object["status"])
	}
	return sum.Sum64()
}

// reasonForged is the reason of the event on a result that somebody else wrote.
const reasonForged = "WrittenBySomebodyElse"

const noteForged = "Something other than attache changed what this object says. attache wrote it again. " +
	"Nobody else should have the right to: see admission.protectResults of the chart."
