package persistent_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy/persistent"
)

func contents[K comparable, V any](m persistent.Map[K, V]) map[K]V {
	return maps.Collect(m.All())
}

func TestTheZeroMapIsEmptyAndReadyToUse(t *testing.T) {
	var m persistent.Map[string, int]
	if m.Len() != 0 || len(contents(m)) != 0 {
		t.Fatalf("the zero Map is not empty: %v", contents(m))
	}
	if n := m.Without("a"); n.Len() != 0 {
		t.Fatalf("removing from the empty Map left %d entries", n.Len())
	}
	if v, ok := m.With("a", 1).Get("a"); !ok || v != 1 {
		t.Fatalf("Get = %d, %v after With", v, ok)
	}
}

func TestAVersionDoesNotSeeLaterVersions(t *testing.T) {
	var versions []persistent.Map[int, int]
	var m persistent.Map[int, int]
	for i := range 300 {
		versions = append(versions, m)
		m = m.With(i, i)
	}
	for i := range 300 {
		m = m.Without(i).With(-i-1, 0)
	}
	for n, version := range versions {
		if version.Len() != n {
			t.Fatalf("version %d has %d entries", n, version.Len())
		}
		for i := range 300 {
			if _, got := version.Get(i); got != (i < n) {
				t.Fatalf("version %d: %d is there: = %v", n, i, got)
			}
		}
	}
}

func TestABuiltMapDoesNotSeeItsBuilderGoOn(t *testing.T) {
	var b persistent.Builder[int, int]
	for i := range 100 {
		b.Set(i, i)
	}
	first := b.Map()
	for i := range 100 {
		b.Set(i, -i)
		b.Set(i+100, i)
		b.Delete(i + 50)
	}
	want := map[int]int{}
	for i := range 100 {
		want[i] = i
	}
	if diff := cmp.Diff(want, contents(first)); diff != "" {
		t.Errorf("the Map changed after it was built (-want +got):\n%s", diff)
	}
}

func TestIterationStopsWhenAsked(t *testing.T) {
	var m persistent.Map[int, int]
	for i := range 1000 {
		m = m.With(i, i)
	}
	seen := 0
	for range m.All() {
		if seen++; seen == 7 {
			break
		}
	}
	for range m.Keys() {
		if seen++; seen == 14 {
			break
		}
	}
	if seen != 14 {
		t.Errorf("saw %d entries, want 14", seen)
	}
}

// Whatever is done to a Map, it has the content of a plain map, and every version that was kept on
// the way still has the content that it had then.
func TestAMapHoldsWhatAPlainMapHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.IntRange(0, 200)
		var m persistent.Map[int, int]
		model := map[int]int{}
		type version struct {
			m     persistent.Map[int, int]
			model map[int]int
		}
		var taken []version
		t.Repeat(map[string]func(*rapid.T){
			"with": func(t *rapid.T) {
				k, v := keys.Draw(t, "key"), rapid.Int().Draw(t, "value")
				m, model[k] = m.With(k, v), v
			},
			"without": func(t *rapid.T) {
				k := keys.Draw(t, "key")
				m = m.Without(k)
				delete(model, k)
			},
			"bulk": func(t *rapid.T) {
				b := m.Builder()
				for _, k := range rapid.SliceOf(keys).Draw(t, "set") {
					b.Set(k, k)
					model[k] = k
				}
				for _, k := range rapid.SliceOf(keys).Draw(t, "delete") {
					b.Delete(k)
					delete(model, k)
				}
				if b.Len() != len(model) {
					t.Fatalf("the builder has %d entries, want %d", b.Len(), len(model))
				}
				m = b.Map()
			},
			"settle": func(t *rapid.T) {
				if m = m.Settled(); !m.IsSettled() {
					t.Fatal("not settled")
				}
			},
			"keep": func(*rapid.T) { taken = append(taken, version{m, maps.Clone(model)}) },
			"": func(t *rapid.T) {
				if m.Len() != len(model) {
					t.Fatalf("Len = %d, want %d", m.Len(), len(model))
				}
				if diff := cmp.Diff(model, contents(m)); diff != "" {
					t.Fatalf("contents (-want +got):\n%s", diff)
				}
				for k := range 201 {
					v, ok := m.Get(k)
					want, has := model[k]
					if v != want || ok != has {
						t.Fatalf("Get(%d) = %d, %v; want %d, %v", k, v, ok, want, has)
					}
				}
			},
		})
		for i, v := range taken {
			if diff := cmp.Diff(v.model, contents(v.m)); diff != "" {
				t.Fatalf("version %d changed (-want +got):\n%s", i, diff)
			}
		}
	})
}

func FuzzMap(f *testing.F) {
	f.Add([]byte{0, 1, 2, 128, 129, 2})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var m persistent.Map[byte, int]
		model := map[byte]int{}
		for i, op := range ops {
			// The high bit removes, the rest is the key.
			if key := op & 127; op >= 128 {
				m = m.Without(key)
				delete(model, key)
			} else {
				m = m.With(key, i)
				model[key] = i
			}
		}
		if diff := cmp.Diff(model, contents(m)); diff != "" || m.Len() != len(model) {
			t.Fatalf("Len %d, contents (-want +got):\n%s", m.Len(), diff)
		}
	})
}

// place is a key like those the engine uses.
type place struct{ group, kind, namespace, name, section string }

func places(n int) []place {
	keys := make([]place, n)
	for i := range keys {
		keys[i] = place{"gateway.networking.k8s.io", "HTTPRoute", fmt.Sprintf("team-%d", i%100), fmt.Sprintf("route-%d", i), ""}
	}
	return keys
}

func benchmarkMap() (keys []place, m persistent.Map[place, int]) {
	keys = places(10_000)
	var b persistent.Builder[place, int]
	for i, k := range keys {
		b.Set(k, i)
	}
	return keys, b.Map()
}

func BenchmarkBuild10000(b *testing.B) {
	keys := places(10_000)
	b.ReportAllocs()
	for b.Loop() {
		var builder persistent.Builder[place, int]
		for i, k := range keys {
			builder.Set(k, i)
		}
		_ = builder.Map()
	}
}

func BenchmarkGet(b *testing.B) {
	keys, m := benchmarkMap()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		m.Get(keys[i%len(keys)])
		i++
	}
}

func BenchmarkWith(b *testing.B) {
	keys, m := benchmarkMap()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		m.With(keys[i%len(keys)], i)
		i++
	}
}

func BenchmarkWithout(b *testing.B) {
	keys, m := benchmarkMap()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		m.Without(keys[i%len(keys)])
		i++
	}
}

func BenchmarkAll(b *testing.B) {
	_, m := benchmarkMap()
	b.ReportAllocs()
	for b.Loop() {
		sum := 0
		for _, v := range m.All() {
			sum += v
		}
	}
}

func ExampleMap() {
	before := persistent.Map[string, int]{}.With("routes", 1)
	after := before.With("routes", 2).With("gateways", 1)
	old, _ := before.Get("routes")
	now, _ := after.Get("routes")
	fmt.Println(old, now, before.Len(), after.Len())
	// Output: 1 2 1 2
}
