package migrate

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// explainAll says what became of every annotation (section 6).
func (c *explainer) explainAll() {
	for _, g := range c.old.ingresses {
		if !g.chosen {
			continue // M4
		}
		for _, short := range slices.Sorted(maps.Keys(g.set.values)) {
			name := g.set.full[short]
			row := c.old.row(short)
			switch {
			case c.report.has(g, name):
			case !c.old.served(g):
				c.report.annotation(g, name, NoEffect, None, "the controller does not serve the Ingress")
			case g.canary() && !forCanary(short):
				c.report.annotation(g, name, NoEffect, None, "of a canary only its own annotations, balancing and affinity count")
			case !c.old.controller.nginx && (row.Status != Lost || c.old.conversionOf(g.set, short) != nil):
				c.explainOther(g, row, short, name)
			case row.Status == Lost:
				c.explainLost(g, row, short, name)
			case c.options.Routes != nil:
				c.explainGiven(g, short, name)
			default:
				c.explainWritten(g, short, name)
			}
		}
	}
}

// forCanary says whether an annotation counts on a canary Ingress (M21).
func forCanary(name string) bool {
	return strings.HasPrefix(name, "canary") || strings.HasPrefix(name, "affinity") || strings.HasPrefix(name, "session-cookie") ||
		strings.HasPrefix(name, "upstream-hash") || name == "load-balance"
}

func (c *explainer) explainLost(g *ingress, row *Row, short, name string) {
	out := c.old.lossOf(g.set, row, short)
	text := out.why
	if out.status == Lost && row.Advice != "" {
		text += "; " + row.Advice
	}
	if row.Risk == "Critical" {
		text += "; it says: " + snippet(g.annotations[name])
	}
	f := c.report.annotation(g, name, out.status, out.effect, "%s", text)
	if out.status == Lost {
		f.Advice = row.Advice
		f.Accepted = f.Accepted || c.options.accepts(short)
		f.Held = out.isHeld(row) && !f.Accepted
	}
}

// snippet is the text of a snippet on one line.
func snippet(text string) string { return strings.Join(strings.Fields(text), " ") }

// explainWritten says what was written for an annotation.
func (c *explainer) explainWritten(g *ingress, short, name string) {
	for _, explain := range []func(*ingress, string, string) bool{
		c.explainTimeout, c.explainRetry, c.explainRate, c.explainPath, c.explainRedirect, c.explainCanary, c.explainBackend, c.explainHeaders,
	} {
		if explain(g, short, name) {
			return
		}
	}
	row := c.old.row(short)
	c.report.annotation(g, name, row.Status, row.Effect, "%s", row.Becomes)
}

func (c *explainer) explainTimeout(g *ingress, short, name string) bool {
	field := c.options.idleField()
	switch short {
	case "proxy-connect-timeout":
		field = "connect"
	case "proxy-read-timeout", "proxy-send-timeout":
	default:
		return false
	}
	n, ok := positive(g.set.text(short))
	value, fits := seconds(n)
	became, policy := c.policyOf(g, TimeoutPolicy, field)
	if longest, _ := c.old.idle(g.set); field != "connect" && longest > n && fits {
		_, fits = seconds(longest) // that of the other annotation counts
	}
	if !ok || !fits {
		c.report.annotation(g, name, Lost, Differs, "what nginx makes of it is not a time that a TimeoutPolicy can have; state a number of seconds above 0 if a limit was meant")
		return true
	}
	status, effect, text := Converted, Effect(""), ""
	switch short {
	case "proxy-connect-timeout":
		if n > 75 {
			text = "; nginx promises no more than 75s"
		}
	case "proxy-read-timeout":
		status, effect, text = Approximated, Differs, "; nginx counts the backend's side only"
	case "proxy-send-timeout":
		status, effect = Approximated, Differs
		longest, _ := c.old.idle(g.set)
		if longest > n {
			value, _ = seconds(longest)
			text = "; the read timeout is longer and counts"
		} else {
			text = "; idle counts both directions"
		}
	}
	if short == "proxy-read-timeout" {
		if longest, _ := c.old.idle(g.set); longest > n {
			value, _ = seconds(longest)
			text = "; the send timeout is longer and counts"
		}
	}
	f := c.report.annotation(g, name, status, effect, "%s %s %s%s%s", policy, field, value, text, c.notWritten(g))
	f.Became = []Became{became}
	return true
}

func (c *explainer) explainRetry(g *ingress, short, name string) bool {
	if short != "proxy-next-upstream" && short != "proxy-next-upstream-tries" {
		return false
	}
	if speaksGRPC(g.set) {
		c.report.annotation(g, name, NoEffect, None, "the controller sets no retries for gRPC backends")
		return true
	}
	fields := c.old.ingressWants(g)[RetryPolicy]
	retries, _ := fields["maxRetries"].(int64)
	became, policy := c.policyOf(g, RetryPolicy, "maxRetries")
	if short == "proxy-next-upstream-tries" {
		c.explainTries(g, name, policy, retries, became)
		return true
	}
	became.Field = "retryOn"
	conditions := strings.Fields(g.set.text(short))
	status, effect, text := c.lostConditions(g, conditions)
	on := "none, so maxRetries 0"
	if list, ok := fields["retryOn"].([]any); ok {
		on = words(list)
	}
	if slices.Contains(conditions, "off") {
		status, effect, text, on = Converted, "", "", "none, so maxRetries 0"
	}
	f := c.report.annotation(g, name, status, effect, "%s retryOn %s%s%s", policy, on, text, c.notWritten(g))
	f.Became = []Became{became}
	return true
}

