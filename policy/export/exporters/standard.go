package exporters

import (
	"slices"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

// standardExporter writes timeouts and retry into routes (12.S).
type standardExporter struct{}

// Name implements Exporter.
func (standardExporter) Name() string { return export.Standard }

// standardRule is a rule with what each data plane makes of its fields.
type standardRule struct {
	*draft.Rule
	// byPlane has the drafts of each plane, by the controllerName of the paths.
	byPlane map[string]draft.Sheet
}

// Project implements Exporter.
func (e standardExporter) Project(in export.Input) export.Projection {
	const title = "the standard fields of routes"
	if p, done := draft.RefusedWhole(&in, title); done {
		return p
	}
	if in.Route.Kind != "HTTPRoute" {
		return export.Projection{Outcomes: draft.Outcomes(&in, func(p *export.Path, _ field.Field) (*draft.Outcome, string) {
			plane, v := export.PlaneOf(p.Controller).Title, &draft.Outcome{}
			return v.Because(export.RouteKind, plane, in.Route.Kind), plane
		})}
	}
	common := draft.RulesOf(&in, title)
	byIndex := map[int]*standardRule{}
	for _, r := range common {
		s := &standardRule{Rule: r, byPlane: map[string]draft.Sheet{}}
		for _, p := range r.Paths {
			if s.byPlane[p.Controller] == nil {
				s.byPlane[p.Controller] = s.judge(export.PlaneOf(p.Controller))
			}
		}
		byIndex[r.Index] = s
	}
	return export.Projection{Rules: draft.Injections(common), Outcomes: draft.Outcomes(&in, func(p *export.Path, f field.Field) (*draft.Outcome, string) {
		return byIndex[p.Rule].byPlane[p.Controller][f], export.PlaneOf(p.Controller).Title
	})}
}

// judge returns the drafts of the rule's fields on one plane. What is put into the route is the same for
// all planes.
func (r *standardRule) judge(p export.Plane) draft.Sheet {
	r.Sheet = draft.Sheet{}
	for f, d := range r.Differ {
		r.Sheet.At(f).Because(export.ListenersDiffer, d.Args()...)
	}
	r.Plane = p.Title
	if r.Answers {
		r.RefuseNotProxied()
		return r.Sheet
	}
	for _, f := range r.Fields() {
		if slices.Contains(p.PerService, f.Name) && f.Policy == field.TimeoutPolicy {
			r.Sheet.At(f).Because(export.PerService, p.Title)
		}
	}
	r.limitsAbsent()
	r.Subsume()
	r.request(p)
	r.backend(p)
	r.retry(p)
	return r.Sheet
}

// limitsAbsent marks limits that are switched off as absent, because no standard field limits rates.
func (r *standardRule) limitsAbsent() {
	for _, l := range r.Want.Limits {
		if l.Disabled {
			r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Written(export.Absent, nil) })
		}
	}
}

// put writes one leaf for some fields and sets where they stand. own is true if the owner states the same
// value, so that nothing has to be written. It reports whether the value is in the route.
func (r *standardRule) put(leaf string, value any, own bool, fields ...field.Field) bool {
	if !own && !r.IntoRoute(leaf, value, fields, func(v *draft.Outcome) { v.Because(export.NotConsented) }) {
		return false
	}
	r.Each(fields, func(v *draft.Outcome) { v.Written(r.InRoute(leaf), value) })
	return true
}

func (r *standardRule) request(p export.Plane) {
	f := field.Timeout(field.Request)
	d, own := r.Want.Request, r.Own.Request
	if !p.Request {
		r.Each([]field.Field{f}, func(v *draft.Outcome) { v.Because(export.NotRead, p.Title) })
		return
	}
	switch {
	case d != nil:
		value := d.Text
		if field.Same(d, own) {
			value = own.Text
		}
		r.put(export.RequestLeaf, value, field.Same(d, own), f)
	case own != nil && !r.differs(f):
		r.put(export.RequestLeaf, nil, false)
	}
	if p.Quirk == export.BackendIsRequest && d.Limits() && field.Within(r.PerTry(), d) && r.PerTry().Duration < d.Duration {
		r.Each([]field.Field{f}, func(v *draft.Outcome) { v.Note(export.Subsumed) })
	}
}

