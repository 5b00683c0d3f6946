package export

import "slices"

// verdict is the draft of the outcomes of one field of one rule: where its value stands, and the
// reasons and notes that were found so far.
type verdict struct {
	reasons []reasonGiven
	as      string
	value   any
	object  string
	notes   []string
}

// reasonGiven is a reason with its message.
type reasonGiven struct {
	reason  Reason
	message string
}

// because adds a reason. args are the arguments of its message.
func (v *verdict) because(reason Reason, args ...any) *verdict {
	return v.stated(reason, reason.message(args...))
}

// stated adds a reason with another message than that of the table.
func (v *verdict) stated(reason Reason, message string) *verdict {
	v.reasons = append(v.reasons, reasonGiven{reason, message})
	return v
}

// hasReason reports whether there is a reason why the field is not in force as stated.
func (v *verdict) hasReason() bool { return len(v.reasons) > 0 }

// inRoute reports whether the value stands in the route itself.
func (v *verdict) inRoute() bool { return Outcome{As: v.as}.InRoute() }

// written sets where the value stands.
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

// sheet has the drafts of the fields of one rule.
type sheet map[Field]*verdict

// at returns the draft of a field.
func (s sheet) at(f Field) *verdict {
	v := s[f]
	if v == nil {
		v = &verdict{}
		s[f] = v
	}
	return v
}

// outcome is the final outcome. A field that the exporter did not mention is one for which the plane has
// no setting.
func (v *verdict) outcome(f Field, plane string) Outcome {
	o := Outcome{Field: f, Verdict: Projected}
	var reasons []reasonGiven
	if v != nil && (v.as != "" || len(v.reasons) > 0) {
		reasons = slices.Clone(v.reasons)
	} else {
		reasons = []reasonGiven{{NoField, NoField.message(plane)}}
	}
	slices.SortStableFunc(reasons, func(a, b reasonGiven) int { return compareReasons(a.reason, b.reason) })
	reasons = slices.Compact(reasons)
	if len(reasons) > 0 {
		o.Verdict, o.Reason, o.Message = reasons[0].reason.verdict(), reasons[0].reason, reasons[0].message
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
