package merge_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

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
		"an inline value is a challenger to an atomic default": {
			layers: []merge.Layer{
				layer(merge.Default, atomic, object{"a": "gateway", "b": "gateway"}),
				layer(merge.Inline, patch, object{"a": "inline"}),
			},
			want: object{"a": "inline"},
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
			if diff := cmp.Diff(test.want, merge.Fold(test.layers).Value); diff != "" {
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
	})
	want := []merge.Origin{
		{Path: []string{"backend"}, Value: "2s", Layer: 3, Beat: []int{1}},
		{Path: []string{"request"}, Value: "30s", Layer: 0, Beat: []int{2, 1}},
	}
	if diff := cmp.Diff(want, result.Origins); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestALayerThatStatesSomethingAboveOrBelowALeafIsBeatenThere(t *testing.T) {
	result := merge.Fold([]merge.Layer{
		layer(merge.Default, merge.Patch, object{"limit": object{"rate": int64(5)}}),
		layer(merge.Default, merge.Patch, object{"limit": "off"}),
	})
	want := []merge.Origin{{Path: []string{"limit"}, Value: "off", Layer: 1, Beat: []int{0}}}
	if diff := cmp.Diff(want, result.Origins); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func ExampleFold() {
	result := merge.Fold([]merge.Layer{
		{Block: merge.Override, Strategy: merge.Patch, Value: map[string]any{"request": "30s"}},
		{Block: merge.Default, Strategy: merge.Patch, Value: map[string]any{"request": "60s", "backend": "5s"}},
	})
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

func checkLaws(t interface{ Fatalf(string, ...any) }, layers []merge.Layer) {
	before, err := json.Marshal(layers)
	if err != nil {
		t.Fatalf("layers do not encode: %v", err)
	}
	result := merge.Fold(layers)
	if after, _ := json.Marshal(layers); string(after) != string(before) {
		t.Fatalf("Fold changed its input:\n%s\n%s", before, after)
	}
	leaves := map[string]any{}
	collect(result.Value, "", leaves)
	if len(leaves) != len(result.Origins) {
		t.Fatalf("%d leaves, %d origins: %v, %v", len(leaves), len(result.Origins), leaves, result.Origins)
	}
	for _, o := range result.Origins {
		key := ""
		for _, p := range o.Path {
			key += fmt.Sprintf("/%q", p)
		}
		leaf, ok := leaves[key]
		if !ok || !reflect.DeepEqual(leaf, o.Value) {
			t.Fatalf("origin of %v holds %v, the value there is %v", o.Path, o.Value, leaf)
		}
		stated, ok := stateAt(layers[o.Layer].Value, o.Path)
		if emptied, isObject := o.Value.(object); isObject && len(emptied) == 0 {
			continue // what is left of an object of nulls
		}
		if !ok || !reflect.DeepEqual(stated, o.Value) {
			t.Fatalf("layer %d is said to set %v to %v and states %v", o.Layer, o.Path, o.Value, stated)
		}
	}
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