// differs reports whether the paths disagree on a field. If they do, it is not absent.
func (r *standardRule) differs(f field.Field) bool {
	_, differs := r.Differ[f]
	return differs
}

func (r *standardRule) backend(p export.Plane) {
	if !p.Backend {
		r.Each(tryFields, func(v *draft.Outcome) { v.Because(export.NotRead, p.Title) })
		return
	}
	if r.Retries() {
		for _, path := range r.ReadersOf(export.BackendLeaf) {
			if q := export.PlaneOf(path.Controller); q.Quirk == export.BackendShortensAll {
				// It would limit the whole request there.
				r.Each(tryFields, func(v *draft.Outcome) { v.Because(export.NoField, q.Title) })
				return
			}
		}
	}
	if r.Retries() && !r.In.Fields.Retry && r.PerTry() != nil && r.wholeWithoutRetry() {
		r.Each(tryFields, func(v *draft.Outcome) {
			v.Because(export.FieldNotInCRD, "retry, without which it would end the whole request")
		})
		return
	}
	perTry, own := r.PerTry(), r.Own.Backend
	if perTry.Limits() && field.Within(r.Want.Request, perTry) && r.Want.Request.Duration < perTry.Duration {
		perTry = r.Want.Request // the CRD wants backendRequest <= request
		r.Each(tryFields, func(v *draft.Outcome) { v.Note(export.Subsumed) })
	}
	switch {
	case perTry != nil:
		value := perTry.Text
		if field.Same(perTry, own) {
			value = own.Text
		}
		if r.put(export.BackendLeaf, value, field.Same(perTry, own), tryFields...) && p.Quirk == export.BackendBetweenReads {
			r.Each(tryFields, func(v *draft.Outcome) { v.Because(export.BetweenReads) })
		}
	case own != nil && !r.differs(field.Timeout(field.Backend)):
		r.put(export.BackendLeaf, nil, false)
	}
}

// wholeWithoutRetry reports whether the backend timeout limits the whole request, on a plane that reads
// it, if the route has no retry stanza.
func (r *standardRule) wholeWithoutRetry() bool {
	return slices.ContainsFunc(r.ReadersOf(export.BackendLeaf), func(p *export.Path) bool { return export.PlaneOf(p.Controller).BackendAlone })
}

func (r *standardRule) retry(p export.Plane) {
	if !p.Retry {
		r.Each(r.FieldsOf(field.RetryPolicy), func(v *draft.Outcome) {
			if v.As == "" && !v.HasReason() {
				v.Because(export.NotRead, p.Title)
			}
		})
		return
	}
	if r.NoRetries() {
		r.never(p)
		return
	}
	r.Each([]field.Field{field.Retry(field.BackoffPolicy), field.Retry(field.BackoffMax)}, func(v *draft.Outcome) { v.Because(export.NoField, p.Title) })
	if r.MaxRetries == nil && r.RetryOn == nil && r.BackoffBase == nil {
		r.stanza(p)
		return
	}
	if r.RetryOn != nil && draft.InCodes(r.RetryOn, p.Connected).Nothing() {
		r.Each([]field.Field{field.Retry(field.RetryOn), field.Retry(field.MaxRetries), field.Retry(field.BackoffBase)}, func(v *draft.Outcome) { v.Because(export.NoField, p.Title) })
		return
	}
	r.stanza(p)
}

