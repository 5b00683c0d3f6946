package export

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Exporter projects effective policies onto one kind of data plane.
type Exporter interface {
	// Name is the exporter's name in the registry.
	Name() string
	// Project is the pure function from what applies to what is written.
	Project(in Input) Projection
}

// Projection is what an exporter makes of a route.
type Projection struct {
	// Objects are to exist, sorted by group, kind and name.
	Objects []*unstructured.Unstructured
	// Rules are what the route's rules are to say, sorted by index; nil when
	// nothing is injected.
	Rules []RuleInjection
	// Outcomes has a list for each of Input.Paths, with one entry for each field
	// with a value, sorted by policy and field. Paths with the same outcomes
	// share one list; nobody changes it.
	Outcomes [][]Outcome
}

// Outcome is what became of one field on one path.
type Outcome struct {
	Field   Field
	Verdict Verdict
	// Reason and Message are empty when Projected.
	Reason  Reason
	Message string
	// As is where the value stands: a JSON path in Object, or in the route, or
	// "(absent)" where absence says it.
	As    string
	Value any
	// Object is the name of the object that says it, empty for the route.
	Object string
	Notes  []string
}

// InRoute says whether a field stands in the route itself.
func (o Outcome) InRoute() bool {
	_, in := cutInRoute(o.As)
	return in
}

// Absent is As where absence says it.
const Absent = "(absent)"

// RuleInjection is what is put into one rule of the route.
type RuleInjection struct {
	Rule int
	// Leaves are what timeouts and retry are to say; nil takes the leaf out.
	Leaves map[string]any
	// First and Last are names of Middlewares to put before and after the
	// owner's filters.
	First, Last []string
}

// verdict collects what is found about one field of one rule.
type verdict struct {
	reasons []stated
	as      string
	value   any
	object  string
	notes   []string
}

// because adds a reason.
func (v *verdict) because(reason Reason, args ...any) *verdict {
	v.reasons = append(v.reasons, state(reason, args...))
	return v
}

// written says where the value stands.
func (v *verdict) written(as string, value any) *verdict {
	v.as, v.value = as, value
	return v
}

// note adds notes, each once.
func (v *verdict) note(notes ...string) *verdict {
	for _, n := range notes {
		if !slices.Contains(v.notes, n) {
			v.notes = append(v.notes, n)
		}
	}
	return v
}

// sheet has the verdicts on the fields of one rule.
type sheet map[Field]*verdict

// at is the verdict on a field.
func (s sheet) at(f Field) *verdict {
	v := s[f]
	if v == nil {
		v = &verdict{}
		s[f] = v
	}
	return v
}

// outcome is the verdict as a value. A field that no exporter has said anything
// about is one that the plane has no setting for.
func (v *verdict) outcome(f Field, plane string) Outcome {
	o := Outcome{Field: f, Verdict: Projected}
	var reasons []stated
	if v != nil && (v.as != "" || len(v.reasons) > 0) {
		reasons = slices.Clone(v.reasons)
	} else {
		reasons = []stated{state(NoField, plane)}
	}
	slices.SortStableFunc(reasons, func(a, b stated) int {
		_, i := rowOf(a.reason)
		_, j := rowOf(b.reason)
		return cmp.Compare(i, j)
	})
	reasons = slices.Compact(reasons)
	if len(reasons) > 0 {
		row, _ := rowOf(reasons[0].reason)
		o.Verdict, o.Reason, o.Message = row.verdict, reasons[0].reason, reasons[0].message
		for i, r := range reasons[1:] {
			separator := "; "
			if i == 0 {
				separator = "; also "
			}
			o.Message += separator + string(r.reason) + ": " + r.message
		}
	}
	switch {
	case o.Verdict != Unsupported:
		o.As, o.Value, o.Object = v.as, v.value, v.object
		o.Notes = slices.Sorted(slices.Values(v.notes))
	case v != nil && slices.Contains(v.notes, Kept):
		o.Notes = []string{Kept} // what is live is not what is asked for
	}
	return o
}

// sortObjects sorts objects by group, kind and name.
func sortObjects(objects []*unstructured.Unstructured) {
	slices.SortFunc(objects, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(strings.Compare(a.GroupVersionKind().Group, b.GroupVersionKind().Group),
			strings.Compare(a.GetKind(), b.GetKind()), strings.Compare(a.GetName(), b.GetName()))
	})
}
