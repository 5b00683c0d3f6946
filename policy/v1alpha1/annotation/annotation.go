package annotation

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"
)

// Key is the annotation.
const Key = "attache.dev/effective-policies"

// The forms that are read: version 2, and the one before it, which has no number
// and names Gateways and rules by texts.
const (
	unnumbered = 0
	current    = 2
)

// ErrVersion says that the annotation has a form that this reader does not know.
// Leave the configuration as it is, and say so.
var ErrVersion = errors.New("a version that is not known here")

// ErrWithheld says that a guardrail keeps the first result of a route back.
var ErrWithheld = errors.New("withheld")

// Annotation is what applies to one route or Gateway.
type Annotation struct {
	Version int `json:"version"`
	// Digest changes exactly when Scopes do.
	Digest string `json:"digest"`
	// Generation is that of the spec whose rules are indexed; 0 when not known.
	Generation int64 `json:"generation"`
	// Scopes are nil when See or Withheld says where they are.
	Scopes []Scope `json:"scopes"`
	// See is the name of the EffectivePolicy in the same namespace that has the
	// scopes, which would be too long here.
	See string `json:"see"`
	// Withheld says why a newer result is not published. Scopes are those last
	// published; without them keep what you have, and take up nothing new.
	Withheld string `json:"withheld"`
	// StatedBy says of which policies values are; see Scope.StatedBy.
	StatedBy []Stated `json:"statedBy"`
}

// Stated is a value of a scope, and the policy that states it. An annotation that
// was written before this field has none.
type Stated struct {
	// Scope is a place in Scopes.
	Scope int `json:"scope"`
	// Policy and Field are the kind, as in Effective, and the path of the value.
	Policy string `json:"policy"`
	Field  string `json:"field"`
	From   Name   `json:"from"`
}

// Scope is a set of paths on which the same applies.
type Scope struct {
	Parents []Parent `json:"parents"`
	// Rules are empty for all rules of the route.
	Rules []Rule `json:"rules"`
	// Effective has the values by policy kind: "TimeoutPolicy", or "Kind.group"
	// for a kind of another group.
	Effective map[string]json.RawMessage `json:"effective"`
	// stated are the values whose policies the annotation names.
	stated []Stated
}

// StatedBy returns the policy of a kind that states a value; zero where nobody says.
func (s *Scope) StatedBy(policy, field string) types.NamespacedName {
	for i := range s.stated {
		if s.stated[i].Policy == policy && s.stated[i].Field == field {
			return s.stated[i].From.NamespacedName
		}
	}
	return types.NamespacedName{}
}

// Parent is a listener in its place. ListenerSet is zero for a Gateway's own.
type Parent struct {
	Gateway     Name   `json:"gateway"`
	ListenerSet Name   `json:"listenerSet"`
	Listener    string `json:"listener"`
}

// Name is a namespace and a name.
type Name struct{ types.NamespacedName }

// Rule is a rule of a route, by its place and, where it has one, its name.
type Rule struct {
	Index int    `json:"index"`
	Name  string `json:"name"`
	// all and byName are of the unnumbered form.
	all, byName bool
}

// Parse reads the text of the annotation.
func Parse(text string) (*Annotation, error) {
	var a Annotation
	var version struct{ Version any }
	if err := json.Unmarshal([]byte(text), &version); err != nil {
		return nil, err
	}
	if n, isNumber := version.Version.(float64); version.Version != nil && (!isNumber || n != current) {
		return nil, fmt.Errorf("%w: %v", ErrVersion, version.Version)
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return nil, err
	}
	a.See = a.See[strings.LastIndexByte(a.See, ' ')+1:]
	return &a, a.check()
}

// Scopes reads the scopes of an EffectivePolicy's status, for an annotation that
// says where to see them.
func Scopes(status json.RawMessage) ([]Scope, error) {
	a := Annotation{Version: unnumbered}
	if err := json.Unmarshal(status, &a); err != nil {
		return nil, err
	}
	return a.Scopes, a.check()
}

