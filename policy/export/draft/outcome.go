package draft

import (
	"slices"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// Outcome is the draft of the outcomes of one field of one rule: where its value stands, and the
// reasons and notes that were found so far.
type Outcome struct {
	reasons []reasonGiven
	As      string
	value   any
	Object  export.ObjectKey
	notes   []string
}

// reasonGiven is a reason with its message.
type reasonGiven struct {
	reason  export.Reason
	message string
}

// Because adds a reason. args are the arguments of its message.
func (v *Outcome) Because(reason export.Reason, args ...any) *Outcome {
	return v.Stated(reason, reason.Message(args...))
}

// Stated adds a reason with another message than that of the table.
func (v *Outcome) Stated(reason export.Reason, message string) *Outcome {
	v.reasons = append(v.reasons, reasonGiven{reason, message})
	return v
}

// HasReason reports whether there is a reason why the field is not in force as stated.
func (v *Outcome) HasReason() bool { return len(v.reasons) > 0 }

// InRoute reports whether the value stands in the route itself.
func (v *Outcome) InRoute() bool { return export.Outcome{As: v.As}.InRoute() }

// Written sets where the value stands.
func (v *Outcome) Written(as string, value any) *Outcome {
	v.As, v.value = as, value
	return v
}

// Note adds notes, each once.
func (v *Outcome) Note(notes ...string) *Outcome {
	for _, n := range notes {
		if !slices.Contains(v.notes, n) {
			v.notes = append(v.notes, n)
		}
	}
	return v
}

// Sheet has the drafts of the fields of one rule.
type Sheet map[field.Field]*Outcome

// newSheet returns a sheet with an empty draft for each of some fields.
func newSheet(fields []field.Field, differ map[field.Field]Difference) Sheet {
	s, drafts := make(Sheet, len(fields)+len(differ)), make([]Outcome, len(fields)+len(differ))
	for i, f := range fields {
		s[f] = &drafts[i]
	}
	drafts = drafts[len(fields):]
	for f, d := range differ {
		if s[f] == nil {
			s[f], drafts = &drafts[0], drafts[1:]
		}
		s[f].Stated(export.ListenersDiffer, d.message)
	}
	return s
}

// At returns the draft of a field.
func (s Sheet) At(f field.Field) *Outcome {
	v := s[f]
	if v == nil {
		v = &Outcome{}
		s[f] = v
	}
	return v
}

// outcome is the final outcome. A field that the exporter did not mention is one for which the plane has
// no setting.
func (v *Outcome) outcome(f field.Field, plane string) export.Outcome {
	o := export.Outcome{Field: f, Verdict: export.Projected}
	var reasons []reasonGiven
	if v != nil && (v.As != "" || len(v.reasons) > 0) {
		reasons = v.reasons
	} else {
		reasons = []reasonGiven{{export.NoField, export.NoField.Message(plane)}}
	}
	if len(reasons) > 1 {
		reasons = slices.Clone(reasons)
		slices.SortStableFunc(reasons, func(a, b reasonGiven) int { return export.CompareReasons(a.reason, b.reason) })
		reasons = slices.Compact(reasons)
	}
	if len(reasons) > 0 {
		o.Verdict, o.Reason, o.Message = reasons[0].reason.Verdict(), reasons[0].reason, reasons[0].message
		for i, r := range reasons[1:] {
			separator := "; "
			if i == 0 {
				separator = "; also "
			}
			o.Message += separator + string(r.reason) + ": " + r.message
		}
	}
	switch {
	case o.Verdict != export.Unsupported:
		o.As, o.Value, o.Object = v.As, v.value, v.Object
		if o.Notes = slices.Clone(v.notes); len(o.Notes) > 1 {
			slices.Sort(o.Notes)
		}
	case v != nil && slices.Contains(v.notes, export.Kept):
		o.Notes = []string{export.Kept} // what is live is not what is asked for
	}
	return o
}
