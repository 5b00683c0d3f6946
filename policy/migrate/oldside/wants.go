package oldside

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// DefaultWants are the fields for what the controller does without annotations (M46).
func (o *Side) DefaultWants() statement.Wants {
	w := statement.Wants{}
	if !o.Controller.Nginx {
		return o.set(o.Controller.Defaults(&o.Input))
	}
	w.Set(statement.TimeoutPolicy, "request", "0s")
	if n, ok := ingress.Positive(o.Config.Value("proxy-connect-timeout")); ok {
		if text, ok := statement.Seconds(n); ok {
			w.Set(statement.TimeoutPolicy, "connect", text)
		}
	}
	if n, ok := o.Idle(&ingress.Settings{}); ok {
		if text, ok := statement.Seconds(n); ok {
			w.Set(statement.TimeoutPolicy, o.Options.IdleField(), text)
		}
	}
	upstream := o.Config.Value("proxy-next-upstream")
	o.retryWants(w, upstream, o.Config.Value("proxy-next-upstream-tries"), o.RepeatsAll(strings.Fields(upstream)))
	return o.set(w)
}

// set replaces defaults of the controller by what --set states: timeouts that are arguments
// of its program, and that no object has.
func (o *Side) set(w statement.Wants) statement.Wants {
	for field, value := range o.Options.Set {
		w.Set(statement.TimeoutPolicy, field, value)
	}
	return w
}

// Idle is the longer of the read timeout and of a send timeout that is stated
// (M48).
func (o *Side) Idle(s *ingress.Settings) (int, bool) {
	read, ok := ingress.Positive(cmp.Or(s.Text("proxy-read-timeout"), o.Config.Value("proxy-read-timeout")))
	send := s.Text("proxy-send-timeout")
	if send == "" && o.Config.Stated("proxy-send-timeout") {
		send = o.Config.Value("proxy-send-timeout")
	}
	if n, sent := ingress.Positive(send); sent && n > read {
		return n, true
	}
	return read, ok
}

// IngressWants are what the annotations of an Ingress come to.
func (o *Side) IngressWants(g *ingress.Ingress) statement.Wants {
	w := statement.Wants{}
	if !o.Controller.Nginx {
		return o.WantsOf(g.Settings)
	}
	s := g.Settings
	if n, ok := ingress.Positive(s.Text("proxy-connect-timeout")); ok {
		if text, ok := statement.Seconds(n); ok {
			w.Set(statement.TimeoutPolicy, "connect", text)
		}
	}
	if s.Has("proxy-read-timeout") || s.Has("proxy-send-timeout") {
		_, read := ingress.Positive(s.Text("proxy-read-timeout"))
		_, send := ingress.Positive(s.Text("proxy-send-timeout"))
		if n, ok := o.Idle(s); ok && (read || send) {
			if text, ok := statement.Seconds(n); ok {
				w.Set(statement.TimeoutPolicy, o.Options.IdleField(), text)
			}
		}
	}
	if (s.Has("proxy-next-upstream") || s.Has("proxy-next-upstream-tries")) && !SpeaksGRPC(s) {
		upstream := cmp.Or(s.Text("proxy-next-upstream"), o.Config.Value("proxy-next-upstream"))
		tries := cmp.Or(s.Text("proxy-next-upstream-tries"), o.Config.Value("proxy-next-upstream-tries"))
		o.retryWants(w, upstream, tries, o.RepeatsAll(strings.Fields(upstream)))
	}
	o.rateWants(w, s)
	return w
}

// RepeatsAll says whether retries repeat what was sent, too (M50).
func (o *Side) RepeatsAll(conditions []string) bool {
	return o.Options.Retries == option.RetriesAll || slices.Contains(conditions, "non_idempotent") || o.Config.Value("retry-non-idempotent") == "true"
}

