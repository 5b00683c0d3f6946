package policy_test

import (
	"github.com/attache-dev/attache/test/worldtest"
)

// How the tests write objects.
var (
	objects  = worldtest.Objects
	ourKinds = worldtest.Kinds
	world    = worldtest.Snapshot
)
