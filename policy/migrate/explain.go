package migrate

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// explainAll reports how every annotation was converted (section 6).
func (c *explainer) explainAll() {
	for _, g := range c.Old.Ingresses {
		if !g.Chosen {
			continue // M4
		}
		for _, short := range slices.Sorted(maps.Keys(g.Settings.Values)) {
			name := g.Settings.FullNames[short]
			row := c.Old.Row(short)
			switch {
			case c.Report.Has(g, name):
			case !c.Old.Served(g):
				c.Report.Annotation(g, name, finding.NoEffect, finding.None, "the controller does not serve the Ingress")
			case g.IsCanary() && !forCanary(short):
				c.Report.Annotation(g, name, finding.NoEffect, finding.None, "of a canary only its own annotations, balancing and affinity count")
			case !c.Old.Controller.Nginx && (row.Status != finding.Lost || c.Old.ConversionOf(g.Settings, short) != nil):
				c.explainOther(g, row, short, name)
			case row.Status == finding.Lost:
				c.explainLost(g, row, short, name)
			case c.Options.Routes != nil:
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

func (c *explainer) explainLost(g *ingress.Ingress, row *controller.Row, short, name string) {
	out := c.Old.LossOf(g.Settings, row, short)
	text := out.Why
	if out.Status == finding.Lost && row.Advice != "" {
		text += "; " + row.Advice
	}
	if row.Risk == "Critical" {
		text += "; it says: " + snippet(g.Annotations[name])
	}
	f := c.Report.Annotation(g, name, out.Status, out.Effect, "%s", text)
	if out.Status == finding.Lost {
		f.Advice = row.Advice
		f.Accepted = f.Accepted || c.Options.Accepts(short)
		f.Held = out.IsHeld(row) && !f.Accepted
	}
}

// snippet is the text of a snippet on one line.
func snippet(text string) string { return strings.Join(strings.Fields(text), " ") }

// explainWritten says what was written for an annotation.
func (c *explainer) explainWritten(g *ingress.Ingress, short, name string) {
	for _, explain := range []func(*ingress.Ingress, string, string) bool{
		c.explainTimeout, c.explainRetry, c.explainRate, c.explainPath, c.explainRedirect, c.explainCanary, c.explainBackend, c.explainHeaders,
	} {
		if explain(g, short, name) {
			return
		}
	}
	row := c.Old.Row(short)
	c.Report.Annotation(g, name, row.Status, row.Effect, "%s", row.Becomes)
}

func (c *explainer) explainTimeout(g *ingress.Ingress, short, name string) bool {
	field := c.Options.IdleField()
	switch short {
	case "proxy-connect-timeout":
		field = "connect"
	case "proxy-read-timeout", "proxy-send-timeout":
	default:
		return false
	}
	n, ok := ingress.Positive(g.Settings.Text(short))
	value, fits := statement.Seconds(n)
	became, policy := c.PolicyOf(g, statement.TimeoutPolicy, field)
	if longest, _ := c.Old.Idle(g.Settings); field != "connect" && longest > n && fits {
		_, fits = statement.Seconds(longest) // that of the other annotation counts
	}
	if !ok || !fits {
		c.Report.Annotation(g, name, finding.Lost, finding.Differs, "what nginx makes of it is not a time that a TimeoutPolicy can have; state a number of seconds above 0 if a limit was meant")
		return true
	}
	status, effect, text := finding.Converted, finding.Effect(""), ""
	switch short {
	case "proxy-connect-timeout":
		if n > 75 {
			text = "; nginx promises no more than 75s"
		}
	case "proxy-read-timeout":
		status, effect, text = finding.Approximated, finding.Differs, "; nginx counts the backend's side only"
	case "proxy-send-timeout":
		status, effect = finding.Approximated, finding.Differs
		longest, _ := c.Old.Idle(g.Settings)
		if longest > n {
			value, _ = statement.Seconds(longest)
			text = "; the read timeout is longer and counts"
		} else {
			text = "; idle counts both directions"
		}
	}
	if short == "proxy-read-timeout" {
		if longest, _ := c.Old.Idle(g.Settings); longest > n {
			value, _ = statement.Seconds(longest)
			text = "; the send timeout is longer and counts"
		}
	}
	f := c.Report.Annotation(g, name, status, effect, "%s %s %s%s%s", policy, field, value, text, c.NotWritten(g))
	f.Became = []finding.Became{became}
	return true
}

func (c *explainer) explainRetry(g *ingress.Ingress, short, name string) bool {
	if short != "proxy-next-upstream" && short != "proxy-next-upstream-tries" {
		return false
	}
	if oldside.SpeaksGRPC(g.Settings) {
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "the controller sets no retries for gRPC backends")
		return true
	}
	fields := c.Old.IngressWants(g)[statement.RetryPolicy]
	retries, _ := fields["maxRetries"].(int64)
	became, policy := c.PolicyOf(g, statement.RetryPolicy, "maxRetries")
	if short == "proxy-next-upstream-tries" {
		c.explainTries(g, name, policy, retries, became)
		return true
	}
	became.Field = "retryOn"
	conditions := strings.Fields(g.Settings.Text(short))
	status, effect, text := c.lostConditions(g, conditions)
	on := "none, so maxRetries 0"
	if list, ok := fields["retryOn"].([]any); ok {
		on = words(list)
	}
	if slices.Contains(conditions, "off") {
		status, effect, text, on = finding.Converted, "", "", "none, so maxRetries 0"
	}
	f := c.Report.Annotation(g, name, status, effect, "%s retryOn %s%s%s", policy, on, text, c.NotWritten(g))
	f.Became = []finding.Became{became}
	return true
}

func (c *explainer) explainTries(g *ingress.Ingress, name, policy string, retries int64, became finding.Became) {
	n, _ := g.Settings.Int("proxy-next-upstream-tries")
	switch {
	case n == 0:
		c.Report.Annotation(g, name, finding.Lost, finding.Differs, "nginx tries without end; a RetryPolicy has a number: %d retries, as without the annotation", retries)
		return
	case n < 0 || n > 101:
		c.Report.Annotation(g, name, finding.Lost, finding.Differs, "a RetryPolicy takes 0 to 100 retries: %d, as without the annotation", retries)
		return
	}
	conditions := strings.Fields(g.Settings.Text("proxy-next-upstream"))
	if len(conditions) == 0 {
		conditions = strings.Fields(c.Old.Config.Value("proxy-next-upstream"))
	}
	status, effect, text := finding.Converted, finding.Effect(""), ""
	switch {
	case n > 1 && c.Old.IdempotentWants(g) != nil:
		text = "; rules for the methods that may be repeated have a policy of their own"
	case n > 1 && !c.Old.RepeatsAll(conditions):
		status, effect = finding.Approximated, finding.Differs
		text = "; only connection failures are repeated, since nginx does not repeat POST after it was sent and a RetryPolicy knows no methods: --retries=methods is exact"
	}
	if g.Settings.Bool("service-upstream") {
		text += "; with service-upstream every try goes to the same address"
	}
	f := c.Report.Annotation(g, name, status, effect, "%s maxRetries %d%s%s", policy, retries, text, c.NotWritten(g))
	f.Became = []finding.Became{became}
}

// lostConditions says what of proxy-next-upstream is not written.
func (c *explainer) lostConditions(g *ingress.Ingress, conditions []string) (finding.Status, finding.Effect, string) {
	var codes []string
	for _, w := range conditions {
		if code, ok := strings.CutPrefix(w, "http_"); ok {
			codes = append(codes, code)
		}
	}
	everything := c.Old.RepeatsAll(conditions)
	switch {
	case slices.Contains(conditions, "invalid_header"):
		return finding.Approximated, finding.Differs, "; invalid_header has no equal"
	case everything:
		return finding.Converted, "", ""
	case c.Old.IdempotentWants(g) != nil:
		return finding.Converted, "", "; rules for the methods that may be repeated have a policy with " + words(c.Old.RetryOn(conditions, true))
	case len(codes) > 0:
		return finding.Approximated, finding.Differs, "; answers " + strings.Join(codes, ", ") + " are not repeated, since nginx does not repeat POST then and a RetryPolicy knows no methods: --retries=methods is exact"
	}
	return finding.Approximated, finding.Differs, "; only what was not sent yet is repeated, for every method: --retries=methods is exact"
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

func (c *explainer) explainRate(g *ingress.Ingress, short, name string) bool {
	if short != "limit-rps" && short != "limit-rpm" && short != "limit-burst-multiplier" {
		return false
	}
	s := g.Settings
	if short == "limit-burst-multiplier" {
		if !s.Has("limit-rps") && !s.Has("limit-rpm") {
			c.Report.Annotation(g, name, finding.NoEffect, finding.None, "neither limit-rps nor limit-rpm is stated")
		} else {
			c.Report.Annotation(g, name, finding.Converted, "", "it is in the burst of the limits")
		}
		return true
	}
	n, ok := ingress.Positive(s.Text(short))
	if !ok {
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "no limit")
		return true
	}
	m, r := oldside.Multiplier(s), c.Old.Replicas.Count
	field, unit := "requestsPerSecond", "second"
	if short == "limit-rpm" {
		field, unit = "limits.per-minute", "minute"
	}
	became, policy := c.PolicyOf(g, statement.RateLimitPolicy, field)
	if int64(n)*r > statement.MostRequests || oldside.Burst(n, m)*r > statement.MostRequests {
		f := c.Report.Annotation(g, name, finding.Lost, finding.Exposes, "a RateLimitPolicy takes numbers up to 1000000000")
		f.Held = !f.Accepted
		return true
	}
	status, effect, text := finding.Converted, finding.Effect(""), ""
	switch {
	case c.Old.Replicas.Scaled:
		status, effect, text = finding.Approximated, finding.Differs, "; each replica counted for itself, and an autoscaler changes their number"
	case r > 1:
		status, effect, text = finding.Approximated, finding.Differs, "; each replica counted for itself"
	}
	if routes := c.CountRoutes(g); routes > 1 {
		status, effect = finding.Approximated, finding.Differs
		text += "; each of the " + strconv.Itoa(routes) + " routes counts for itself"
	}
	if int64(n)*int64(m)+1-int64(n) < 0 {
		status, effect = finding.Approximated, finding.Differs
		text += "; nginx lets 1 through at once, a RateLimitPolicy no fewer than the rate"
	}
	replicas := "1 replica"
	if r > 1 {
		replicas = strconv.FormatInt(r, 10) + " replicas"
	}
	f := c.Report.Annotation(g, name, status, effect, "%s %d per %s and client, burst %d (%d x %d + 1 - %d), for %s%s%s",
		policy, int64(n)*r, unit, oldside.Burst(n, m)*r, n, m, n, replicas, text, c.NotWritten(g))
	f.Became = []finding.Became{became}
	f.Advice = "the controller refuses with " + c.Old.Config.Value("limit-req-status-code") + ", most data planes with 429"
	return true
}

// explainGiven says what is written for an annotation on routes that exist: policies,
// and nothing else.
func (c *explainer) explainGiven(g *ingress.Ingress, short, name string) {
	for _, explain := range []func(*ingress.Ingress, string, string) bool{c.explainTimeout, c.explainRetry, c.explainRate} {
		if explain(g, short, name) {
			return
		}
	}
	row := c.Old.Row(short)
	c.Report.Annotation(g, name, row.Status, row.Effect, "%s; the routes that exist have to do it: migrate verify says whether they do", row.Becomes)
}
