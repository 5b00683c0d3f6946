package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// The kinds of policies that are written.
const (
	TimeoutPolicy   = "TimeoutPolicy"
	RetryPolicy     = "RetryPolicy"
	RateLimitPolicy = "RateLimitPolicy"
)

// wants are the fields of policies that an Ingress, or a controller's defaults,
// come to: by kind, then by field.
type wants map[string]map[string]any

func (w wants) set(kind, field string, value any) {
	if w[kind] == nil {
		w[kind] = map[string]any{}
	}
	w[kind][field] = value
}

// seconds is a duration as GEP-2257 writes it: at most five digits of each unit
// (M49); false when it cannot be written.
func seconds(n int) (string, bool) {
	switch {
	case n < 0:
		return "", false
	case n <= 99999:
		return strconv.Itoa(n) + "s", true
	case n/3600 > 99999:
		return "", false
	}
	text := strconv.Itoa(n/3600) + "h"
	if m := n % 3600 / 60; m > 0 {
		text += strconv.Itoa(m) + "m"
	}
	if s := n % 60; s > 0 {
		text += strconv.Itoa(s) + "s"
	}
	return text, true
}

// idleField is the field that nginx's read and send timeouts become (M48).
func (o *Options) idleField() string {
	if o.ReadTimeout == ReadBackend {
		return "backend"
	}
	return "idle"
}

// positive is a number of seconds above 0.
func positive(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0
}

// defaultWants are what the controller does without annotations (M46).
func (o *Old) defaultWants() wants {
	w := wants{}
	if !o.controller.nginx {
		return o.set(o.controller.defaults(o))
	}
	w.set(TimeoutPolicy, "request", "0s")
	if n, ok := positive(o.config.value("proxy-connect-timeout")); ok {
		if text, ok := seconds(n); ok {
			w.set(TimeoutPolicy, "connect", text)
		}
	}
	if n, ok := o.idle(&settings{}); ok {
		if text, ok := seconds(n); ok {
			w.set(TimeoutPolicy, o.options.idleField(), text)
		}
	}
	upstream := o.config.value("proxy-next-upstream")
	o.retryWants(w, upstream, o.config.value("proxy-next-upstream-tries"), o.everything(strings.Fields(upstream)))
	return o.set(w)
}

// set puts what --set states over the defaults of the controller: timeouts that are
// arguments of its program, and stand in no object.
func (o *Old) set(w wants) wants {
	for field, value := range o.options.Set {
		w.set(TimeoutPolicy, field, value)
	}
	return w
}

// idle is the longer of the read timeout and of a send timeout that is stated
// (M48).
func (o *Old) idle(s *settings) (int, bool) {
	read, ok := positive(cmp.Or(s.text("proxy-read-timeout"), o.config.value("proxy-read-timeout")))
	send := s.text("proxy-send-timeout")
	if send == "" && o.config.stated("proxy-send-timeout") {
		send = o.config.value("proxy-send-timeout")
	}
	if n, sent := positive(send); sent && n > read {
		return n, true
	}
	return read, ok
}

// ingressWants are what the annotations of an Ingress come to.
func (o *Old) ingressWants(g *ingress) wants {
	w := wants{}
	if !o.controller.nginx {
		return o.wantsOf(g.set)
	}
	s := g.set
	if n, ok := positive(s.text("proxy-connect-timeout")); ok {
		if text, ok := seconds(n); ok {
			w.set(TimeoutPolicy, "connect", text)
		}
	}
	if s.has("proxy-read-timeout") || s.has("proxy-send-timeout") {
		_, read := positive(s.text("proxy-read-timeout"))
		_, send := positive(s.text("proxy-send-timeout"))
		if n, ok := o.idle(s); ok && (read || send) {
			if text, ok := seconds(n); ok {
				w.set(TimeoutPolicy, o.options.idleField(), text)
			}
		}
	}
	if (s.has("proxy-next-upstream") || s.has("proxy-next-upstream-tries")) && !speaksGRPC(s) {
		upstream := cmp.Or(s.text("proxy-next-upstream"), o.config.value("proxy-next-upstream"))
		tries := cmp.Or(s.text("proxy-next-upstream-tries"), o.config.value("proxy-next-upstream-tries"))
		o.retryWants(w, upstream, tries, o.everything(strings.Fields(upstream)))
	}
	o.rateWants(w, s)
	return w
}