// stanza writes the retry stanza leaf by leaf.
func (r *standardRule) stanza(p export.Plane) {
	r.attemptsLeaf()
	r.codesLeaf(p)
	base, own := r.BackoffBase, r.Own.Backoff
	switch f := field.Retry(field.BackoffBase); {
	case base.Off():
		base = field.DurationOf(leastBase / 25)
		if r.put(export.BackoffLeaf, base.Text, field.Same(base, own), f) {
			r.Each([]field.Field{f}, func(v *draft.Outcome) { v.Because(export.NoOffSwitch, base.Text) })
		}
	case base != nil:
		value := base.Text
		if field.Same(base, own) {
			value = own.Text
		}
		r.put(export.BackoffLeaf, value, field.Same(base, own), f)
	case own != nil && !r.differs(f):
		r.put(export.BackoffLeaf, nil, false)
	}
}

func (r *standardRule) attemptsLeaf() {
	f := field.Retry(field.MaxRetries)
	own := r.Own.Attempts
	if own == nil && r.Own.Retries && r.In.Fields.DefaultAttempts > 0 {
		own = &r.In.Fields.DefaultAttempts
	}
	if r.MaxRetries != nil {
		r.put(export.AttemptsLeaf, *r.MaxRetries, own != nil && *own == *r.MaxRetries, f)
		if r.RetryOn == nil {
			r.Each([]field.Field{f}, func(v *draft.Outcome) { v.Note(export.DataPlaneDefault) })
		}
		return
	}
	if r.differs(f) || (r.RetryOn == nil && r.BackoffBase == nil) {
		return
	}
	r.Each(r.FieldsOf(field.RetryPolicy), func(v *draft.Outcome) { v.Note(export.DataPlaneDefault) })
	if own == nil && r.In.Fields.DefaultAttempts > 0 {
		// Injections include the defaults of the CRD (E8.5).
		r.put(export.AttemptsLeaf, r.In.Fields.DefaultAttempts, false)
	}
}

func (r *standardRule) codesLeaf(p export.Plane) {
	f := field.Retry(field.RetryOn)
	if r.RetryOn == nil {
		if r.Own.Codes != nil && !r.differs(f) {
			r.put(export.CodesLeaf, nil, false)
		}
		return
	}
	if slices.Equal(r.RetryOn, r.Own.Codes) {
		r.put(export.CodesLeaf, codesValue(r.RetryOn), true, f)
		return
	}
	in := draft.InCodes(r.RetryOn, p.Connected)
	var value any
	if len(in.Codes) > 0 {
		value = field.Anys(in.Codes)
	}
	if r.put(export.CodesLeaf, value, in.Same(r.Own.Codes), f) {
		v := r.Sheet.At(f)
		if value == nil {
			v.Written(r.InRoute("retry"), nil) // a stanza without codes is enough
		}
		in.Judge(v, r.RetryOn, p.AnyCode)
	}
}

// codesValue returns the owner's codes as numbers.
func codesValue(list []string) any { return field.Anys(field.SplitWords(list).Codes) }

// never writes maxRetries 0: attempts 0 if the CRD allows that, else no stanza (12.S3).
func (r *standardRule) never(p export.Plane) {
	f := field.Retry(field.MaxRetries)
	r.WithoutRetries()
	zero := r.Own.Attempts != nil && *r.Own.Attempts == 0
	if r.In.Fields.Retry && r.In.Fields.MinAttempts == 0 {
		if r.put(export.AttemptsLeaf, int64(0), zero, f) && !zero {
			r.StanzaOut(int64(0))
		}
		return
	}
	if r.Own.Retries {
		if !r.put(export.AttemptsLeaf, nil, false, f) {
			return
		}
		r.StanzaOut(nil)
	}
	r.Each([]field.Field{f}, func(v *draft.Outcome) {
		v.Written(export.Absent, nil)
		if p.Quirk == export.AlwaysRetries {
			v.Because(export.NoOffSwitch, "no retry stanza, which "+p.Title+" retries twice")
		}
	})
}
