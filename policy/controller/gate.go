package controller

import (
	"context"

	"github.com/attache-dev/attache/policy"
)

// Gate is asked before an effective policy takes the place of what is published
// for its target. When it says no, nothing about the target is written: what was
// published stays.
//
// Admission sees one request at a time, and two requests that are each fine can
// together be wrong; nothing is wrong in the cluster before it is published.
type Gate interface {
	// Permits says whether e, as resolved from s, may be published. It is called
	// by several goroutines at a time, and again whenever e may be written.
	Permits(ctx context.Context, s *policy.Snapshot, e *policy.Effective) bool
}

// Open is the Gate that permits everything.
type Open struct{}

// Permits says yes.
func (Open) Permits(context.Context, *policy.Snapshot, *policy.Effective) bool { return true }
