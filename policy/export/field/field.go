package field

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The three kinds that are exported, by their names in results.
const (
	TimeoutPolicy   = "TimeoutPolicy"
	RetryPolicy     = "RetryPolicy"
	RateLimitPolicy = "RateLimitPolicy"
)

// The names of their fields.
const (
	Request           = "request"
	Backend           = "backend"
	Connect           = "connect"
	Idle              = "idle"
	MaxRetries        = "maxRetries"
	RetryOn           = "retryOn"
	BackoffPolicy     = "backoffPolicy"
	BackoffBase       = "backoffBase"
	BackoffMax        = "backoffMax"
	PerTryTimeout     = "perTryTimeout"
	RequestsPerSecond = "requestsPerSecond"
	Requests          = "requests"
	Per               = "per"
	Burst             = "burst"
	Key               = "key"
	Counter           = "counter"
	Mode              = "mode"
	limits            = "limits"
)

// format says how values of a field are compared (E6.1).
type format int

const (
	plain format = iota
	durationFormat
	quantityFormat
	setFormat
)

// formats has the fields that are not compared as JSON.
var formats = map[string]format{
	Request: durationFormat, Backend: durationFormat, Connect: durationFormat, Idle: durationFormat,
	BackoffBase: durationFormat, BackoffMax: durationFormat, PerTryTimeout: durationFormat, Per: durationFormat,
	RequestsPerSecond: quantityFormat,
	RetryOn:           setFormat,
}

// exported are the kinds that are exported.
var exported = []string{RateLimitPolicy, RetryPolicy, TimeoutPolicy}

// IsKind says whether a policy kind is one of the three that are exported.
func IsKind(kind string) bool { return slices.Contains(exported, kind) }

// Field is one leaf of an effective policy of our kinds.
type Field struct {
	// Policy is the kind.
	Policy string
	// Limit is the name of a named limit, empty for all other fields.
	Limit string
	Name  string
}

// Path is the path of the field in the policy.
func (f Field) Path() []string {
	if f.Limit == "" {
		return []string{f.Name}
	}
	return []string{limits, f.Limit, f.Name}
}

// At returns the field at a path of a policy, false if no field of ours is there.
func At(policy string, path []string) (Field, bool) {
	switch {
	case len(path) == 1:
		return Field{Policy: policy, Name: path[0]}, true
	case len(path) == 3 && policy == RateLimitPolicy && path[0] == limits:
		return Field{policy, path[1], path[2]}, true
	}
	return Field{}, false
}

// String is the path as people write it: request, limits.per-minute.key.
func (f Field) String() string {
	if f.Limit == "" {
		return f.Name
	}
	if strings.ContainsAny(f.Limit, `."[]`) {
		return limits + "[" + strconv.Quote(f.Limit) + "]." + f.Name
	}
	return limits + "." + f.Limit + "." + f.Name
}

// Parse reads what String writes.
func Parse(policy, text string) Field {
	rest, named := strings.CutPrefix(text, limits)
	switch {
	case named && strings.HasPrefix(rest, "["):
		end := strings.LastIndex(rest, "].")
		if limit, err := strconv.Unquote(rest[1:max(end, 1)]); err == nil {
			return Field{policy, limit, rest[end+2:]}
		}
	case named && strings.HasPrefix(rest, "."):
		if limit, name, found := strings.Cut(rest[1:], "."); found {
			return Field{policy, limit, name}
		}
	}
	return Field{Policy: policy, Name: text}
}

// Compare orders fields by policy and name, as outcomes are sorted.
func Compare(a, b Field) int {
	return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.String(), b.String()))
}

// Timeout is a field of TimeoutPolicy.
func Timeout(name string) Field { return Field{Policy: TimeoutPolicy, Name: name} }

// Retry is a field of RetryPolicy.
func Retry(name string) Field { return Field{Policy: RetryPolicy, Name: name} }

// Leaves returns the effective value of a policy leaf by leaf. A list is one leaf.
func Leaves(policy string, value map[string]any) map[Field]any {
	leaves := make(map[Field]any, len(value))
	for f, v := range each(policy, value) {
		leaves[f] = v
	}
	return leaves
}

// each yields the effective value of a policy leaf by leaf, in any order.
func each(policy string, value map[string]any) iter.Seq2[Field, any] {
	return func(yield func(Field, any) bool) {
		for name, v := range value {
			named, isMap := v.(map[string]any)
			if policy != RateLimitPolicy || name != limits || !isMap {
				if !yield(Field{Policy: policy, Name: name}, v) {
					return
				}
				continue
			}
			for limit, fields := range named {
				inner, _ := fields.(map[string]any)
				for field, v := range inner {
					if !yield(Field{policy, limit, field}, v) {
						return
					}
				}
			}
		}
	}
}

// Leaf is one field with its value.
type Leaf struct {
	Field Field
	Value any
}

// SortedLeaves returns the leaves of all policies, given their effective values by name, sorted by
// policy and field.
func SortedLeaves(values map[string]map[string]any) []Leaf {
	count := 0
	for _, policy := range exported {
		count += len(values[policy])
	}
	leaves := make([]Leaf, 0, count)
	for _, policy := range exported {
		for f, v := range each(policy, values[policy]) {
			leaves = append(leaves, Leaf{f, v})
		}
	}
	slices.SortFunc(leaves, func(a, b Leaf) int { return Compare(a.Field, b.Field) })
	return leaves
}

// Sorted returns the fields of a map, sorted.
func Sorted[V any](m map[Field]V) []Field {
	return slices.SortedFunc(maps.Keys(m), Compare)
}
