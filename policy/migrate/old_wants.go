package migrate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// defaultWants are what the controller does without annotations (M46).
func (o *Old) defaultWants() wants {
	w := wants{}
	if !o.controller.nginx {
		return o.set(o.controller.defaults(&o.input))
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

// idempotent are the methods that nginx repeats once they were sent (M50).
func idempotent() []string { return []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"} }

// idempotentWants are the retries of requests that may be repeated once they were
// sent, where they differ from those of others: with --retries=methods (M50).
func (o *Old) idempotentWants(g *ingress) wants {
	s := g.set
	stated := s.has("proxy-next-upstream") || s.has("proxy-next-upstream-tries")
	if o.options.Retries != RetriesMethods || !o.controller.nginx || speaksGRPC(s) || !stated && o.options.Defaults == DefaultsNone {
		return nil
	}
	upstream := cmp.Or(s.text("proxy-next-upstream"), o.config.value("proxy-next-upstream"))
	tries := cmp.Or(s.text("proxy-next-upstream-tries"), o.config.value("proxy-next-upstream-tries"))
	if o.everything(strings.Fields(upstream)) {
		return nil
	}
	safe, all := wants{}, wants{}
	o.retryWants(safe, upstream, tries, false)
	o.retryWants(all, upstream, tries, true)
	if jsonText(safe) == jsonText(all) {
		return nil
	}
	return all
}

// repeatable says whether a method is one of those.
func repeatable(method string) bool { return slices.Contains(idempotent(), method) }

func speaksGRPC(s *settings) bool {
	p := strings.ToUpper(s.text("backend-protocol"))
	return p == "GRPC" || p == "GRPCS"
}
