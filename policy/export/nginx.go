package export

import (
	"math"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// nginxExporter writes a RateLimitPolicy and a ProxySettingsPolicy for whole
// routes (12.N).
type nginxExporter struct{}

// Name implements Exporter.
func (nginxExporter) Name() string { return Nginx }

const nginxTitle = "NGINX Gateway Fabric"

// The kinds that it writes, in the version whose fields it knows.
var (
	nginxRateLimitPolicy = Kind{Group: "gateway.nginx.org", Version: "v1alpha1", Kind: "RateLimitPolicy", Plural: "ratelimitpolicies"}
	proxySettingsPolicy  = Kind{Group: "gateway.nginx.org", Version: "v1alpha1", Kind: "ProxySettingsPolicy", Plural: "proxysettingspolicies"}
)

// nginxUnits are the units of its limits, the shortest first.
var nginxUnits = []unit{{name: "s", size: time.Second}, {name: "m", size: time.Minute}}

// nginxDuration matches the durations of its API.
var nginxDuration = regexp.MustCompile(`^[0-9]{1,4}(ms|s|m|h)?$`)

// nginxRoute is a route while it is projected. It has one value of each field for all its rules.
type nginxRoute struct {
	in    *Input
	rules []*rule
	// one is the first rule that proxies, with the values on which all rules agree.
	one *rule
	// differ are the fields on which the rules differ.
	differ map[Field]bool
}

// Project implements Exporter.
func (nginxExporter) Project(in Input) Projection {
	if p, done := refusedWhole(&in, nginxTitle); done {
		return p
	}
	if in.Route.Kind != "HTTPRoute" && in.Route.Kind != "GRPCRoute" {
		return refused(&in, nginxTitle, RouteKind, nginxTitle, in.Route.Kind)
	}
	r := &nginxRoute{in: &in, rules: rulesOf(&in, nginxTitle), differ: map[Field]bool{}}
	r.compare()
	var objects []*unstructured.Unstructured
	if r.one != nil {
		if spec := r.limits(); spec != nil {
			objects = append(objects, r.object(nginxRateLimitPolicy, spec, RateLimitPolicy)...)
		}
		if spec := r.times(); spec != nil {
			objects = append(objects, r.object(proxySettingsPolicy, spec, TimeoutPolicy)...)
		}
	}
	sortObjects(objects)
	return Projection{Objects: objects, Outcomes: outcomesOf(&in, r.rules, nginxTitle)}
}

// compare finds the values on which all rules agree, and refuses the others (12.N1).
func (r *nginxRoute) compare() {
	var proxied []*rule
	for _, rule := range r.rules {
		if rule.Answers {
			rule.refuseNotProxied()
			continue
		}
		proxied = append(proxied, rule)
		for _, f := range rule.every() {
			if f.Name == request || f.Name == idle || (f.Policy == RetryPolicy && f.Name != perTryTimeout) {
				rule.sheet.at(f).because(NoField, nginxTitle)
			}
		}
	}
	if len(proxied) == 0 {
		return
	}
	r.one = proxied[0]
	for _, rule := range proxied[1:] {
		for _, list := range [...][]Field{rule.every(), r.one.every()} {
			for _, f := range list {
				a, has := rule.want.leaves[f]
				b, had := r.one.want.leaves[f]
				if has != had || !f.equal(a, b) {
					r.differ[f] = true
				}
			}
		}
	}
	r.blocks()
	if r.differ[retry(perTryTimeout)] || r.differ[timeout(backend)] {
		r.differ[retry(perTryTimeout)], r.differ[timeout(backend)] = true, true
	}
	leaves := map[Field]any{}
	for f, v := range r.one.want.leaves {
		if !r.differ[f] {
			leaves[f] = v
		}
	}
	for _, rule := range proxied {
		for _, f := range rule.every() {
			if r.differ[f] && !rule.sheet.at(f).hasReason() {
				rule.sheet.at(f).because(RulesDiffer)
			}
		}
	}
	one := *r.one
	one.want = newWant(leaves)
	r.one = &one
	r.rules = append([]*rule{}, r.rules...)
}

// blocks extends a difference in the head of a limit to the whole limit, because its other fields depend
// on the head (E6.4).
func (r *nginxRoute) blocks() {
	heads := map[string]bool{requestsPerSecond: true, requests: true, per: true, key: true, mode: true}
	for f := range r.differ {
		if f.Policy != RateLimitPolicy || !heads[f.Name] {
			continue
		}
		for _, rule := range r.rules {
			for _, other := range rule.every() {
				if other.Policy == RateLimitPolicy && other.Limit == f.Limit {
					r.differ[other] = true
				}
			}
		}
	}
}

// each calls say with the draft of a field in every rule that proxies.
func (r *nginxRoute) each(fields []Field, say func(v *verdict)) {
	for _, rule := range r.rules {
		if rule.Answers {
			continue
		}
		rule.each(fields, func(v *verdict) {
			if !v.hasReason() || v.as != "" {
				say(v)
			}
		})
	}
}

// object returns one object of a kind, none if there is an older foreign one.
func (r *nginxRoute) object(kind Kind, spec map[string]any, policy string) []*unstructured.Unstructured {
	at := target{exporter: Nginx, kind: kind, route: r.in.Route}
	var fields []Field
	for _, f := range r.one.every() {
		if f.Policy == policy || f == retry(perTryTimeout) && policy == TimeoutPolicy {
			fields = append(fields, f)
		}
	}
	for _, f := range r.in.foreignAt(r.in.Route) {
		if f.Object.GetKind() == kind.Kind && !r.in.older(at.name(), f) {
			reason, who := at.takenBy(f)
			r.each(fields, func(v *verdict) { v.because(reason, who) })
			return nil
		}
	}
	if r.in.Taken[at.name()] {
		r.each(fields, func(v *verdict) { v.because(NameTaken, at.name()) })
		return nil
	}
	r.each(fields, func(v *verdict) {
		if v.as != "" && v.as != Absent {
			v.object = at.name()
		}
	})
	spec["targetRefs"] = []any{map[string]any{"group": r.in.Route.GroupKind.Group, "kind": r.in.Route.Kind, "name": r.in.Route.Name}}
	object := at.object(r.in)
	object.Object["spec"] = spec
	return []*unstructured.Unstructured{object}
}

func (r *nginxRoute) times() map[string]any {
	times := map[string]any{}
	put := func(d *duration, fields []Field, reason Reason, names ...string) {
		if d == nil {
			return
		}
		text, exact := d.text, true
		off := d.off()
		switch {
		case off:
			text = day().text
		case !nginxDuration.MatchString(text):
			text, exact = oneUnit(d.Duration)
		}
		for _, name := range names {
			times[name] = text
		}
		r.each(fields, func(v *verdict) {
			v.written("spec.timeout."+names[0], text)
			if reason != "" {
				v.because(reason)
			}
			if off {
				v.because(NoOffSwitch, text)
			}
			if !exact {
				v.because(Rounded, text)
			}
		})
	}
	r.one.subsume()
	put(r.one.want.connect, []Field{timeout(connect)}, "", "connect")
	put(r.one.perTry(), tryFields, BetweenReads, "read", "send")
	if len(times) == 0 {
		return nil
	}
	return map[string]any{"timeout": times}
}

func (r *nginxRoute) limits() map[string]any {
	var entries []any
	for _, l := range r.one.want.limits {
		fields := r.one.of(l)
		if l.disabled {
			r.each(fields, func(v *verdict) { v.written(Absent, nil) })
			if above := r.above(); above != nil {
				r.each(fields, func(v *verdict) { v.because(CannotClear, above.name()) })
			}
			continue
		}
		key, ok := nginxKey(l)
		if !ok {
			r.each(fields, func(v *verdict) { v.because(HeaderName, l.key) })
			continue
		}
		number, u, exact, ok := l.perUnit(nginxUnits, math.MaxInt32)
		if !ok || !l.capacity().IsInt64() {
			r.each(fields, func(v *verdict) { v.because(TooSmall) })
			continue
		}
		rate := itoa(number) + "r/" + u.name
		entry := map[string]any{"rate": rate, "noDelay": true, "key": key}
		// The burst of nginx does not include the first request.
		more := l.capacity().Int64() - 1
		burstWritten := min(more, math.MaxInt32)
		if burstWritten > 0 {
			entry["burst"] = burstWritten
		}
		entries = append(entries, entry)
		r.each(fields, func(v *verdict) { v.written("spec.rateLimit.local.rules", rate) })
		r.each([]Field{l.head()}, func(v *verdict) {
			v.note(PerInstance)
			if !exact {
				v.because(Rounded, rate)
			}
			if above := r.above(); above != nil {
				v.because(AddsToForeign, above.name())
			}
		})
		if burstWritten < more {
			r.each([]Field{l.field(burst)}, func(v *verdict) { v.because(BurstDropped, itoa(burstWritten+1), itoa(more+1)) })
		}
		r.counters(l)
	}
	if len(entries) == 0 {
		return nil
	}
	return map[string]any{"rateLimit": map[string]any{"rejectCode": int64(429), "local": map[string]any{"rules": entries}}}
}

// counters compares what is asked for with one counter for the whole route (12.N4).
func (r *nginxRoute) counters(l *limit) {
	f := l.head()
	if l.counter != "" {
		f = l.field(counter)
	}
	switch {
	case l.counter == "Gateway":
		r.each([]Field{f}, func(v *verdict) { v.because(CounterFiner, "route") })
	case l.counter != "Route" && len(r.in.Rules) > 1:
		r.each([]Field{f}, func(v *verdict) { v.because(CounterCoarser) })
	}
}

// above returns a foreign limit on a Gateway of the route, nil if there is none.
func (r *nginxRoute) above() *Foreign {
	for _, rule := range r.rules {
		for _, p := range rule.paths {
			for _, f := range r.in.foreignAt(p.Gateway) {
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
func nginxKey(l *limit) (string, bool) {
	header, isHeader := l.header()
	switch {
	case isHeader:
		if header == "" || strings.Trim(header, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			return "", false
		}
		return "attache:$http_" + strings.ReplaceAll(strings.ToLower(header), "-", "_"), true
	case l.key == "ClientIP":
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
