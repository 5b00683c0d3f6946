package merge_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/attache-dev/attache/policy/merge"
)

type object = map[string]any

func layer(block merge.Block, strategy merge.Strategy, value object) merge.Layer {
	return merge.Layer{Block: block, Strategy: strategy, Value: value}
}

func TestFoldFollowsPrecedence(t *testing.T) {
	const atomic, patch = merge.Atomic, merge.Patch
	tests := map[string]struct {
		layers []merge.Layer
		want   object
	}{
		"nothing merges to nothing": {},
		"a class override stands although a gateway default lies between it and the route's default": {
			layers: []merge.Layer{
				layer(merge.Override, patch, object{"request": "30s"}),
				layer(merge.Default, patch, object{"request": "10s", "backend": "5s"}),
				layer(merge.Default, patch, object{"request": "60s"}),
			},
			want: object{"request": "30s", "backend": "5s"},
		},
		"the lower default wins": {
			layers: []merge.Layer{
				layer(merge.Default, patch, object{"a": "class", "b": "class"}),
				layer(merge.Default, patch, object{"a": "route"}),
			},
			want: object{"a": "route", "b": "class"},
		},
		"the higher override wins": {
			layers: []merge.Layer{
				layer(merge.Override, patch, object{"a": "class"}),
				layer(merge.Override, patch, object{"a": "route", "b": "route"}),
			},
			want: object{"a": "class", "b": "route"},
		},
		"an atomic default gives way whole": {
			layers: []merge.Layer{
				layer(merge.Default, atomic, object{"a": "class", "b": "class"}),
				layer(merge.Default, atomic, object{"a": "route"}),
			},
			want: object{"a": "route"},
		},
		"it is the established layer's strategy that decides": {
			layers: []merge.Layer{
				layer(merge.Default, patch, object{"a": "class", "b": "class"}),
				layer(merge.Default, atomic, object{"a": "route"}),
			},
			want: object{"a": "route", "b": "class"},
		},
		"an atomic override takes all": {
			layers: []merge.Layer{
				layer(merge.Override, atomic, object{"a": "class"}),
				layer(merge.Override, patch, object{"b": "route"}),
				layer(merge.Default, patch, object{"c": "rule"}),
			},
			want: object{"a": "class"},
		},
		"an inline value beats every default and yields to every override": {
			layers: []merge.Layer{
				layer(merge.Override, patch, object{"a": "class"}),
				layer(merge.Inline, patch, object{"a": "inline", "b": "inline"}),
				layer(merge.Default, patch, object{"b": "rule", "c": "rule"}),
			},
			want: object{"a": "class", "b": "inline", "c": "rule"},
		},
		"an inline value replaces its field alone, also over an atomic default": {
			layers: []merge.Layer{
				layer(merge.Default, atomic, object{"a": "gateway", "b": "gateway"}),
				layer(merge.Inline, patch, object{"a": "inline"}),
			},
			want: object{"a": "inline", "b": "gateway"},
		},
		"an inline value yields to a null of an override": {
			layers: []merge.Layer{
				layer(merge.Override, patch, object{"a": nil}),
				layer(merge.Default, patch, object{"b": "route"}),
				layer(merge.Inline, patch, object{"a": "inline"}),
			},
			want: object{"b": "route"},
		},
		"an atomic override leaves nothing to inline values, and defaults above it complete it": {
			layers: []merge.Layer{
				layer(merge.Default, patch, object{"a": "class", "b": "class"}),
				layer(merge.Override, atomic, object{"b": "gateway"}),
				layer(merge.Inline, patch, object{"a": "inline", "c": "inline"}),
			},
			want: object{"a": "class", "b": "gateway"},
		},
		"a patch default above completes what an atomic override below left unset": {
			layers: []merge.Layer{
				layer(merge.Default, patch, object{"a": "gateway", "b": "gateway"}),
				layer(merge.Override, atomic, object{"b": "listener"}),
				layer(merge.Default, patch, object{"c": "route"}),
			},
			want: object{"a": "gateway", "b": "listener"},
		},
		"an atomic default yields whole to an override below it": {
			layers: []merge.Layer{
				layer(merge.Default, atomic, object{"a": "gateway", "b": "gateway"}),
				layer(merge.Override, patch, object{"b": "listener"}),
			},
			want: object{"b": "listener"},
		},
		"lists are replaced, never joined": {
			layers: []merge.Layer{
				layer(merge.Default, patch, object{"on": []any{"5xx", "reset"}}),
				layer(merge.Default, patch, object{"on": []any{"503"}}),
			},
			want: object{"on": []any{"503"}},
		},
		"objects merge field by field": {
			layers: []merge.Layer{
				layer(merge.Default, patch, object{"limits": object{"user": int64(1), "ip": int64(2)}}),
				layer(merge.Default, patch, object{"limits": object{"ip": int64(3)}}),
			},
			want: object{"limits": object{"user": int64(1), "ip": int64(3)}},
		},
		"a null removes what weaker layers say, wherever they stand": {
			layers: []merge.Layer{
				layer(merge.Default, patch, object{"a": "class", "b": "class"}),
				layer(merge.Default, patch, object{"b": "gateway"}),
				layer(merge.Default, patch, object{"a": nil}),
			},
			want: object{"b": "gateway"},
		},
		"an empty block is no layer, not even an atomic one": {
			layers: []merge.Layer{
				layer(merge.Override, atomic, object{}),
				layer(merge.Default, patch, object{"a": "route"}),
			},
			want: object{"a": "route"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, merge.Fold(test.layers, merge.Shape{}).Value); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The worked example of semantics section 9, with its origins.
func TestFoldTellsWhoWonAndWhatItBeat(t *testing.T) {
	result := merge.Fold([]merge.Layer{
		layer(merge.Override, merge.Patch, object{"request": "30s"}),                 // 0: GatewayClass
		layer(merge.Default, merge.Patch, object{"request": "10s", "backend": "5s"}), // 1: Gateway
		layer(merge.Default, merge.Patch, object{"request": "60s"}),                  // 2: HTTPRoute
		layer(merge.Inline, merge.Patch, object{"backend": "2s"}),                    // 3: the rule itself
	}, merge.Shape{})
	want := []merge.Origin{
		{Path: []string{"backend"}, Value: "2s", Layer: 3, Beat: []int{1}},
		{Path: []string{"request"}, Value: "30s", Layer: 0, Beat: []int{2, 1}},
	}
	if diff := cmp.Diff(want, result.Origins, cmpopts.IgnoreFields(merge.Origin{}, "Digest", "BeatDigest")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestALayerThatStatesSomethingAboveOrBelowALeafIsBeatenThere(t *testing.T) {
	result := merge.Fold([]merge.Layer{
		layer(merge.Default, merge.Patch, object{"limit": object{"rate": int64(5)}}),
		layer(merge.Default, merge.Patch, object{"limit": "off"}),
	}, merge.Shape{})
	want := []merge.Origin{{Path: []string{"limit"}, Value: "off", Layer: 1, Beat: []int{0}}}
	if diff := cmp.Diff(want, result.Origins, cmpopts.IgnoreFields(merge.Origin{}, "Digest", "BeatDigest")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhatIsTakenWholeIsNeverMixed(t *testing.T) {
	const atomic, patch = merge.Atomic, merge.Patch
	limits := merge.NewShape([][]string{{"limits", merge.AnyKey}}, [][][]string{{{"rate"}, {"burst"}, {"mode"}}}, [][]string{{"on"}})
	tests := map[string]struct {
		layers []merge.Layer
		want   object
		lost   []merge.Lost
	}{
		"named limits add up, and one name is the strongest layer's alone": {
			layers: []merge.Layer{
				layer(merge.Default, patch, object{"limits": object{"ip": object{"requests": 1, "burst": 2}, "all": object{"requests": 3}}}),
				layer(merge.Default, patch, object{"limits": object{"ip": object{"requests": 9}}}),
			},
			want: object{"limits": object{"ip": object{"requests": 9}, "all": object{"requests": 3}}},
			lost: []merge.Lost{{Path: []string{"limits", "ip", "burst"}, Value: 2, Layer: 0, Rule: merge.Whole, By: 1}},
		},
		"a group is the strongest layer's alone": {
			layers: []merge.Layer{
				layer(merge.Override, patch, object{"rate": 10}),
				layer(merge.Default, patch, object{"rate": 90, "burst": 1000, "mode": "Disabled", "other": 1}),
			},
			want: object{"rate": 10, "other": 1},
			lost: []merge.Lost{
				{Path: []string{"burst"}, Value: 1000, Layer: 1, Rule: merge.Whole, By: 0},
				{Path: []string{"mode"}, Value: "Disabled", Layer: 1, Rule: merge.Whole, By: 0},
			},
		},
		"a null for one name of a group is a statement about the whole": {
			layers: []merge.Layer{
				layer(merge.Default, patch, object{"rate": 10, "burst": 5}),
				layer(merge.Default, patch, object{"rate": nil}),
			},
			lost: []merge.Lost{
				{Path: []string{"burst"}, Value: 5, Layer: 0, Rule: merge.Whole, By: 1},
				{Path: []string{"rate"}, Value: 10, Layer: 0, Rule: merge.Null, By: 1},
			},
		},
		"an atomic override takes groups that it does not state, too": {
			layers: []merge.Layer{
				layer(merge.Override, atomic, object{"other": 1}),
				layer(merge.Default, patch, object{"rate": 90}),
			},
			want: object{"other": 1},
			lost: []merge.Lost{{Path: []string{"rate"}, Value: 90, Layer: 1, Rule: merge.AtomicOverride, By: 0}},
		},
		"a joined list has the entries of both, the established one's first": {
			layers: []merge.Layer{
				layer(merge.Default, patch, object{"on": []any{"a"}}),
				layer(merge.Default, patch, object{"on": []any{"b"}}),
				layer(merge.Default, patch, object{"on": []any{"c"}}),
			},
			want: object{"on": []any{"a", "b", "c"}},
		},
		"an atomic default that yields says to whom": {
			layers: []merge.Layer{
				layer(merge.Default, atomic, object{"a": object{"x": 1, "y": 2}}),
				layer(merge.Default, atomic, object{"a": object{"x": 3}}),
			},
			want: object{"a": object{"x": 3}},
			lost: []merge.Lost{{Path: []string{"a", "y"}, Value: 2, Layer: 0, Rule: merge.AtomicDefault, By: 1}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			result := merge.Fold(test.layers, limits)
			if diff := cmp.Diff(test.want, result.Value); diff != "" {
				t.Errorf("value: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(test.lost, result.Lost); diff != "" {
				t.Errorf("lost: -want +got:\n%s", diff)
			}
		})
	}
}

func ExampleFold() {
	result := merge.Fold([]merge.Layer{
		{Block: merge.Override, Strategy: merge.Patch, Value: map[string]any{"request": "30s"}},
		{Block: merge.Default, Strategy: merge.Patch, Value: map[string]any{"request": "60s", "backend": "5s"}},
	}, merge.Shape{})
	for _, o := range result.Origins {
		fmt.Println(o.Path, o.Value, "from layer", o.Layer, "beats", o.Beat)
	}
	// Output:
	// [backend] 5s from layer 1 beats []
	// [request] 30s from layer 0 beats [1]
}

// stateAt finds the value that a layer states at exactly a path.
func stateAt(v any, path []string) (any, bool) {
	for _, key := range path {
		o, ok := v.(object)
		if !ok {
			return nil, false
		}
		if v, ok = o[key]; !ok {
			return nil, false
		}
	}
	return v, true
}

func checkLaws(t interface{ Fatalf(string, ...any) }, layers []merge.Layer, shape merge.Shape) {
	if !reflect.ValueOf(shape).IsZero() {
		layers = slices.DeleteFunc(layers, func(l merge.Layer) bool { return l.Block == merge.Inline })
	}
	before, err := json.Marshal(layers)
	if err != nil {
		t.Fatalf("layers do not encode: %v", err)
	}
	result := merge.Fold(layers, shape)
	if after, _ := json.Marshal(layers); string(after) != string(before) {
		t.Fatalf("Fold changed its input:\n%s\n%s", before, after)
	}
	leaves := map[string]any{}
	collect(result.Value, "", leaves)
	if len(leaves) != len(result.Origins) {
		t.Fatalf("%d leaves, %d origins: %v, %v", len(leaves), len(result.Origins), leaves, result.Origins)
	}
	checkAccounts(t, layers, result)
	for _, o := range result.Origins {
		leaf, ok := leaves[pathKey(o.Path)]
		if !ok || !reflect.DeepEqual(leaf, o.Value) {
			t.Fatalf("origin of %v holds %v, the value there is %v", o.Path, o.Value, leaf)
		}
		stated, ok := stateAt(layers[o.Layer].Value, o.Path)
		if emptied, isObject := o.Value.(object); isObject && len(emptied) == 0 {
			continue // what is left of an object of nulls
		}
		if len(o.Joined) > 0 {
			continue
		}
		if !ok || !reflect.DeepEqual(stated, o.Value) {
			t.Fatalf("layer %d is said to set %v to %v and states %v", o.Layer, o.Path, o.Value, stated)
		}
	}
}

// checkAccounts holds Fold to it that every value stated is in the result, or
// beaten, or lost, and never two of these.
func checkAccounts(t interface{ Fatalf(string, ...any) }, layers []merge.Layer, result merge.Result) {
	for i, layer := range layers {
		stated := map[string]any{}
		collect(layer.Value, "", stated)
		for key, v := range stated {
			if _, isObject := v.(object); isObject || v == nil {
				continue
			}
			var fates []string
			for _, o := range result.Origins {
				at := pathKey(o.Path)
				if !strings.HasPrefix(at+"/", key+"/") && !strings.HasPrefix(key+"/", at+"/") {
					continue
				}
				if o.Layer == i || slices.Contains(o.Joined, i) {
					fates = append(fates, "set")
				}
				if slices.Contains(o.Beat, i) {
					fates = append(fates, "beaten")
				}
			}
			for _, l := range result.Lost {
				if l.Layer == i && pathKey(l.Path) == key {
					fates = append(fates, "lost by "+l.Rule.String())
				}
				if l.By == l.Layer || l.Rule == 0 {
					t.Fatalf("%v is said to be lost to itself, or by no rule", l)
				}
			}
			if slices.Sort(fates); len(slices.Compact(fates)) != 1 {
				t.Fatalf("layer %d states %v at %s, which is %q", i, v, key, fates)
			}
		}
	}
}

func pathKey(path []string) string {
	key := ""
	for _, p := range path {
		key += fmt.Sprintf("/%q", p)
	}
	return key
}

func collect(v any, path string, leaves map[string]any) {
	o, isObject := v.(object)
	if !isObject || (len(o) == 0 && path != "") {
		leaves[path] = v
		return
	}
	for key, inner := range o {
		collect(inner, path+fmt.Sprintf("/%q", key), leaves)
	}
}
