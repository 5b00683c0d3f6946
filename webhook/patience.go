package webhook

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// retryAfter is what undecided calls are told to wait. An API server does so
// within the webhook's timeout, up to ten times.
const retryAfter = time.Second

// patience knows since when an API server has been asking about a review. It
// asks again with the same uid. When its timeout would end before it asks once
// more, it had better not wait: after a timeout it shows nothing but that, and
// else the reason that we give.
type patience struct {
	mu    sync.Mutex
	since map[types.UID]time.Time
}

// remembered is how many reviews are kept in mind. What is forgotten is only the
// better message.
const remembered = 1024

// left says whether it makes sense to ask again.
func (p *patience) left(uid types.UID, parameter string, now time.Time) bool {
	timeout, err := time.ParseDuration(parameter)
	if err != nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	first, asked := p.since[uid]
	if !asked {
		if p.since == nil || len(p.since) >= remembered {
			p.since = map[types.UID]time.Time{}
		}
		first = now
		p.since[uid] = now
	}
	return now.Sub(first)+retryAfter+timeout/50 < timeout
}
