package worlds

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// kind is a policy kind as the loops know it: what its CRD says, said again.
type kind struct {
	group, name string
	ours        bool
	// blocks are the names of the two blocks, "" when spec is the block.
	blocks string
	// word is where the strategy stands: a field of spec, or "block"; words are
	// what is drawn for it.
	word  string
	words []string
	// patch says which words mean Patch; fallback what absence means.
	patch    []string
	fallback string
	leaves   []leaf
	bounded  []boundField
	// atMost is a chain: each is at most the next.
	atMost []string
	// challenger: the word stands on the lower object; with are the levels that
	// it can be merged onto (none: the closest), at those on which it may stand.
	challenger bool
	with, at   []int
	conflict   string // oldest, field, merge
	byAge      bool   // named and selected targets are one list
	inline     bool
}

type leaf struct {
	path   string
	unit   string // what is taken whole together; "" is the leaf alone
	values []string
}

type boundField struct {
	leaf, typ, off, absent string
	ends, set              []string
}

func (b boundField) draw(r *rand.Rand, pick func(...string) string) bound {
	if len(b.ends) == 0 || (len(b.set) > 0 && r.IntN(3) == 0) {
		set := slices.Clone(b.set)
		r.Shuffle(len(set), func(i, j int) { set[i], set[j] = set[j], set[i] })
		return bound{oneOf: set[:1+r.IntN(len(set))]}
	}
	x := bound{min: pick("", "", b.ends[0], b.ends[1]), max: pick(append(b.ends[1:], "")...)}
	if x.min == "" && x.max == "" {
		x.max = b.ends[2]
	}
	return x
}

func (k kind) version() string {
	if k.ours {
		return k.group + "/v1alpha1"
	}
	return k.group + "/v1"
}

func (k kind) wordInSpec() bool { return k.word != "" && k.word != "block" }

// fill draws values, each with a chance of one in n.
func (k kind) fill(r *rand.Rand, pick func(...string) string, values map[string]string, n int) {
	for _, l := range k.leaves {
		if r.IntN(n) == 0 {
			values[l.path] = pick(l.values...)
		}
	}
}

var kinds = []kind{
	{
		group: "attache.dev", name: "TimeoutPolicy", ours: true, blocks: "default override", word: "strategy",
		words: []string{"Patch", "Patch", "Atomic"}, patch: []string{"Patch"}, fallback: "Patch",
		leaves: []leaf{
			{path: "request", values: []string{"0s", "1s", "10s", "60s", "90s", "null"}},
			{path: "backend", values: []string{"0s", "2s", "20s", "60s"}},
			{path: "idle", values: []string{"0s", "3s", "30s"}},
		},
		bounded: []boundField{
			{leaf: "request", typ: "duration", off: "0s", ends: []string{"5s", "10s", "40s", "60s"}, set: []string{"10s", "0s", "60s"}},
			{leaf: "backend", typ: "duration", off: "0s", ends: []string{"5s", "10s", "40s", "60s"}},
			{leaf: "idle", typ: "duration", off: "0s", ends: []string{"1s", "2s", "20s"}},
		},
		atMost: []string{"backend", "request"}, conflict: "oldest", inline: true,
	},
	{
		group: "attache.dev", name: "RateLimitPolicy", ours: true, blocks: "default override", word: "strategy",
		words: []string{"Patch", "Patch", "Atomic"}, patch: []string{"Patch"}, fallback: "Patch",
		leaves: []leaf{
			{path: "requestsPerSecond", unit: "limit", values: []string{"5", "50", "500"}},
			{path: "burst", unit: "limit", values: []string{"1", "100"}},
			{path: "key", unit: "limit", values: []string{"All", "ClientIP", "Header:x"}},
			{path: "counter", unit: "limit", values: []string{"Rule", "Route", "Gateway"}},
			{path: "mode", unit: "limit", values: []string{"Disabled", "Enforce", "Disabled"}},
			{path: "limits.ip.requests", unit: "limits.ip", values: []string{"7", "70"}},
			{path: "limits.ip.burst", unit: "limits.ip", values: []string{"8"}},
			{path: "limits.all.requests", unit: "limits.all", values: []string{"9", "90"}},
		},
		bounded: []boundField{
			{leaf: "requestsPerSecond", typ: "integer", off: "mode=Disabled", ends: []string{"4", "10", "60"}, set: []string{"5", "50"}},
			{leaf: "burst", typ: "integer", ends: []string{"2", "3", "20"}},
			{leaf: "key", absent: "All", set: []string{"All", "ClientIP", "Header:x"}},
			{leaf: "counter", absent: "Rule", set: []string{"Rule", "Route"}},
		},
		conflict: "oldest",
	},
	{
		group: "stranger.io", name: "Quota", blocks: "defaults overrides", word: "block",
		words: []string{"merge", "merge", "atomic", ""}, patch: []string{"merge"}, fallback: "Atomic",
		leaves: []leaf{
			{path: "a", values: []string{"one", "two", "null"}},
			{path: "b", values: []string{"one", "two"}},
			{path: "deep.x", values: []string{"1", "2"}},
			{path: "deep.y", values: []string{"3"}},
			{path: "named.k.p", unit: "named.k", values: []string{"4", "5"}},
			{path: "named.k.q", unit: "named.k", values: []string{"6"}},
		},
		conflict: "merge",
	},
	{
		group: "vendor.io", name: "Knob", word: "mergeType",
		words: []string{"Merge", "Merge", "", "Odd"}, patch: []string{"Merge"}, fallback: "Atomic",
		leaves:     []leaf{{path: "a", values: []string{"one", "two"}}, {path: "deep.x", values: []string{"1", "2"}}, {path: "deep.y", values: []string{"3"}}},
		challenger: true, with: []int{3, 2, 1}, at: []int{6, 7}, conflict: "oldest", byAge: true,
	},
	{
		group: "vendor.io", name: "Dial",
		words: []string{""}, fallback: "Patch",
		leaves:   []leaf{{path: "a", values: []string{"one", "two"}}, {path: "deep.x", values: []string{"1"}}, {path: "c", values: []string{"3"}}},
		conflict: "field",
	},
}

var kindNames = []string{"TimeoutPolicy", "RateLimitPolicy", "Quota", "Knob", "Dial"}

func kindOf(name string) kind {
	return kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })]
}

// strangers are the CRDs of the kinds that are not ours.
var strangers = strings.Join([]string{
	crd("stranger.io", "Quota", "quotas", `attache.dev/whole: '["named.*"]', attache.dev/strategy: '{"conflict":"merge"}'`),
	crd("vendor.io", "Knob", "knobs", `attache.dev/strategy: '{"field":"spec.mergeType","of":"challenger","values":{"Merge":"Patch"},"default":"Atomic","with":["Listener","ListenerSet","Gateway"],"at":["Route","RouteRule"],"selectors":"age"}'`),
	crd("vendor.io", "Dial", "dials", `attache.dev/strategy: '{"default":"Patch","conflict":"field"}'`),
}, "\n---\n")

func crd(group, kind, plural, annotations string) string {
	return `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition,
metadata: {name: ` + plural + "." + group + `, labels: {gateway.networking.k8s.io/policy: inherited}, annotations: {` + annotations + `}},
spec: {group: ` + group + `, scope: Namespaced, names: {kind: ` + kind + `, plural: ` + plural + `}, versions: [{name: v1, served: true, storage: true}]}}`
}
