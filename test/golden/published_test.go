package golden_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/source"
)

// TestPublishedSaysTheSame reads the EffectivePolicy object of every route and
// Gateway in the golden files, and gets the explanation that the engine gives: a
// reader of one namespace misses nothing of what applies.
func TestPublishedSaysTheSame(t *testing.T) {
	compared := 0
	for _, file := range goldenFiles(t) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		snapshot := worldOf(t, newWorld(t, archive))
		if snapshot == nil {
			continue
		}
		for e := range effective.ResolveAll(snapshot).All() {
			object := publish.EffectivePolicy(e)
			if object == nil {
				continue
			}
			compared++
			want, err := explain.Explain(snapshot, e.Target, explain.Selection{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := explain.Published(snapshot, object, explain.Selection{})
			if err != nil {
				t.Fatalf("%s: %s: %v", file, e.Target, err)
			}
			if diff := gocmp.Diff(comparable(want), comparable(got)); diff != "" {
				t.Errorf("%s: %s (-engine +published):\n%s", file, e.Target, diff)
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d objects were compared", compared)
	}
}

// worldOf reads the input of a golden file; nil when it has none, or one that is
// refused.
func worldOf(t *testing.T, w *world) *policy.Snapshot {
	t.Helper()
	if len(w.args) == 0 {
		return nil
	}
	in, err := source.New([]string{w.folder}, source.Options{Recursive: true}).Read(t.Context())
	if err != nil {
		return nil
	}
	snapshot, _ := policy.NewSnapshot(policy.Options{AssumeClasses: true}).With(in.Objects()...)
	return snapshot
}

// comparable is an explanation without what an object cannot say: where a route is
// not bound, and which policies are on the way and do not apply; and without the
// targets of values that lost, of which it has the level.
func comparable(e *explain.Explanation) []explain.Scope {
	for i := range e.Scopes {
		s := &e.Scopes[i]
		s.Ignored = nil
		for j := range s.Fields {
			f := &s.Fields[j]
			f.Why = ""
			for k := range f.Beat {
				b := &f.Beat[k]
				b.Target, b.TargetRefs, b.Place = "", nil, ""
			}
		}
	}
	return e.Scopes
}