func (c *explainer) explainTries(g *ingress, name, policy string, retries int64, became Became) {
	n, _ := g.set.int("proxy-next-upstream-tries")
	switch {
	case n == 0:
		c.report.annotation(g, name, Lost, Differs, "nginx tries without end; a RetryPolicy has a number: %d retries, as without the annotation", retries)
		return
	case n < 0 || n > 101:
		c.report.annotation(g, name, Lost, Differs, "a RetryPolicy takes 0 to 100 retries: %d, as without the annotation", retries)
		return
	}
	conditions := strings.Fields(g.set.text("proxy-next-upstream"))
	if len(conditions) == 0 {
		conditions = strings.Fields(c.old.config.value("proxy-next-upstream"))
	}
	status, effect, text := Converted, Effect(""), ""
	switch {
	case n > 1 && c.old.idempotentWants(g) != nil:
		text = "; rules for the methods that may be repeated have a policy of their own"
	case n > 1 && !c.old.everything(conditions):
		status, effect = Approximated, Differs
		text = "; only connection failures are repeated, since nginx does not repeat POST after it was sent and a RetryPolicy knows no methods: --retries=methods is exact"
	}
	if g.set.bool("service-upstream") {
		text += "; with service-upstream every try goes to the same address"
	}
	f := c.report.annotation(g, name, status, effect, "%s maxRetries %d%s%s", policy, retries, text, c.notWritten(g))
	f.Became = []Became{became}
}

// lostConditions says what of proxy-next-upstream is not written.
func (c *explainer) lostConditions(g *ingress, conditions []string) (Status, Effect, string) {
	var codes []string
	for _, w := range conditions {
		if code, ok := strings.CutPrefix(w, "http_"); ok {
			codes = append(codes, code)
		}
	}
	everything := c.old.everything(conditions)
	switch {
	case slices.Contains(conditions, "invalid_header"):
		return Approximated, Differs, "; invalid_header has no equal"
	case everything:
		return Converted, "", ""
	case c.old.idempotentWants(g) != nil:
		return Converted, "", "; rules for the methods that may be repeated have a policy with " + words(c.old.retryOn(conditions, true))
	case len(codes) > 0:
		return Approximated, Differs, "; answers " + strings.Join(codes, ", ") + " are not repeated, since nginx does not repeat POST then and a RetryPolicy knows no methods: --retries=methods is exact"
	}
	return Approximated, Differs, "; only what was not sent yet is repeated, for every method: --retries=methods is exact"
}

func words(list []any) string {
	var parts []string
	for _, w := range list {
		if text, ok := w.(string); ok {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}

func (c *explainer) explainRate(g *ingress, short, name string) bool {
	if short != "limit-rps" && short != "limit-rpm" && short != "limit-burst-multiplier" {
		return false
	}
	s := g.set
	if short == "limit-burst-multiplier" {
		if !s.has("limit-rps") && !s.has("limit-rpm") {
			c.report.annotation(g, name, NoEffect, None, "neither limit-rps nor limit-rpm is stated")
		} else {
			c.report.annotation(g, name, Converted, "", "it is in the burst of the limits")
		}
		return true
	}
	n, ok := positive(s.text(short))
	if !ok {
		c.report.annotation(g, name, NoEffect, None, "no limit")
		return true
	}
	m, r := multiplier(s), c.old.replicas.count
	field, unit := "requestsPerSecond", "second"
	if short == "limit-rpm" {
		field, unit = "limits.per-minute", "minute"
	}
	became, policy := c.policyOf(g, RateLimitPolicy, field)
	if int64(n)*r > mostRequests || burst(n, m)*r > mostRequests {
		f := c.report.annotation(g, name, Lost, Exposes, "a RateLimitPolicy takes numbers up to 1000000000")
		f.Held = !f.Accepted
		return true
	}
	status, effect, text := Converted, Effect(""), ""
	switch {
	case c.old.replicas.scaled:
		status, effect, text = Approximated, Differs, "; each replica counted for itself, and an autoscaler changes their number"
	case r > 1:
		status, effect, text = Approximated, Differs, "; each replica counted for itself"
	}
	if routes := c.countRoutes(g); routes > 1 {
		status, effect = Approximated, Differs
		text += "; each of the " + strconv.Itoa(routes) + " routes counts for itself"
	}
	if int64(n)*int64(m)+1-int64(n) < 0 {
		status, effect = Approximated, Differs
		text += "; nginx lets 1 through at once, a RateLimitPolicy no fewer than the rate"
	}
	replicas := "1 replica"
	if r > 1 {
		replicas = strconv.FormatInt(r, 10) + " replicas"
	}
	f := c.report.annotation(g, name, status, effect, "%s %d per %s and client, burst %d (%d x %d + 1 - %d), for %s%s%s",
		policy, int64(n)*r, unit, burst(n, m)*r, n, m, n, replicas, text, c.notWritten(g))
	f.Became = []Became{became}
	f.Advice = "the controller refuses with " + c.old.config.value("limit-req-status-code") + ", most data planes with 429"
	return true
}

// explainGiven says what is written for an annotation on routes that exist: policies,
// and nothing else.
func (c *explainer) explainGiven(g *ingress, short, name string) {
	for _, explain := range []func(*ingress, string, string) bool{c.explainTimeout, c.explainRetry, c.explainRate} {
		if explain(g, short, name) {
			return
		}
	}
	row := c.old.row(short)
	c.report.annotation(g, name, row.Status, row.Effect, "%s; the routes that exist have to do it: migrate verify says whether they do", row.Becomes)
}
