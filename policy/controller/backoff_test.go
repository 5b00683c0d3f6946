package controller

import (
	"testing"
	"time"

	"github.com/attache-dev/attache/hierarchy"
)

func TestAFightIsFoughtLessAndLessOften(t *testing.T) {
	now := time.Unix(0, 0)
	p, ref := &backoff{fights: map[hierarchy.Ref]fight{}}, hierarchy.GatewayRef("infra", "public")
	var waits []time.Duration
	for range freely + 10 {
		wait := p.wait(ref, now)
		waits = append(waits, wait)
		now = now.Add(wait + time.Millisecond) // the other side answers at once
		p.repaired(ref, now)
	}
	if waits[0] != 0 || waits[freely-1] != 0 || waits[freely] != leastWait || waits[freely+1] != 2*leastWait || waits[freely+9] != mostWait {
		t.Errorf("the waits are %v", waits)
	}
	if wait := p.wait(hierarchy.GatewayRef("infra", "other"), now); wait != 0 {
		t.Errorf("another object waits %s", wait)
	}
	now = now.Add(mostWait + time.Minute)
	if wait := p.wait(ref, now); wait != 0 || len(p.fights) != 0 {
		t.Errorf("after peace the wait is %s", wait)
	}
}
