package statement

// The kinds of policies that are written.
const (
	TimeoutPolicy   = "TimeoutPolicy"
	RetryPolicy     = "RetryPolicy"
	RateLimitPolicy = "RateLimitPolicy"
)

// Kinds are the kinds that are written, in their order.
func Kinds() []string { return []string{RateLimitPolicy, RetryPolicy, TimeoutPolicy} }

// Wants are the fields of policies that stand for an Ingress or for the defaults of a
// controller, by kind and by field.
type Wants map[string]map[string]any

// Set states a field of a kind.
func (w Wants) Set(kind, field string, value any) {
	if w[kind] == nil {
		w[kind] = map[string]any{}
	}
	w[kind][field] = value
}

// Over joins the fields of both; those of w take precedence. A list of conditions belongs to
// the number of retries that it was stated with.
func (w Wants) Over(defaults Wants) Wants {
	out := Wants{}
	for _, kind := range []string{RateLimitPolicy, RetryPolicy, TimeoutPolicy} {
		if kind == RetryPolicy && len(w[kind]) > 0 {
			out[kind] = w[kind]
			continue
		}
		for field, value := range defaults[kind] {
			out.Set(kind, field, value)
		}
		for field, value := range w[kind] {
			out.Set(kind, field, value)
		}
	}
	return out
}

// Merge sets a field; the entries of maps, such as limits, are joined.
func (w Wants) Merge(kind, field string, value any) {
	have, ok := w[kind][field].(map[string]any)
	more, also := value.(map[string]any)
	if !ok || !also {
		w.Set(kind, field, value)
		return
	}
	both := map[string]any{}
	for _, part := range []map[string]any{have, more} {
		for name, limit := range part {
			both[name] = limit
		}
	}
	w.Set(kind, field, both)
}

// MostRequests is the largest number of a RateLimitPolicy.
const MostRequests = 1000000000
