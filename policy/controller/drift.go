package controller

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// drift tells what others wrote where we write from our own writes, whose echo
// the watch may bring before the API server's answer.
type drift struct {
	mu sync.Mutex
	// own is what was written about an object when we last wrote there.
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

// wrote takes in what is written about an object now that we wrote there.
func (d *drift) wrote(ref hierarchy.Ref, print uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.own[ref] = print
}

// foreign says whether what is written about an object is known to be somebody
// else's.
func (d *drift) foreign(ref hierarchy.Ref, print uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	own, known := d.own[ref]
	return known && own != print
}

// makes takes in that an EffectivePolicy is about to be made, or is gone.
func (d *drift) makes(ref hierarchy.Ref, there bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if delete(d.made, ref); there {
		d.made.add(ref)
	}
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

// print is a fingerprint of all that we write about an object, as it is.
func (c *Controller) print(ref hierarchy.Ref) uint64 {
	sum := fnv.New64a()
	if p := c.live.Policy(ref); p != nil {
		fmt.Fprint(sum, p.Object["status"])
		return sum.Sum64()
	}
	annotations, _ := c.live.Annotations(ref)
	fmt.Fprint(sum, annotations)
	if u := c.live.EffectivePolicy(ref.Namespace, publish.ObjectName(ref)); u != nil {
		fmt.Fprint(sum, u.GetOwnerReferences(), u.Object["targetRef"], u.Object["status"], status.Claimed(u))
	}
	return sum.Sum64()
}

// reasonForged is the reason of the event on a result that somebody else wrote.
const reasonForged = "WrittenBySomebodyElse"

const noteForged = "Somebody else than attache changed what this object says. attache wrote it again. " +
	"Nobody else should have the right to: see admission.protectResults of the chart."
