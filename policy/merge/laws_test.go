package merge_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/policy/merge"
)

// values draws small JSON objects whose fields often meet.
func values(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		o := map[string]any{}
		for _, key := range []string{"a", "b", "c"} {
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				o[key] = "x"
			case 1:
				o[key] = int64(rapid.IntRange(0, 3).Draw(t, "n"))
			case 2:
				o[key] = []any{"p", "q"}
			case 3:
				o[key] = nil
			case 4:
				if depth > 0 {
					o[key] = values(depth-1).Draw(t, "inner")
				}
			}
		}
		return o
	})
}

func layers() *rapid.Generator[[]merge.Layer] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) merge.Layer {
		return merge.Layer{
			Block:    rapid.SampledFrom([]merge.Block{merge.Default, merge.Override, merge.Default, merge.Override, merge.Inline}).Draw(t, "block"),
			Strategy: rapid.SampledFrom([]merge.Strategy{merge.Atomic, merge.Patch}).Draw(t, "strategy"),
			Value:    values(2).Draw(t, "value"),
		}
	}), 0, 6)
}

var aWholeShape = merge.NewShape([][]string{{"a", merge.AnyKey}}, [][][]string{{{"b"}, {"c"}}}, nil)

func shapes() *rapid.Generator[merge.Shape] {
	return rapid.SampledFrom([]merge.Shape{
		{},
		aWholeShape,
		merge.NewShape([][]string{{"a"}, {"b", "c"}}, nil, [][]string{{"c"}}),
		merge.NewShape(nil, [][][]string{{{"a", "a"}, {"a", "b", "c"}}, {{"c", merge.AnyKey, "a"}, {"c", merge.AnyKey, "b"}}}, [][]string{{"b", "a"}}),
	})
}

func TestEveryLeafHasOneOriginAndInputsNeverChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkLaws(t, layers().Draw(t, "layers"), shapes().Draw(t, "shape")) })
}

func TestMergeWithEmptyIsIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := layers().Draw(t, "layers")
		at := rapid.IntRange(0, len(list)).Draw(t, "at")
		empty := merge.Layer{
			Block:    rapid.SampledFrom([]merge.Block{merge.Default, merge.Override, merge.Inline}).Draw(t, "block"),
			Strategy: rapid.SampledFrom([]merge.Strategy{merge.Atomic, merge.Patch}).Draw(t, "strategy"),
		}
		with := merge.Fold(slices.Insert(slices.Clone(list), at, empty), merge.Shape{})
		if diff := cmp.Diff(merge.Fold(list, merge.Shape{}).Value, with.Value); diff != "" {
			t.Fatalf("an empty layer made a difference: -without +with:\n%s", diff)
		}
	})
}

// With Patch and flat values the whole fold means only this: the strongest layer that states a
// field wins.
func TestPatchOfFlatValuesIsTheStrongestStatement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := layers().Draw(t, "layers")
		for i := range list {
			list[i].Strategy = merge.Patch
			for key, v := range list[i].Value {
				_, nested := v.(map[string]any)
				if nested || (v == nil && list[i].Block == merge.Inline) { // a rule states no null
					delete(list[i].Value, key)
				}
			}
		}
		want := map[string]any{}
		for _, key := range []string{"a", "b", "c"} {
			for _, i := range merge.Strength(list) {
				if v, stated := list[i].Value[key]; stated {
					if v != nil {
						want[key] = v
					}
					break
				}
			}
		}
		got := merge.Fold(list, merge.Shape{}).Value
		if got == nil {
			got = map[string]any{}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// RFC 7386 by its own pseudo code, on two layers.
func TestTwoPatchLayersAreRFC7386(t *testing.T) {
	var mergePatch func(target, patch any) any
	mergePatch = func(target, patch any) any {
		p, isObject := patch.(map[string]any)
		if !isObject {
			return patch
		}
		result := map[string]any{}
		if o, ok := target.(map[string]any); ok {
			for key, v := range o {
				result[key] = v
			}
		}
		for key, v := range p {
			if v == nil {
				delete(result, key)
			} else {
				result[key] = mergePatch(result[key], v)
			}
		}
		return result
	}
	rapid.Check(t, func(t *rapid.T) {
		// The lower one is cleaned of nulls: RFC 7386 keeps those of a target.
		lower := mergePatch(nil, values(2).Draw(t, "lower")).(map[string]any)
		upper := values(2).Draw(t, "upper")
		got := merge.Fold([]merge.Layer{
			{Block: merge.Default, Strategy: merge.Patch, Value: lower},
			{Block: merge.Default, Strategy: merge.Patch, Value: upper},
		}, merge.Shape{}).Value
		want := mergePatch(lower, upper).(map[string]any)
		if len(want) == 0 {
			want = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

func FuzzFold(f *testing.F) {
	f.Add(`[{"Block":0,"Strategy":1,"Value":{"a":{"b":null}}},{"Block":2,"Strategy":0,"Value":{"a":[1]}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var list []merge.Layer
		if json.Unmarshal([]byte(text), &list) != nil {
			return
		}
		for i := range list {
			list[i].Block %= merge.Bound
		}
		checkLaws(t, list, merge.Shape{})
		checkLaws(t, list, aWholeShape)
	})
}

// flat draws layers as policies mostly are: patched, few fields inside others, few nulls.
func flat() *rapid.Generator[[]merge.Layer] {
	value := rapid.Custom(func(t *rapid.T) map[string]any {
		o := map[string]any{}
		for _, key := range []string{"a", "b", "c", "d"} {
			switch what := rapid.IntRange(0, 20).Draw(t, "what"); {
			case what < 10:
			case what < 15:
				o[key] = int64(what)
			case what < 17:
				o[key] = []any{"p", "q"}
			case what < 20:
				o[key] = map[string]any{"a": "x", "b": "y"}
			default:
				o[key] = rapid.SampledFrom([]any{nil, map[string]any{}, map[string]any{"a": nil}, map[string]any{"a": map[string]any{"a": "z"}}}).Draw(t, "odd")
			}
		}
		return o
	})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) merge.Layer {
		return merge.Layer{
			Block:    rapid.SampledFrom([]merge.Block{merge.Default, merge.Override, merge.Default, merge.Override, merge.Inline}).Draw(t, "block"),
			Strategy: rapid.SampledFrom([]merge.Strategy{merge.Patch, merge.Patch, merge.Patch, merge.Patch, merge.Atomic}).Draw(t, "strategy"),
			Value:    value.Draw(t, "value"),
		}
	}), 0, 6)
}

// Tracing leaf by leaf gives the same as folding trees, repeatedly.
func TestTraceIsFoldWithoutTheValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var folder merge.Folder
		for range 3 {
			list, shape := rapid.OneOf(flat(), layers()).Draw(t, "layers"), shapes().Draw(t, "shape")
			if !reflect.ValueOf(shape).IsZero() { // a rule states nothing inside what is taken whole
				list = slices.DeleteFunc(list, func(l merge.Layer) bool { return l.Block == merge.Inline })
			}
			want := merge.Fold(list, shape)
			read := slices.Clone(list)
			for i := range read {
				if rapid.Bool().Draw(t, "read") {
					read[i] = read[i].Read()
				}
			}
			origins, lost := folder.Trace(read, shape)
			if diff := cmp.Diff(want.Origins, origins, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("origins: -fold +trace:\n%s", diff)
			}
			if diff := cmp.Diff(want.Lost, lost, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("lost: -fold +trace:\n%s", diff)
			}
		}
	})
}
