package status

import (
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/merge"
)

// columns are the values that "kubectl get effective-policy" shows.
var columns = [...]struct{ summary, kind, field string }{
	{"timeout", "TimeoutPolicy", "request"},
	{"retries", "RetryPolicy", "maxRetries"},
	{"rate", "RateLimitPolicy", "requestsPerSecond"},
}

// summary is what the printer columns of an EffectivePolicy show.
func summary(e *effective.Target) map[string]any {
	s := map[string]any{
		"target":     e.Target.Kind + "/" + e.Target.Name,
		"scopes":     int64(len(e.Scopes)),
		"overridden": "no",
	}
	for _, c := range columns {
		if value := column(e, c.kind, c.field); value != "" {
			s[c.summary] = value
		}
	}
	for _, scope := range e.Scopes {
		for _, m := range scope.Result.Kinds {
			for _, o := range m.Origins {
				if o.Block == merge.Override && len(o.Beat) > 0 {
					s["overridden"] = "yes"
				}
			}
		}
	}
	return s
}

// column is a field's value on all scopes, or "mixed".
func column(e *effective.Target, kind, field string) string {
	var common string
	for i, s := range e.Scopes {
		value := ""
		if m, ok := s.Result.Kind(kind); ok && m.Value[field] != nil {
			value = text(m.Value[field])
		}
		if i > 0 && value != common {
			return "mixed"
		}
		common = value
	}
	return common
}

// text is a JSON value as a person writes it: a string without quotes.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(compact(v))
}
