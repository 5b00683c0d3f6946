package policy_test

import (
	"testing"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/test/worldtest"
)

// How the tests write objects.
var (
	objects  = worldtest.Objects
	ourKinds = worldtest.Kinds
)

// world is a snapshot of our kinds and the objects given.
func world(t testing.TB, text string) *policy.Snapshot {
	t.Helper()
	s, problems := policy.NewSnapshot(policy.Options{}).With(append(ourKinds(t), objects(t, text)...)...)
	for _, p := range problems {
		t.Errorf("%v", p)
	}
	return s
}
