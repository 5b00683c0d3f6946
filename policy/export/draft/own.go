package draft

import (
	"slices"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// OwnWords are the standard fields that the owner of the route states in a rule.
type OwnWords struct {
	Request, Backend *field.Duration
	// Retries is true if there is a retry stanza.
	Retries bool
	// Attempts is nil if the stanza does not state it.
	Attempts *int64
	Codes    []string
	Backoff  *field.Duration
}

func ownWordsOf(inline map[string]any) OwnWords {
	var own OwnWords
	timeouts, _ := inline["timeouts"].(map[string]any)
	own.Request, own.Backend = durationAt(timeouts, "request"), durationAt(timeouts, "backendRequest")
	stanza, ok := inline["retry"].(map[string]any)
	if !ok {
		return own
	}
	own.Retries = true
	if n, ok := field.Integer(stanza["attempts"]); ok {
		own.Attempts = &n
	}
	if list, ok := stanza["codes"].([]any); ok {
		own.Codes = field.Words(list)
	}
	own.Backoff = durationAt(stanza, "backoff")
	return own
}

func durationAt(object map[string]any, name string) *field.Duration {
	if d, ok := field.ParseDuration(object[name]); ok {
		return &d
	}
	return nil
}

// ReadersOf returns the paths of the rule, of all exporters, whose data plane reads a leaf (E6.2).
func (r *Rule) ReadersOf(leaf string) []*export.Path {
	var readers []*export.Path
	for _, list := range [...][]*export.Path{r.Paths, r.Beside} {
		for _, p := range list {
			if export.PlaneOf(p.Controller).Reads(leaf) {
				readers = append(readers, p)
			}
		}
	}
	return readers
}

// IntoRoute puts a value into the route for some fields, or removes the leaf if the value is nil. If
// it cannot, it returns false and adds the reason to the fields. noConsent adds the reason if the
// owner does not consent.
func (r *Rule) IntoRoute(leaf string, value any, fields []field.Field, noConsent func(v *Outcome)) bool {
	readers := r.ReadersOf(leaf)
	all := agree(readers)
	for _, f := range fields {
		if d, differs := all.Differ[f]; differs {
			r.Each(fields, func(v *Outcome) { v.Because(export.ListenersDiffer, d.Args()...) })
			return false
		}
	}
	if !knows(r.In.Fields, leaf) {
		r.Each(fields, func(v *Outcome) { v.Because(export.FieldNotInCRD, leaf) })
		return false
	}
	if refused := r.unconsented(leaf, noConsent); refused != nil {
		r.Each(fields, refused)
		return false
	}
	r.Puts[leaf] = value
	return true
}

// unconsented returns nil if all classes that read a leaf allow it to be put into the route (E8.2). Else
// it returns what adds the reason: noConsent if no class of ours allows it, NotConsented if some do.
func (r *Rule) unconsented(leaf string, noConsent func(v *Outcome)) func(v *Outcome) {
	refuses := func(p *export.Path) bool { return !p.Consent }
	switch {
	case !slices.ContainsFunc(r.ReadersOf(leaf), refuses):
		return nil
	case !slices.ContainsFunc(r.Paths, func(p *export.Path) bool { return p.Consent }):
		return noConsent
	}
	return func(v *Outcome) { v.Because(export.NotConsented) }
}

// knows reports whether the installed CRD of HTTPRoute has a leaf.
func knows(crd export.StandardFields, leaf string) bool {
	if leaf == export.RequestLeaf || leaf == export.BackendLeaf {
		return crd.Timeouts
	}
	return crd.Retry
}

// InlineWins adds the reason if the owner does not consent and the plane prefers the route.
func (r *Rule) InlineWins(leaf string) func(v *Outcome) {
	return func(v *Outcome) { v.Because(export.InlineWins, leaf, r.Plane) }
}
