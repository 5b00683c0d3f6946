package webhook

import "context"

// gate lets a bounded number of reviews be decided at a time, and a bounded
// number wait. Whoever has a place counts as one of the two.
type gate struct {
	places chan struct{} // concurrency + queue
	slots  chan struct{} // concurrency
}

func newGate(concurrency, queue int) *gate {
	return &gate{
		places: make(chan struct{}, concurrency+queue),
		slots:  make(chan struct{}, concurrency),
	}
}

// arrive takes a place, or says at once that there is none.
func (g *gate) arrive() bool {
	select {
	case g.places <- struct{}{}:
		return true
	default:
		return false
	}
}

// depart gives the place back.
func (g *gate) depart() { <-g.places }

// enter waits for a slot as long as ctx allows.
func (g *gate) enter(ctx context.Context) bool {
	select {
	case g.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// leave gives the slot back.
func (g *gate) leave() { <-g.slots }
