package exporters

import (
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

// nginxExporter writes a RateLimitPolicy and a ProxySettingsPolicy for whole
// routes (12.N).
type nginxExporter struct{}

// Name implements Exporter.
func (nginxExporter) Name() string { return export.Nginx }

const nginxTitle = "NGINX Gateway Fabric"

// The kinds that it writes, in the version whose fields it knows.
var (
	nginxRateLimitPolicy = export.Kind{Group: "gateway.nginx.org", Version: "v1alpha1", Kind: "RateLimitPolicy", Plural: "ratelimitpolicies"}
	proxySettingsPolicy  = export.Kind{Group: "gateway.nginx.org", Version: "v1alpha1", Kind: "ProxySettingsPolicy", Plural: "proxysettingspolicies"}
)

// nginxUnits are the units of its limits, the shortest first.
var nginxUnits = []draft.Unit{{Name: "s", Size: time.Second}, {Name: "m", Size: time.Minute}}

// nginxDuration matches the durations of its API.
var nginxDuration = regexp.MustCompile(`^[0-9]{1,4}(ms|s|m|h)?$`)

// nginxRoute is a route while it is projected. It has one value of each field for all its rules.
type nginxRoute struct {
	in    *export.Input
	rules []*draft.Rule
	// one is the first rule that proxies, with the values on which all rules agree.
	one *draft.Rule
	// differ are the fields on which the rules differ.
	differ map[field.Field]bool
}

// Project implements Exporter.
func (nginxExporter) Project(in export.Input) export.Projection {
	if p, done := draft.RefusedWhole(&in, nginxTitle); done {
		return p
	}
	if in.Route.Kind != "HTTPRoute" && in.Route.Kind != "GRPCRoute" {
		return draft.Refused(&in, nginxTitle, export.RouteKind, nginxTitle, in.Route.Kind)
	}
	r := &nginxRoute{in: &in, rules: draft.RulesOf(&in, nginxTitle), differ: map[field.Field]bool{}}
	r.compare()
	var objects []export.Written
	if r.one != nil {
		if spec := r.limits(); spec != nil {
			objects = append(objects, r.object(nginxRateLimitPolicy, spec, field.RateLimitPolicy)...)
		}
		if spec := r.times(); spec != nil {
			objects = append(objects, r.object(proxySettingsPolicy, spec, field.TimeoutPolicy)...)
		}
	}
	return export.NewProjection(objects, nil, draft.OutcomesOf(&in, r.rules, nginxTitle))
}

// compare finds the values on which all rules agree, and refuses the others (12.N1).
func (r *nginxRoute) compare() {
	var proxied []*draft.Rule
	for _, rule := range r.rules {
		if rule.Answers {
			rule.RefuseNotProxied()
			continue
		}
		proxied = append(proxied, rule)
		for _, f := range rule.Fields() {
			if f.Name == field.Request || f.Name == field.Idle || (f.Policy == field.RetryPolicy && f.Name != field.PerTryTimeout) {
				rule.Sheet.At(f).Because(export.NoField, nginxTitle)
			}
		}
	}
	if len(proxied) == 0 {
		return
	}
	r.one = proxied[0]
	for _, rule := range proxied[1:] {
		for _, list := range [...][]field.Field{rule.Fields(), r.one.Fields()} {
			for _, f := range list {
				a, has := rule.Want.Leaves[f]
				b, had := r.one.Want.Leaves[f]
				if has != had || !f.Equal(a, b) {
					r.differ[f] = true
				}
			}
		}
	}
	r.blocks()
	if r.differ[field.Retry(field.PerTryTimeout)] || r.differ[field.Timeout(field.Backend)] {
		r.differ[field.Retry(field.PerTryTimeout)], r.differ[field.Timeout(field.Backend)] = true, true
	}
	leaves := map[field.Field]any{}
	for f, v := range r.one.Want.Leaves {
		if !r.differ[f] {
			leaves[f] = v
		}
	}
	for _, rule := range proxied {
		for _, f := range rule.Fields() {
			if r.differ[f] && !rule.Sheet.At(f).HasReason() {
				rule.Sheet.At(f).Because(export.RulesDiffer)
			}
		}
	}
	one := *r.one
	one.Want = draft.NewWant(leaves)
	r.one = &one
	r.rules = append([]*draft.Rule{}, r.rules...)
}

// blocks extends a difference in the head of a limit to the whole limit, because its other fields depend
// on the head (E6.4).
func (r *nginxRoute) blocks() {
	heads := map[string]bool{field.RequestsPerSecond: true, field.Requests: true, field.Per: true, field.Key: true, field.Mode: true}
	for f := range r.differ {
		if f.Policy != field.RateLimitPolicy || !heads[f.Name] {
			continue
		}
		for _, rule := range r.rules {
			for _, other := range rule.Fields() {
				if other.Policy == field.RateLimitPolicy && other.Limit == f.Limit {
					r.differ[other] = true
				}
			}
		}
	}
}

// each calls say with the draft of a field in every rule that proxies.
func (r *nginxRoute) each(fields []field.Field, say func(v *draft.Outcome)) {
	for _, rule := range r.rules {
		if rule.Answers {
			continue
		}
		rule.Each(fields, func(v *draft.Outcome) {
			if !v.HasReason() || v.As != "" {
				say(v)
			}
		})
	}
}

// object returns one object of a kind, none if there is an older foreign one.
func (r *nginxRoute) object(kind export.Kind, spec map[string]any, policy string) []export.Written {
	at := export.Target{Exporter: export.Nginx, Kind: kind, Route: r.in.Route}
	var fields []field.Field
	for _, f := range r.one.Fields() {
		if f.Policy == policy || f == field.Retry(field.PerTryTimeout) && policy == field.TimeoutPolicy {
			fields = append(fields, f)
		}
	}
	for _, f := range r.in.ForeignAt(r.in.Route) {
		if f.Object.GetKind() == kind.Kind && !r.in.Older(at.Name(), f) {
			reason, who := at.TakenBy(f)
			r.each(fields, func(v *draft.Outcome) { v.Because(reason, who) })
			return nil
		}
	}
	if r.in.Taken[at.Name()] {
		r.each(fields, func(v *draft.Outcome) { v.Because(export.NameTaken, at.Name()) })
		return nil
	}
	r.each(fields, func(v *draft.Outcome) {
		if v.As != "" && v.As != export.Absent {
			v.Object = at.Key()
		}
	})
	spec["targetRefs"] = []any{map[string]any{"group": r.in.Route.GroupKind.Group, "kind": r.in.Route.Kind, "name": r.in.Route.Name}}
	return []export.Written{at.Write(r.in, spec)}
}

func (r *nginxRoute) times() map[string]any {
	times := map[string]any{}
	put := func(d *field.Duration, fields []field.Field, reason export.Reason, names ...string) {
		if d == nil {
			return
		}
		text, exact := d.Text, true
		off := d.Off()
		switch {
		case off:
			text = field.Day().Text
		case !nginxDuration.MatchString(text):
			text, exact = oneUnit(d.Duration)
		}
		for _, name := range names {
			times[name] = text
		}
		r.each(fields, func(v *draft.Outcome) {
			v.Written("spec.timeout."+names[0], text)
			if reason != "" {
				v.Because(reason)
			}
			if off {
				v.Because(export.NoOffSwitch, text)
			}
			if !exact {
				v.Because(export.Rounded, text)
			}
		})
	}
	r.one.Subsume()
	put(r.one.Want.Connect, []field.Field{field.Timeout(field.Connect)}, "", "connect")
	put(r.one.PerTry(), tryFields, export.BetweenReads, "read", "send")
	if len(times) == 0 {
		return nil
	}
	return map[string]any{"timeout": times}
}

func (r *nginxRoute) limits() map[string]any {
	var entries []any
	for _, l := range r.one.Want.Limits {
		fields := r.one.LimitFields(l)
		if l.Disabled {
			r.each(fields, func(v *draft.Outcome) { v.Written(export.Absent, nil) })
			if above := r.above(); above != nil {
				r.each(fields, func(v *draft.Outcome) { v.Because(export.CannotClear, above.String()) })
			}
			continue
		}
		key, ok := nginxKey(l)
		if !ok {
			r.each(fields, func(v *draft.Outcome) { v.Because(export.HeaderName, l.Key) })
			continue
		}
		number, u, exact, ok := l.PerUnit(nginxUnits, math.MaxInt32)
		if !ok || !l.Capacity().IsInt64() {
			r.each(fields, func(v *draft.Outcome) { v.Because(export.TooSmall) })
			continue
		}
		rate := itoa(number) + "r/" + u.Name
		entry := map[string]any{"rate": rate, "noDelay": true, "key": key}
		// The burst of nginx does not include the first request.
		more := l.Capacity().Int64() - 1
		burstWritten := min(more, math.MaxInt32)
		if burstWritten > 0 {
			entry["burst"] = burstWritten
		}
		entries = append(entries, entry)
		r.each(fields, func(v *draft.Outcome) { v.Written("spec.rateLimit.local.rules", rate) })
		r.each([]field.Field{l.Head()}, func(v *draft.Outcome) {
			v.Note(export.PerInstance)
			if !exact {
				v.Because(export.Rounded, rate)
			}
			if above := r.above(); above != nil {
				v.Because(export.AddsToForeign, above.String())
			}
		})
		if burstWritten < more {
			r.each([]field.Field{l.Field(field.Burst)}, func(v *draft.Outcome) { v.Because(export.BurstDropped, itoa(burstWritten+1), itoa(more+1)) })
		}
		r.counters(l)
	}
	if len(entries) == 0 {
		return nil
	}
	return map[string]any{"rateLimit": map[string]any{"rejectCode": int64(429), "local": map[string]any{"rules": entries}}}
}

// counters compares what is asked for with one counter for the whole route (12.N4).
func (r *nginxRoute) counters(l *draft.Limit) {
	f := l.Head()
	if l.Counter != "" {
		f = l.Field(field.Counter)
	}
	switch {
	case l.Counter == "Gateway":
		r.each([]field.Field{f}, func(v *draft.Outcome) { v.Because(export.CounterFiner, "route") })
	case l.Counter != "Route" && len(r.in.Rules) > 1:
		r.each([]field.Field{f}, func(v *draft.Outcome) { v.Because(export.CounterCoarser) })
	}
}

// above returns a foreign limit on a Gateway of the route, nil if there is none.
func (r *nginxRoute) above() *export.Foreign {
	for _, rule := range r.rules {
		for _, p := range rule.Paths {
			for _, f := range r.in.ForeignAt(p.Listener.Gateway) {
				if f.Object.GetKind() == nginxRateLimitPolicy.Kind {
					return f
				}
			}
		}
	}
	return nil
}

// nginxKey returns the key of a limit. nginx does not limit requests with an empty key, so a constant is
// put before the value of a header (12.N3).
func nginxKey(l *draft.Limit) (string, bool) {
	header, isHeader := l.Header()
	switch {
	case isHeader:
		if header == "" || strings.Trim(header, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			return "", false
		}
		return "attache:$http_" + strings.ReplaceAll(strings.ToLower(header), "-", "_"), true
	case l.Key == "ClientIP":
		return "$binary_remote_addr", true
	}
	return "attache", true
}

// oneUnit writes a duration with one unit and at most four digits, in the largest unit that is exact. If
// none is, it rounds down in the smallest unit that fits.
func oneUnit(d time.Duration) (text string, exact bool) {
	units := [...]struct {
		name string
		size time.Duration
	}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}
	const most = 9999
	for _, u := range units {
		if n := d / u.size; n > 0 && n <= most && d%u.size == 0 {
			return itoa(int64(n)) + u.name, true
		}
	}
	for i := len(units) - 1; i >= 0; i-- {
		if n := d / units[i].size; n > 0 && n <= most {
			return itoa(int64(n)) + units[i].name, false
		}
	}
	return itoa(most) + "h", false
}