// everything says whether retries repeat what was sent, too (M50).
func (o *Old) everything(conditions []string) bool {
	return o.options.Retries == RetriesAll || slices.Contains(conditions, "non_idempotent") || o.config.value("retry-non-idempotent") == "true"
}

// retryWants are the retries of nginx's words (M50). everything repeats also what was
// sent.
func (o *Old) retryWants(w wants, upstream, tries string, everything bool) {
	conditions := strings.Fields(upstream)
	n, err := strconv.Atoi(tries)
	if err != nil || n == 0 || n > 101 {
		n = 3 // no limit, or one that cannot be written: what the Gateway's default says
		if m, err := strconv.Atoi(o.config.value("proxy-next-upstream-tries")); err == nil && m > 0 && m <= 101 {
			n = m
		}
	}
	on := o.retryOn(conditions, everything)
	if n <= 1 || slices.Contains(conditions, "off") || len(on) == 0 {
		w.set(RetryPolicy, "maxRetries", int64(0))
		return
	}
	w.set(RetryPolicy, "maxRetries", int64(n-1))
	w.set(RetryPolicy, "retryOn", on)
}

// retryOn are the conditions of retries, in the order of M50.
func (o *Old) retryOn(conditions []string, everything bool) []any {
	var on []any
	if slices.Contains(conditions, "error") || slices.Contains(conditions, "timeout") {
		on = append(on, "connect-failure")
		if everything {
			on = append(on, "reset")
		}
	}
	if everything {
		for _, code := range []string{"403", "404", "429", "500", "502", "503", "504"} {
			if slices.Contains(conditions, "http_"+code) {
				on = append(on, code)
			}
		}
	}
	return on
}

// mostRequests is the largest number of a RateLimitPolicy.
const mostRequests = 1000000000

// burst is what our bucket has on top of the rate, so that both let the same through
// at once (M54).
func burst(n, multiplier int) int64 { return max(int64(n)*int64(multiplier)+1-int64(n), 0) }

// multiplier is limit-burst-multiplier, 5 when it is not stated. 0 is one request at a
// time.
func multiplier(s *settings) int {
	if n, ok := s.int("limit-burst-multiplier"); ok {
		return max(n, 0)
	}
	return 5
}

// rateWants are the limits of an Ingress (M54).
func (o *Old) rateWants(w wants, s *settings) {
	r := o.replicas.count
	if n, ok := positive(s.text("limit-rps")); ok && int64(n)*r <= mostRequests && burst(n, multiplier(s))*r <= mostRequests {
		w.set(RateLimitPolicy, "requestsPerSecond", int64(n)*r)
		w.set(RateLimitPolicy, "burst", burst(n, multiplier(s))*r)
		w.set(RateLimitPolicy, "key", "ClientIP")
		w.set(RateLimitPolicy, "counter", "Route")
	}
	if n, ok := positive(s.text("limit-rpm")); ok && int64(n)*r <= mostRequests && burst(n, multiplier(s))*r <= mostRequests {
		w.set(RateLimitPolicy, "limits", map[string]any{"per-minute": map[string]any{
			"requests": int64(n) * r, "per": "1m", "burst": burst(n, multiplier(s)) * r, "key": "ClientIP", "counter": "Route",
		}})
	}
}

// writePolicies writes the policies of Ingresses, and the defaults (M44 to M46).
func (c *converter) writePolicies() error {
	defaults, onRoutes, err := c.placeDefaults()
	if err != nil {
		return err
	}
	routes := c.routeWants(onRoutes)
	above := map[hierarchy.Ref]wants{}
	if len(defaults) > 0 {
		above[c.gateway.ref()] = defaults
	}
	before := slices.Concat(perIngress(routes), perRule(routes), c.aboveRoutes(above))
	if c.options.Lift == LiftNone {
		c.write(before)
		return nil
	}
	return c.lift(routes, above, before)
}