// retryWants are the retries of nginx's words (M50). everything repeats also what was
// sent.
func (o *Side) retryWants(w statement.Wants, upstream, tries string, everything bool) {
	conditions := strings.Fields(upstream)
	n, err := strconv.Atoi(tries)
	if err != nil || n == 0 || n > 101 {
		n = 3 // no limit, or one that cannot be written: what the Gateway's default says
		if m, err := strconv.Atoi(o.Config.Value("proxy-next-upstream-tries")); err == nil && m > 0 && m <= 101 {
			n = m
		}
	}
	on := o.RetryOn(conditions, everything)
	if n <= 1 || slices.Contains(conditions, "off") || len(on) == 0 {
		w.Set(statement.RetryPolicy, "maxRetries", int64(0))
		return
	}
	w.Set(statement.RetryPolicy, "maxRetries", int64(n-1))
	w.Set(statement.RetryPolicy, "retryOn", on)
}

// RetryOn are the conditions of retries, in the order of M50.
func (o *Side) RetryOn(conditions []string, everything bool) []any {
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

// Burst is what our bucket has on top of the rate, so that both let the same through
// at once (M54).
func Burst(n, multiplier int) int64 { return max(int64(n)*int64(multiplier)+1-int64(n), 0) }

// Multiplier is limit-burst-multiplier, 5 when it is not stated. 0 is one request at a
// time.
func Multiplier(s *ingress.Settings) int {
	if n, ok := s.Int("limit-burst-multiplier"); ok {
		return max(n, 0)
	}
	return 5
}

// rateWants are the limits of an Ingress (M54).
func (o *Side) rateWants(w statement.Wants, s *ingress.Settings) {
	r := o.Replicas.Count
	if n, ok := ingress.Positive(s.Text("limit-rps")); ok && int64(n)*r <= statement.MostRequests && Burst(n, Multiplier(s))*r <= statement.MostRequests {
		w.Set(statement.RateLimitPolicy, "requestsPerSecond", int64(n)*r)
		w.Set(statement.RateLimitPolicy, "burst", Burst(n, Multiplier(s))*r)
		w.Set(statement.RateLimitPolicy, "key", "ClientIP")
		w.Set(statement.RateLimitPolicy, "counter", "Route")
	}
	if n, ok := ingress.Positive(s.Text("limit-rpm")); ok && int64(n)*r <= statement.MostRequests && Burst(n, Multiplier(s))*r <= statement.MostRequests {
		w.Set(statement.RateLimitPolicy, "limits", map[string]any{"per-minute": map[string]any{
			"requests": int64(n) * r, "per": "1m", "burst": Burst(n, Multiplier(s)) * r, "key": "ClientIP", "counter": "Route",
		}})
	}
}

// Idempotent are the methods that nginx repeats once they were sent (M50).
func Idempotent() []string { return []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"} }

// IdempotentWants are the retries of requests that may be repeated once they were
// sent, where they differ from those of others: with --retries=methods (M50).
func (o *Side) IdempotentWants(g *ingress.Ingress) statement.Wants {
	s := g.Settings
	stated := s.Has("proxy-next-upstream") || s.Has("proxy-next-upstream-tries")
	if o.Options.Retries != option.RetriesMethods || !o.Controller.Nginx || SpeaksGRPC(s) || !stated && o.Options.Defaults == option.DefaultsNone {
		return nil
	}
	upstream := cmp.Or(s.Text("proxy-next-upstream"), o.Config.Value("proxy-next-upstream"))
	tries := cmp.Or(s.Text("proxy-next-upstream-tries"), o.Config.Value("proxy-next-upstream-tries"))
	if o.RepeatsAll(strings.Fields(upstream)) {
		return nil
	}
	safe, all := statement.Wants{}, statement.Wants{}
	o.retryWants(safe, upstream, tries, false)
	o.retryWants(all, upstream, tries, true)
	if statement.JSON(safe) == statement.JSON(all) {
		return nil
	}
	return all
}

// Repeatable says whether a method is one of those.
func Repeatable(method string) bool { return slices.Contains(Idempotent(), method) }

// SpeaksGRPC says whether ingress-nginx speaks gRPC to the backends of an Ingress.
func SpeaksGRPC(s *ingress.Settings) bool {
	p := strings.ToUpper(s.Text("backend-protocol"))
	return p == "GRPC" || p == "GRPCS"
}
