package migrate

// The kinds of policies that are written.
const (
	TimeoutPolicy   = "TimeoutPolicy"
	RetryPolicy     = "RetryPolicy"
	RateLimitPolicy = "RateLimitPolicy"
)

// kindsOfPolicies are the kinds that are written, in their order.
func kindsOfPolicies() []string { return []string{RateLimitPolicy, RetryPolicy, TimeoutPolicy} }

// wants are the fields of policies that an Ingress, or a controller's defaults,
// come to: by kind, then by field.
type wants map[string]map[string]any

func (w wants) set(kind, field string, value any) {
	if w[kind] == nil {
		w[kind] = map[string]any{}
	}
	w[kind][field] = value
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

// merge sets a field; entries of limits are put together.
func (w wants) merge(kind, field string, value any) {
	have, ok := w[kind][field].(map[string]any)
	more, also := value.(map[string]any)
	if !ok || !also {
		w.set(kind, field, value)
		return
	}
	both := map[string]any{}
	for _, part := range []map[string]any{have, more} {
		for name, limit := range part {
			both[name] = limit
		}
	}
	w.set(kind, field, both)
}

// mostRequests is the largest number of a RateLimitPolicy.
const mostRequests = 1000000000
