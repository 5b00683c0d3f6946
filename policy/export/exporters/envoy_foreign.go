package exporters

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

// settleForeign finds the foreign policies that apply to the rule. It returns false if one is attached
// to the rule itself and takes precedence over ours.
func (r *envoyRule) settleForeign() bool {
	r.parents = make([]map[string]any, len(r.Paths))
	for i, p := range r.Paths {
		if f := r.In.Above(p); f != nil {
			r.parents[i] = specOf(f)
		}
	}
	if onRoute := r.In.ForeignAt(r.In.Route); len(onRoute) > 0 && r.Unique != "" {
		r.carried = onRoute[0]
		copied := specOf(onRoute[0])
		for i, above := range r.parents {
			if copied["mergeType"] == nil {
				above = nil
			}
			r.parents[i] = mergePatch(above, copied)
		}
	}
	if r.Unique == "" {
		return true
	}
	onRule := r.In.ForeignAt(r.In.Route.WithSection(r.Unique))
	if len(onRule) == 0 || r.In.Older(envoyTarget(r.In, r.Unique).Name(), onRule[0]) {
		return true
	}
	reason, who := envoyTarget(r.In, r.Unique).TakenBy(onRule[0])
	r.blocked(reason, who)
	return false
}

// blocked is for a rule that can have no object. Values that the route itself states stay in force,
// whatever policy is attached.
func (r *envoyRule) blocked(reason export.Reason, args ...any) {
	r.ownWordsHold()
	for _, f := range r.Fields() {
		v := r.Sheet.At(f)
		if v.As == "" || v.HasReason() {
			*v = draft.Outcome{}
			v.Because(reason, args...)
		}
	}
}

// ownWordsHold marks the effective values that the rule itself states, which Envoy Gateway reads from
// there (E7.11). It takes the rule's own retry stanza as a whole. Without one, backendRequest limits the
// whole request.
func (r *envoyRule) ownWordsHold() {
	hold := func(leaf string, value any, fields ...field.Field) {
		r.Each(fields, func(v *draft.Outcome) { v.Written(r.InRoute(leaf), value) })
	}
	own := r.Own
	switch {
	case own.Backend.Limits() && !own.Retries:
		if !r.Retries() && field.Same(r.PerTry(), own.Backend) {
			hold(export.BackendLeaf, own.Backend.Text, tryFields...)
		}
		if field.Within(own.Backend, r.Want.Request) && r.Want.Request.Limits() {
			r.Each([]field.Field{field.Timeout(field.Request)}, func(v *draft.Outcome) { v.Written(export.Absent, nil).Note(export.Subsumed) })
		}
	case own.Request != nil && field.Same(r.Want.Request, own.Request):
		hold(export.RequestLeaf, own.Request.Text, field.Timeout(field.Request))
		if perTry := r.PerTry(); own.Request.Limits() && perTry.Limits() && field.Within(own.Request, perTry) {
			r.Each(tryFields, func(v *draft.Outcome) { v.Written(export.Absent, nil).Note(export.Subsumed) })
		}
	}
	if !own.Retries {
		return
	}
	if own.Backend != nil && field.Same(r.PerTry(), own.Backend) {
		hold(export.BackendLeaf, own.Backend.Text, tryFields...)
	}
	if own.Attempts != nil && r.MaxRetries != nil && *r.MaxRetries == *own.Attempts {
		hold(export.AttemptsLeaf, *own.Attempts, field.Retry(field.MaxRetries))
	}
	if r.RetryOn != nil && slices.Equal(r.RetryOn, own.Codes) {
		hold(export.CodesLeaf, field.Anys(own.Codes), field.Retry(field.RetryOn))
	}
	if own.Backoff != nil && field.Same(r.BackoffBase, own.Backoff) {
		hold(export.BackoffLeaf, own.Backoff.Text, field.Retry(field.BackoffBase))
	}
}

