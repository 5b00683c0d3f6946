package policy_test

import (
	"github.com/attache-dev/attache/test/worldtest"
)

// How the tests write worlds.
var world = worldtest.Snapshot
