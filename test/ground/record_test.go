package ground

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// The smallest thing that writes into rules and can take it back: the webhook of
// these tests. Fields are named by dotted leaves, timeouts.request.

// recordKey is the annotation in which a route remembers what was written into
// it and what stood there before.
const recordKey = "ground.test/injected"

type record struct {
	Rules []entry `json:"rules"`
}

// entry says what was done to one rule. A leaf of wrote that is null was taken
// out; one that had lacks was absent.
type entry struct {
	Had   map[string]any `json:"had"`
	Hash  string         `json:"hash"`
	Index int            `json:"index"`
	Rule  string         `json:"rule,omitempty"`
	Wrote map[string]any `json:"wrote"`
}

func rulesOf(route *unstructured.Unstructured) []map[string]any {
	list, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
	rules := make([]map[string]any, 0, len(list))
	for _, rule := range list {
		rules = append(rules, rule.(map[string]any))
	}
	return rules
}

func recordOf(route *unstructured.Unstructured) record {
	var r record
	if route != nil {
		_ = json.Unmarshal([]byte(route.GetAnnotations()[recordKey]), &r) // none is an empty one
	}
	return r
}

// hashOf identifies a rule without a name: by its matches alone, as stored.
func hashOf(rule map[string]any) string {
	text, err := json.Marshal(rule["matches"])
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))[:8]
}

func nameOf(rule map[string]any) string {
	name, _ := rule["name"].(string)
	return name
}

// match finds the rule that an entry is about, or -1.
func match(e entry, rules []map[string]any, taken map[int]bool) int {
	byName := func(i int) bool { return e.Rule != "" && nameOf(rules[i]) == e.Rule }
	byHash := func(i int) bool { return hashOf(rules[i]) == e.Hash }
	byIndex := func(i int) bool { return i == e.Index && e.Rule == "" && nameOf(rules[i]) == "" }
	for _, same := range []func(int) bool{byName, byHash, byIndex} {
		for i := range rules {
			if !taken[i] && same(i) {
				return i
			}
		}
	}
	return -1
}

// own is the rules in their owner's words. The first record that explains a leaf
// counts.
func own(route *unstructured.Unstructured, records ...record) []map[string]any {
	rules, words := rulesOf(route), rulesOf(route)
	explained := map[string]bool{}
	for _, r := range records {
		taken := map[int]bool{}
		for _, e := range r.Rules {
			i := match(e, rules, taken)
			if i < 0 {
				continue
			}
			taken[i] = true
			for leaf, wrote := range e.Wrote {
				key := fmt.Sprint(i, leaf)
				if explained[key] || !reflect.DeepEqual(plain(get(rules[i], leaf)), plain(wrote)) {
					continue
				}
				explained[key] = true
				put(words[i], leaf, e.Had[leaf])
			}
		}
	}
	return words
}

// inject puts the wanted leaves into the owner's words and writes the record. It
// is a pure function of its arguments.
func inject(route, old *unstructured.Unstructured, wants map[string]map[string]any) *unstructured.Unstructured {
	words := own(route, recordOf(route), recordOf(old))
	var written record
	list := make([]any, 0, len(words))
	for i, rule := range words {
		e := entry{Had: map[string]any{}, Wrote: map[string]any{}, Hash: hashOf(rule), Index: i, Rule: nameOf(rule)}
		for _, leaf := range slices.Sorted(maps.Keys(wants[e.Rule])) {
			value := wants[e.Rule][leaf]
			had := get(rule, leaf)
			if reflect.DeepEqual(plain(had), plain(value)) {
				continue
			}
			e.Wrote[leaf] = value
			if had != nil {
				e.Had[leaf] = had
			}
			put(rule, leaf, value)
		}
		if len(e.Wrote) > 0 {
			written.Rules = append(written.Rules, e)
		}
		list = append(list, rule)
	}
	out := route.DeepCopy()
	if err := unstructured.SetNestedSlice(out.Object, list, "spec", "rules"); err != nil {
		panic(err)
	}
	annotate(out, written)
	return out
}

func annotate(route *unstructured.Unstructured, written record) {
	annotations := route.GetAnnotations()
	if len(written.Rules) == 0 {
		delete(annotations, recordKey)
	} else {
		text, err := json.Marshal(written)
		if err != nil {
			panic(err)
		}
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[recordKey] = string(text)
	}
	route.SetAnnotations(annotations)
}

// plain makes values comparable that came from JSON, YAML or Go.
func plain(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func get(rule map[string]any, leaf string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(rule, strings.Split(leaf, ".")...)
	return value
}

// put sets a leaf; nil removes it, and the block that it leaves empty.
func put(rule map[string]any, leaf string, value any) {
	fields := strings.Split(leaf, ".")
	if value != nil {
		if err := unstructured.SetNestedField(rule, runtime.DeepCopyJSONValue(value), fields...); err != nil {
			panic(err)
		}
		return
	}
	unstructured.RemoveNestedField(rule, fields...)
	if block, ok := rule[fields[0]].(map[string]any); ok && len(block) == 0 {
		delete(rule, fields[0])
	}
}
