package injected

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// Annotation on a route records what was put into its rules, so that the owner's own values can be
// distinguished from ours (E8.3).
const Annotation = "attache.dev/injected"

// Writable reports whether anything is ever put into routes of a kind. On all others the annotation
// means nothing.
func Writable(group, kind string) bool {
	return group == "gateway.networking.k8s.io" && (kind == "HTTPRoute" || kind == "GRPCRoute")
}

// Record says what was put into the rules of a route, and what was there before.
type Record struct {
	Rules []RuleRecord `json:"rules"`
}

// RuleRecord is a Record for one rule. Fields are in the order in which the
// annotation has them: its keys are sorted.
type RuleRecord struct {
	// Had is what was there before, leaf by leaf; a leaf that is not in it was absent.
	Had map[string]any `json:"had"`
	// Hash is the hash of the rule's matches.
	Hash string `json:"hash"`
	// Index and Rule are its index and its name at that time.
	Index int    `json:"index"`
	Rule  string `json:"rule,omitempty"`
	// Wrote is what was put in, leaf by leaf; null where something was taken
	// out. "filters" are the names of filters that were added.
	Wrote map[string]any `json:"wrote"`
}

// ParseRecord reads the annotation. An invalid record explains nothing. A forged one gains nothing:
// the annotation can only claim what its writer could have written into the route.
func ParseRecord(annotation string) Record {
	var r Record
	if annotation == "" || json.Unmarshal([]byte(annotation), &r) != nil {
		return Record{}
	}
	for i := range r.Rules {
		for _, leaves := range [...]map[string]any{r.Rules[i].Had, r.Rules[i].Wrote} {
			for name, value := range leaves {
				leaves[name] = wholeNumbers(value)
			}
		}
	}
	return r
}

// wholeNumbers turns whole numbers into int64, in place, as in objects that an API server decoded:
// a reverted value must equal the one that was there before.
func wholeNumbers(value any) any {
	switch v := value.(type) {
	case float64:
		if whole := int64(v); float64(whole) == v {
			return whole
		}
	case []any:
		for i, entry := range v {
			v[i] = wholeNumbers(entry)
		}
	case map[string]any:
		for key, field := range v {
			v[key] = wholeNumbers(field)
		}
	}
	return value
}

// String returns the record as it is written in the annotation.
func (r Record) String() string {
	text, err := json.Marshal(r) // sorts the keys of maps
	if err != nil {
		return ""
	}
	return string(text)
}

// RecordOf is the record that an object carries.
func RecordOf(object map[string]any) Record {
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	text, _ := annotations[Annotation].(string)
	return ParseRecord(text)
}

// Leaves are the fields of a rule that something can be put into, as paths.
func Leaves() [][]string {
	return [][]string{
		{"timeouts", "request"}, {"timeouts", "backendRequest"},
		{"retry", "attempts"}, {"retry", "codes"}, {"retry", "backoff"},
	}
}

// LeafOf is the value of a leaf; false when it is absent.
func LeafOf(rule map[string]any, leaf []string) (any, bool) {
	inner, _ := rule[leaf[0]].(map[string]any)
	v, found := inner[leaf[1]]
	return v, found && v != nil
}

// SetLeaf writes a leaf, or takes it out when the value is nil. Objects that become empty are
// removed, unless keep says that they were there before.
func SetLeaf(rule map[string]any, leaf []string, value any, keep bool) {
	inner, found := rule[leaf[0]].(map[string]any)
	if value != nil {
		if !found {
			inner = map[string]any{}
			rule[leaf[0]] = inner
		}
		inner[leaf[1]] = CopyJSON(value)
		return
	}
	delete(inner, leaf[1])
	if found && len(inner) == 0 && !keep {
		delete(rule, leaf[0])
	}
}

// Stands reports whether everything that a record wrote is still in the rules, at the indexes that
// it names.
func (r Record) Stands(rules []any) bool {
	for i := range r.Rules {
		e := &r.Rules[i]
		if e.Index >= len(rules) {
			return false
		}
		rule, _ := rules[e.Index].(map[string]any)
		for _, leaf := range Leaves() {
			wrote, stated := statedLeaf(e.Wrote, leaf)
			now, present := LeafOf(rule, leaf)
			if stated && (present != (wrote != nil) || present && !equalJSON(now, wrote)) {
				return false
			}
		}
		names, _ := e.Wrote["filters"].([]any)
		filters, _ := rule["filters"].([]any)
		for _, name := range names {
			if !slices.ContainsFunc(filters, func(f any) bool { return refersTo(f, name) }) {
				return false
			}
		}
	}
	return true
}

// refersTo reports whether a filter is an ExtensionRef to an object of that name.
func refersTo(filter, name any) bool {
	fields, _ := filter.(map[string]any)
	extension, _ := fields["extensionRef"].(map[string]any)
	return extension != nil && extension["name"] == name
}

// hashLength is the number of hex digits of a hash that identify a rule.
const hashLength = 8

// MatchesHash identifies a rule by its matches alone, as they are stored: other fields of the rule,
// such as weights and timeouts, change more often.
func MatchesHash(rule map[string]any) string {
	// Values that came from JSON can be encoded, and json.Marshal sorts keys.
	text, _ := json.Marshal(rule["matches"])
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:hashLength]
}

// CopyJSON returns a deep copy of a value of an unstructured object.
func CopyJSON(value any) any {
	switch v := value.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for key, field := range v {
			c[key] = CopyJSON(field)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, entry := range v {
			c[i] = CopyJSON(entry)
		}
		return c
	}
	return value
}
