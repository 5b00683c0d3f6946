package exporters

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

const (
	// envoyMost is the largest number of requests that Envoy counts to.
	envoyMost = 1<<32 - 1
	// envoyRules is the number of limits that fit into one object.
	envoyRules = 16
	localRules = "spec.rateLimit.local.rules"
)

const dayLong = 24 * time.Hour

// envoyUnits are the units of limits, the shortest first.
var envoyUnits = []draft.Unit{
	{Name: "Second", Size: time.Second}, {Name: "Minute", Size: time.Minute}, {Name: "Hour", Size: time.Hour},
	{Name: "Day", Size: dayLong}, {Name: "Week", Size: 7 * dayLong}, {Name: "Month", Size: 30 * dayLong}, {Name: "Year", Size: 365 * dayLong},
}

// limit needs the rate limits of the rule (12.E2).
func (r *envoyRule) limit() {
	var entries []any
	disabled := false
	for _, l := range r.Want.Limits {
		if l.Disabled {
			disabled = true
			r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Written(export.Absent, nil) })
			continue
		}
		entries = r.addLimit(entries, l)
	}
	switch {
	case len(entries) > 0:
		r.slots[limitSlot].value = r.limitBlock(entries)
		r.slots[limitSlot].fields = r.FieldsOf(field.RateLimitPolicy)
	case disabled:
		r.clearLimit()
	}
}

// addLimit appends the entries for one limit.
func (r *envoyRule) addLimit(entries []any, l *draft.Limit) []any {
	number, u, exact, ok := l.PerUnit(envoyUnits, envoyMost)
	if !ok {
		r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.TooSmall) })
		return entries
	}
	selectors, few, ok := envoySelectors(l.Key)
	if !ok {
		r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.HeaderName, l.Key) })
		return entries
	}
	if len(entries)+len(selectors) > envoyRules {
		r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.LimitsFull, envoyTitle, envoyRules, limitName(l)) })
		return entries
	}
	as := localRules + "[" + itoa(int64(len(entries))) + "]"
	amount := map[string]any{"requests": number, "unit": u.Name}
	r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Written(as, amount) })
	head := r.Sheet.At(l.Head()).Written(as+".limit", amount).Note(export.PerInstance, export.ResetsOnReload)
	if !exact {
		head.Because(export.Rounded, itoa(number)+" per "+strings.ToLower(u.Name))
	}
	r.judgeBurst(l, number)
	r.Each([]field.Field{l.Field(field.Key)}, func(v *draft.Outcome) {
		v.Written(as+".clientSelectors", selectors[0])
		if few && !newerThan(r.In.Parameters.Version, envoyKeysFixed) {
			v.Because(export.FewKeys)
		}
	})
	r.judgeCounter(l)
	for _, s := range selectors {
		entries = append(entries, map[string]any{"clientSelectors": []any{s}, "limit": map[string]any{"requests": number, "unit": u.Name}})
	}
	return entries
}

// judgeBurst compares the size of the bucket that is written with the size that is asked for (E7.4).
func (r *envoyRule) judgeBurst(l *draft.Limit, capacity int64) {
	wanted := l.Capacity()
	if !wanted.IsInt64() {
		return
	}
	f := l.Head()
	reason := export.BurstLarger
	if capacity < wanted.Int64() {
		reason = export.BurstDropped
		if l.HasBurst {
			f = l.Field(field.Burst)
		}
	}
	if capacity != wanted.Int64() {
		r.Sheet.At(f).Because(reason, itoa(capacity), wanted.String())
	}
}

// envoyKeysFixed is the last version that counts no more than 20 values separately.
const envoyKeysFixed = "1.9.1"

// newerThan compares versions a.b.c. Anything else is not newer.
func newerThan(version, than string) bool {
	a, b := strings.Split(strings.TrimPrefix(version, "v"), "."), strings.Split(than, ".")
	for i := range b {
		if i >= len(a) {
			return false
		}
		if len(a[i]) != len(b[i]) {
			return len(a[i]) > len(b[i])
		}
		if a[i] != b[i] {
			return a[i] > b[i]
		}
	}
	return false
}

// envoySelectors returns the selectors of the entries of a limit. Every request matches exactly one of
// them (E7.5). few is true if values are counted separately.
func envoySelectors(key string) (selectors []any, few, ok bool) {
	header, isHeader := strings.CutPrefix(key, "Header:")
	switch {
	case isHeader:
		name := strings.ToLower(header)
		if !headerName(name) {
			return nil, false, false
		}
		apart := map[string]any{"type": "Distinct", "name": name}
		without := map[string]any{"type": "RegularExpression", "name": name, "value": ".*", "invert": true}
		return []any{map[string]any{"headers": []any{apart}}, map[string]any{"headers": []any{without}}}, true, true
	case key == "ClientIP":
		cidr := func(all string) any {
			return map[string]any{"sourceCIDR": map[string]any{"type": "Distinct", "value": all}}
		}
		return []any{cidr("0.0.0.0/0"), cidr("::/0")}, true, true
	}
	// An entry without selectors would count only requests that no other entry matches.
	return []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}}, false, true
}