// Read parses the text of a route of a generation whose rules have these names
// ("" for a rule without one), follows See with see, which returns the status of
// an EffectivePolicy, and finds the rules. After an error keep what you had, and
// do not take up a route that you had nothing of.
func Read(text string, generation int64, names []string, see func(name string) (json.RawMessage, error)) (*Annotation, error) {
	a, err := Parse(text)
	if err == nil && a.See != "" {
		var status json.RawMessage
		if status, err = see(a.See); err == nil {
			a.Scopes, err = Scopes(status)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case a.Withheld != "" && a.Scopes == nil:
		return nil, fmt.Errorf("%w: %s", ErrWithheld, a.Withheld)
	}
	return a, a.At(generation, names)
}

// check drops the words of the unnumbered form, and tells scopes of which policies
// their values are.
func (a *Annotation) check() error {
	for i := range a.Scopes {
		s := &a.Scopes[i]
		if len(s.Parents) == 0 {
			return fmt.Errorf("scopes[%d] has no parents", i)
		}
		if slices.ContainsFunc(s.Rules, func(r Rule) bool { return r.all }) {
			s.Rules = nil
		}
	}
	for _, stated := range a.StatedBy {
		if stated.Scope < 0 || stated.Scope >= len(a.Scopes) {
			return fmt.Errorf("statedBy: there is no scope %d", stated.Scope)
		}
		s := &a.Scopes[stated.Scope]
		s.stated = append(s.stated, stated)
	}
	return nil
}

// At finds the rules of every scope in a route of a generation whose rules have
// these names ("" for a rule without one), and sets their Index. In another
// generation than the annotation's rules are found by name; one that cannot be
// found is an error: wait for the next annotation.
func (a *Annotation) At(generation int64, names []string) error {
	same := a.Generation == 0 || generation == 0 || a.Generation == generation
	for i := range a.Scopes {
		for j := range a.Scopes[i].Rules {
			r := &a.Scopes[i].Rules[j]
			if same && !r.byName {
				if r.Index < 0 || r.Index >= len(names) {
					return fmt.Errorf("scopes[%d]: there is no rule %d", i, r.Index)
				}
				continue
			}
			at := slices.Index(names, r.Name)
			if at < 0 || r.Name == "" {
				return fmt.Errorf("scopes[%d]: of generation %d, and generation %d has no rule named %q", i, a.Generation, generation, r.Name)
			}
			r.Index = at
		}
	}
	return nil
}

// For returns what applies on a listener to a rule; nil when no policy reaches
// it.
func (a *Annotation) For(at Parent, rule int) *Scope {
	for i := range a.Scopes {
		s := &a.Scopes[i]
		if slices.Contains(s.Parents, at) && (len(s.Rules) == 0 || slices.ContainsFunc(s.Rules, func(r Rule) bool { return r.Index == rule })) {
			return s
		}
	}
	return nil
}

// Decode decodes the values of a policy kind into v, and leaves v as it is when
// there are none.
func (s *Scope) Decode(kind string, v any) error {
	data, ok := s.Effective[kind]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

// UnmarshalJSON reads an object, or "namespace/name".
func (n *Name) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		n.Namespace, n.NamespacedName.Name, _ = strings.Cut(text, "/")
		return nil
	}
	var object struct{ Namespace, Name string }
	err := json.Unmarshal(data, &object)
	n.NamespacedName = types.NamespacedName(object)
	return err
}

// UnmarshalJSON reads an object, or the name, "rules[2]" or "*".
func (r *Rule) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		type plain Rule
		return json.Unmarshal(data, (*plain)(r))
	}
	r.all, r.byName, r.Name = text == "*" || text == "", true, text
	if inner, ok := strings.CutPrefix(text, "rules["); ok {
		index, err := strconv.Atoi(strings.TrimSuffix(inner, "]"))
		r.Index, r.Name, r.byName = index, "", false
		return err
	}
	return nil
}
