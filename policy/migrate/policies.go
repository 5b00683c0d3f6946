package migrate

import (
	"cmp"
	"fmt"
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
		return w
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
	o.retryWants(w, o.config.value("proxy-next-upstream"), o.config.value("proxy-next-upstream-tries"))
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
		return w
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
		o.retryWants(w, cmp.Or(s.text("proxy-next-upstream"), o.config.value("proxy-next-upstream")),
			cmp.Or(s.text("proxy-next-upstream-tries"), o.config.value("proxy-next-upstream-tries")))
	}
	o.rateWants(w, s)
	return w
}

// everything says whether retries repeat what was sent, too (M50).
func (o *Old) everything(conditions []string) bool {
	return o.options.Retries == RetriesAll || slices.Contains(conditions, "non_idempotent") || o.config.value("retry-non-idempotent") == "true"
}

// retryWants are the retries of nginx's words (M50).
func (o *Old) retryWants(w wants, upstream, tries string) {
	conditions := strings.Fields(upstream)
	n, err := strconv.Atoi(tries)
	if err != nil || n == 0 || n > 101 {
		n = 3 // no limit, or one that cannot be written: what the Gateway's default says
		if m, err := strconv.Atoi(o.config.value("proxy-next-upstream-tries")); err == nil && m > 0 && m <= 101 {
			n = m
		}
	}
	on := o.retryOn(conditions, o.everything(conditions))
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

// multiplier is limit-burst-multiplier, 5 when it is not stated.
func multiplier(s *settings) int {
	if n, ok := s.int("limit-burst-multiplier"); ok && n > 0 {
		return n
	}
	return 5
}

// rateWants are the limits of an Ingress (M54).
func (o *Old) rateWants(w wants, s *settings) {
	r := int64(o.options.Replicas)
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
func (c *converter) writePolicies() {
	defaults := c.old.defaultWants()
	if c.options.Defaults == DefaultsNone {
		defaults = wants{}
	}
	onRoutes := !c.options.NewGateway && c.options.Defaults != DefaultsGateway
	for _, g := range c.old.ingresses {
		w := c.routes[g]
		if w == nil || len(w.names) == 0 {
			continue
		}
		own := c.old.ingressWants(g)
		if onRoutes {
			own = own.over(defaults)
		}
		for _, kind := range []string{RateLimitPolicy, RetryPolicy, TimeoutPolicy} {
			if len(own[kind]) > 0 {
				c.writePolicy(g, w, kind, own[kind])
			}
		}
	}
	if onRoutes {
		return
	}
	target := map[string]any{"group": hierarchy.Group, "kind": "Gateway", "name": c.gateway.name.Name}
	for _, kind := range sortedKeys(defaults) {
		name := c.existing.free(kind, c.gateway.name.Namespace, c.gateway.name.Name+"-ingress-defaults")
		c.objects = append(c.objects, object(policyAPI, kind, c.gateway.name.Namespace, name, nil, nil, map[string]any{
			"targetRef": target, "default": defaults[kind],
		}))
	}
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

func (c *converter) writePolicy(g *ingress, w *ofIngress, kind string, fields map[string]any) {
	targets := w.targets()
	for n := 0; len(targets) > 0; n++ {
		some := targets[:min(16, len(targets))]
		targets = targets[len(some):]
		spec := map[string]any{"default": fields}
		if len(some) == 1 {
			spec["targetRef"] = some[0]
		} else {
			spec["targetRefs"] = some
		}
		name := c.existing.free(kind, g.namespace, numbered(w.names[0], n))
		c.objects = append(c.objects, object(policyAPI, kind, g.namespace, name, nil, nil, spec))
	}
}

// policyOf is a policy of an Ingress as a finding names it.
func (c *converter) policyOf(g *ingress, kind, field string) (Became, string) {
	name := g.name
	if w := c.routes[g]; w != nil && len(w.names) > 0 {
		name = w.names[0]
	}
	name = c.existing.free(kind, g.namespace, name)
	return Became{Kind: kind, Namespace: g.namespace, Name: name, Field: field}, fmt.Sprintf("%s %s/%s", kind, g.namespace, name)
}
