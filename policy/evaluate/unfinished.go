package evaluate

import (
	"fmt"

	"github.com/attache-dev/attache/hierarchy/prose"
)

// Unfinished is the error of a review that came to no end.
type Unfinished struct {
	// Done of All routes and Gateways had been looked at.
	Done, All int
	// Guardrail is the one that was being asked; empty when effective policies
	// were still being worked out.
	Guardrail string
	// Err is why: the context's error.
	Err error
}

// Error says how far the review got.
func (u *Unfinished) Error() string {
	if u.Guardrail == "" {
		return fmt.Sprintf("%d of %s were worked out", u.Done, prose.Count(u.All, "effective policy"))
	}
	return fmt.Sprintf("guardrail %s was being asked after %d of %s", u.Guardrail, u.Done, prose.Count(u.All, "effective policy"))
}

// Unwrap is why it came to no end: the context's error.
func (u *Unfinished) Unwrap() error { return u.Err }