// routeWants are what is stated on the routes that are written. onRoutes are the
// defaults of the controller, where each route states them.
func (c *converter) routeWants(onRoutes wants) []routeWants {
	var list []routeWants
	for _, r := range c.given {
		if len(r.rules) == 0 {
			r.wants = r.wants.over(onRoutes)
		} else {
			r.wants = onRoutes
		}
		list = append(list, r)
	}
	list = append(list, c.bridges...)
	for _, g := range c.old.ingresses {
		w := c.routes[g]
		if w == nil {
			continue
		}
		for i, name := range w.names {
			own := w.all[name].over(c.old.ingressWants(g)).over(onRoutes)
			ref := hierarchy.NewRef(hierarchy.Group, w.kinds[i], g.namespace, name)
			list = append(list, routeWants{ref: ref, ingress: g, wants: own, rules: w.rules[name], forwards: true})
		}
	}
	return list
}

// aboveRoutes are the statements on what is above routes, in a fixed order.
func (c *converter) aboveRoutes(above map[hierarchy.Ref]wants) []statement {
	refs := slices.SortedFunc(maps.Keys(above), hierarchy.Compare)
	var list []statement
	for _, ref := range refs {
		for _, kind := range kindsOfPolicies() {
			if fields := above[ref][kind]; len(fields) > 0 {
				s := statement{kind: kind, namespace: ref.Namespace, name: ref.Name + "-ingress-defaults", targets: []hierarchy.Ref{ref}, fields: fields}
				switch {
				case ref.Kind == "Namespace":
					s.namespace, s.name = ref.Name, "ingress-defaults"
				case ref.Section != "":
					s.name = ref.Name + "-" + ref.Section + "-ingress-defaults"
				}
				list = append(list, s)
			}
		}
	}
	return list
}

// over are the fields of both; those of w count. A list of conditions belongs to the
// number of retries that it was stated with.
func (w wants) over(defaults wants) wants {
	out := wants{}
	for _, kind := range []string{RateLimitPolicy, RetryPolicy, TimeoutPolicy} {
		if kind == RetryPolicy && len(w[kind]) > 0 {
			out[kind] = w[kind]
			continue
		}
		for field, value := range defaults[kind] {
			out.set(kind, field, value)
		}
		for field, value := range w[kind] {
			out.set(kind, field, value)
		}
	}
	return out
}

// firstRoute is the first route of an Ingress with a backend, zero when there is none.
func (c *converter) firstRoute(g *ingress) hierarchy.Ref {
	if ref := c.givenAt[g]; !ref.IsZero() {
		return ref
	}
	if w := c.routes[g]; w != nil && len(w.names) > 0 {
		return hierarchy.NewRef(hierarchy.Group, w.kinds[0], g.namespace, w.names[0])
	}
	return hierarchy.Ref{}
}

// policyOf is a policy of an Ingress as a finding names it: where the field is stated
// for its first route.
func (c *converter) policyOf(g *ingress, kind, field string) (Became, string) {
	became := Became{Kind: kind, Namespace: g.namespace, Name: c.existing.free(kind, g.namespace, g.name), Field: field}
	if route := c.firstRoute(g); !route.IsZero() {
		became.Namespace, became.Name = route.Namespace, c.existing.free(kind, route.Namespace, strings.TrimSuffix(route.Name+"-"+route.Section, "-"))
		first, _, _ := strings.Cut(field, ".")
		for _, at := range c.above(route) {
			if stated, ok := c.statedIn[fieldKey{at, kind, first}]; ok {
				became.Namespace, became.Name = stated.Namespace, stated.Name
				break
			}
		}
	}
	return became, fmt.Sprintf("%s %s/%s", kind, became.Namespace, became.Name)
}
