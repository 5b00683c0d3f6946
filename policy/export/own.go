package export

import "slices"

// ownWords are the standard fields that the owner of the route states in a rule.
type ownWords struct {
	request, backend *duration
	// retries is true if there is a retry stanza.
	retries bool
	// attempts is nil if the stanza does not state it.
	attempts *int64
	codes    []string
	backoff  *duration
}

func ownWordsOf(inline map[string]any) ownWords {
	var own ownWords
	timeouts, _ := inline["timeouts"].(map[string]any)
	own.request, own.backend = durationAt(timeouts, "request"), durationAt(timeouts, "backendRequest")
	stanza, ok := inline["retry"].(map[string]any)
	if !ok {
		return own
	}
	own.retries = true
	if n, ok := Integer(stanza["attempts"]); ok {
		own.attempts = &n
	}
	if list, ok := stanza["codes"].([]any); ok {
		own.codes = words(list)
	}
	own.backoff = durationAt(stanza, "backoff")
	return own
}

func durationAt(object map[string]any, name string) *duration {
	if d, ok := parseDuration(object[name]); ok {
		return &d
	}
	return nil
}

// readersOf returns the paths of the rule, of all exporters, whose data plane reads a leaf (E6.2).
func (r *rule) readersOf(leaf string) []*Path {
	var readers []*Path
	for _, list := range [...][]*Path{r.paths, r.beside} {
		for _, p := range list {
			if PlaneOf(p.Controller).reads(leaf) {
				readers = append(readers, p)
			}
		}
	}
	return readers
}

// intoRoute puts a value into the route for some fields, or removes the leaf if the value is nil. If
// it cannot, it returns false and adds the reason to the fields. noConsent adds the reason if the
// owner does not consent.
func (r *rule) intoRoute(leaf string, value any, fields []Field, noConsent func(v *verdict)) bool {
	readers := r.readersOf(leaf)
	all := agree(readers)
	for _, f := range fields {
		if d, differs := all.differ[f]; differs {
			r.each(fields, func(v *verdict) { v.because(ListenersDiffer, d.args()...) })
			return false
		}
	}
	if !knows(r.in.Fields, leaf) {
		r.each(fields, func(v *verdict) { v.because(FieldNotInCRD, leaf) })
		return false
	}
	if refused := r.unconsented(leaf, noConsent); refused != nil {
		r.each(fields, refused)
		return false
	}
	r.puts[leaf] = value
	return true
}

// unconsented returns nil if all classes that read a leaf allow it to be put into the route (E8.2). Else
// it returns what adds the reason: noConsent if no class of ours allows it, NotConsented if some do.
func (r *rule) unconsented(leaf string, noConsent func(v *verdict)) func(v *verdict) {
	refuses := func(p *Path) bool { return !p.Consent }
	switch {
	case !slices.ContainsFunc(r.readersOf(leaf), refuses):
		return nil
	case !slices.ContainsFunc(r.paths, func(p *Path) bool { return p.Consent }):
		return noConsent
	}
	return func(v *verdict) { v.because(NotConsented) }
}

// knows reports whether the installed CRD of HTTPRoute has a leaf.
func knows(crd StandardFields, leaf string) bool {
	if leaf == leafRequest || leaf == leafBackend {
		return crd.Timeouts
	}
	return crd.Retry
}

// inlineWins adds the reason if the owner does not consent and the plane prefers the route.
func (r *rule) inlineWins(leaf string) func(v *verdict) {
	return func(v *verdict) { v.because(InlineWins, leaf, r.plane) }
}