// headerName reports whether a name has only characters of header names.
func headerName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_!#$%&'*+.^`|~") == ""
}

func limitName(l *draft.Limit) string {
	if l.Named() {
		return l.Name
	}
	return "the limit without a name"
}

// judgeCounter compares the counters of Envoy with what is asked for. Envoy has a counter for each route
// entry, that is for each listener, hostname and match. It counts as asked if the rule, the route or all
// routes of the Gateway are one entry (12.E2).
func (r *envoyRule) judgeCounter(l *draft.Limit) {
	finer := r.countedApart(l.Counter)
	if finer == "" {
		return
	}
	f := l.Head()
	if l.Counter != "" {
		f = l.Field(field.Counter)
	}
	r.Sheet.At(f).Because(export.CounterFiner, finer)
}

// countedApart returns what Envoy has separate counters for, if what is asked for includes several of
// them. It is empty if there is one counter.
func (r *envoyRule) countedApart(counter string) string {
	several := func(is func(p *export.Path) bool) bool { return slices.ContainsFunc(r.Paths, is) }
	switch {
	case counter == "Gateway" && several(func(p *export.Path) bool { return !p.Sole }):
		return "route"
	case (counter == "Gateway" || counter == "Route") && len(r.In.Rules) > 1:
		return "rule"
	case counter == "Route" && len(r.Paths) > 1, counter == "Gateway" && r.severalListenersOfOne():
		return "listener"
	case r.Matches > 1:
		return "match"
	case several(func(p *export.Path) bool { return p.Hostnames > 1 }):
		return "hostname"
	}
	return ""
}

// severalListenersOfOne reports whether several listeners of one Gateway serve the rule.
func (r *envoyRule) severalListenersOfOne() bool {
	seen := map[hierarchy.Ref]bool{}
	for _, p := range r.Paths {
		if seen[p.Listener.Gateway] {
			return true
		}
		seen[p.Listener.Gateway] = true
	}
	return false
}

// limitBlock returns rateLimit of the object, given its entries. It depends on the policies above.
func (r *envoyRule) limitBlock(entries []any) map[string]any {
	block := map[string]any{"local": map[string]any{"rules": entries}}
	adds := func(name string) {
		for _, l := range r.Want.Limits {
			if !l.Disabled {
				r.Each([]field.Field{l.Head()}, func(v *draft.Outcome) { v.Because(export.AddsToForeign, name) })
			}
		}
	}
	for i, parent := range r.parents {
		if name, keeps := r.keepsAbove(i); keeps {
			adds(name)
		}
		kind, _, _ := unstructured.NestedString(parent, "rateLimit", "type")
		if kind == "Global" {
			// With the deprecated type Global our limits are ignored, with Local theirs are.
			block["type"] = "Local"
			continue
		}
		if _, global, _ := unstructured.NestedFieldNoCopy(parent, "rateLimit", "global"); global && kind == "" {
			adds(r.parentName(i))
		}
	}
	return block
}

// clearLimit removes the limits that policies above would set (E7.7).
func (r *envoyRule) clearLimit() {
	unlimited := map[string]any{"requests": int64(envoyMost), "unit": "Second"}
	block := map[string]any{}
	for i, parent := range r.parents {
		if name, keeps := r.keepsAbove(i); keeps {
			r.Each(r.FieldsOf(field.RateLimitPolicy), func(v *draft.Outcome) { v.Because(export.CannotClear, name) })
		}
		if _, found, _ := unstructured.NestedFieldNoCopy(parent, "rateLimit", "local"); found {
			block["local"] = map[string]any{"rules": []any{map[string]any{
				"clientSelectors": []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}}, "limit": unlimited,
			}}}
		}
		if _, found, _ := unstructured.NestedFieldNoCopy(parent, "rateLimit", "global"); found {
			block["global"] = map[string]any{"rules": []any{map[string]any{"limit": unlimited}}}
		}
	}
	if len(block) == 0 {
		return
	}
	r.need(limitSlot, block, block, field.Field{Policy: field.RateLimitPolicy, Name: field.Mode})
}

// itoa returns a whole number as text.
func itoa(n int64) string { return strconv.FormatInt(n, 10) }