// keepsAbove returns the policy above a path whose limits stay in force beside ours. That is so if our
// object is a copy of a policy that merges strategically, and the policy above has limits with
// selectors.
func (r *envoyRule) keepsAbove(path int) (name string, keeps bool) {
	if r.carried == nil || specOf(r.carried)["mergeType"] != "StrategicMerge" {
		return "", false
	}
	f := r.In.Above(r.Paths[path])
	if f == nil {
		return "", false
	}
	rules, _, _ := unstructured.NestedSlice(specOf(f), "rateLimit", "local", "rules")
	for _, rule := range rules {
		fields, _ := rule.(map[string]any)
		selectors, _ := fields["clientSelectors"].([]any)
		keeps = keeps || len(selectors) > 0
	}
	return f.String(), keeps
}

// parentName is the name of the foreign policy above a path in messages.
func (r *envoyRule) parentName(path int) string {
	if f := r.In.Above(r.Paths[path]); f != nil && r.carried == nil {
		return f.String()
	}
	if r.carried != nil {
		return r.carried.String()
	}
	return "another policy"
}

func specOf(f *export.Foreign) map[string]any {
	spec, _, _ := unstructured.NestedMap(f.Object.Object, "spec")
	return spec
}

// mergePatch applies a JSON merge patch (RFC 7386) of maps that nobody else uses.
func mergePatch(target, patch map[string]any) map[string]any {
	out := maps.Clone(target)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range patch {
		inner, isMap := v.(map[string]any)
		switch {
		case v == nil:
			delete(out, k)
		case isMap:
			below, _ := out[k].(map[string]any)
			out[k] = mergePatch(below, inner)
		default:
			out[k] = v
		}
	}
	return out
}

// carry returns the spec of an object on a rule that starts as a copy of the foreign policy on the
// whole route (E11.3). ok is false if that policy cannot be carried over.
func (r *envoyRule) carry(ours map[string]any) (spec map[string]any, ok bool) {
	foreign := r.carried
	if r.In.Parameters.RefuseHidden || len(r.In.ForeignAt(r.In.Route)) > 1 {
		return nil, false
	}
	spec = specOf(foreign)
	for _, key := range [...]string{"targetRef", "targetRefs", "targetSelectors"} {
		delete(spec, key)
	}
	shared := false
	rules, _, _ := unstructured.NestedSlice(spec, "rateLimit", "global", "rules")
	for _, rule := range rules {
		fields, _ := rule.(map[string]any)
		shared = shared || fields["shared"] == true
	}
	disabled := r.limitsOff()
	if shared && ours["rateLimit"] == nil && !disabled {
		return nil, false
	}
	unstructured.RemoveNestedField(spec, "rateLimit", "type")
	if disabled {
		delete(spec, "rateLimit")
	}
	spec = mergePatch(spec, ours)
	return spec, carriable(spec)
}

// limitsOff reports whether every limit is switched off.
func (r *envoyRule) limitsOff() bool {
	return len(r.Want.Limits) > 0 && !slices.ContainsFunc(r.Want.Limits, func(l *draft.Limit) bool { return !l.Disabled })
}

// carriable reports whether a spec has nothing that Envoy Gateway accepts and Envoy refuses (12.E5a).
func carriable(spec map[string]any) bool {
	base, hasBase, _ := unstructured.NestedString(spec, "retry", "perRetry", "backOff", "baseInterval")
	most, hasMost, _ := unstructured.NestedString(spec, "retry", "perRetry", "backOff", "maxInterval")
	connect, hasConnect, _ := unstructured.NestedString(spec, "timeout", "tcp", "connectTimeout")
	if hasBase != hasMost {
		return false
	}
	zero := func(text string, has bool) bool {
		d, ok := field.ParseDuration(text)
		return has && (!ok || d.Duration == 0)
	}
	return !zero(base, hasBase) && !zero(most, hasMost) && !zero(connect, hasConnect)
}
