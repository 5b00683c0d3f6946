package export

import "slices"

// standardExporter writes timeouts and retry into routes (12.S).
type standardExporter struct{}

// Name implements Exporter.
func (standardExporter) Name() string { return Standard }

// standardRule is a rule with what each data plane makes of its fields.
type standardRule struct {
	*rule
	// byPlane has the drafts of each plane, by the controllerName of the paths.
	byPlane map[string]sheet
}

// Project implements Exporter.
func (e standardExporter) Project(in Input) Projection {
	const title = "the standard fields of routes"
	if p, done := refusedWhole(&in, title); done {
		return p
	}
	if in.Route.Kind != "HTTPRoute" {
		return Projection{Outcomes: outcomes(&in, func(p *Path, _ Field) (*verdict, string) {
			plane, v := PlaneOf(p.Controller).Title, &verdict{}
			return v.because(RouteKind, plane, in.Route.Kind), plane
		})}
	}
	common := rulesOf(&in, title)
	byIndex := map[int]*standardRule{}
	for _, r := range common {
		s := &standardRule{rule: r, byPlane: map[string]sheet{}}
		for _, p := range r.paths {
			if s.byPlane[p.Controller] == nil {
				s.byPlane[p.Controller] = s.judge(PlaneOf(p.Controller))
			}
		}
		byIndex[r.index] = s
	}
	return Projection{Rules: injections(common), Outcomes: outcomes(&in, func(p *Path, f Field) (*verdict, string) {
		return byIndex[p.Rule].byPlane[p.Controller][f], PlaneOf(p.Controller).Title
	})}
}

// judge returns the drafts of the rule's fields on one plane. What is put into the route is the same for
// all planes.
func (r *standardRule) judge(p Plane) sheet {
	r.sheet = sheet{}
	for f, d := range r.differ {
		r.sheet.at(f).because(ListenersDiffer, d.args()...)
	}
	r.plane = p.Title
	if r.Answers {
		r.refuseNotProxied()
		return r.sheet
	}
	for _, f := range r.every() {
		if slices.Contains(p.perService, f.Name) && f.Policy == TimeoutPolicy {
			r.sheet.at(f).because(PerService, p.Title)
		}
	}
	r.limitsAbsent()
	r.subsume()
	r.request(p)
	r.backend(p)
	r.retry(p)
	return r.sheet
}

// limitsAbsent marks limits that are switched off as absent, because no standard field limits rates.
func (r *standardRule) limitsAbsent() {
	for _, l := range r.want.limits {
		if l.disabled {
			r.each(r.of(l), func(v *verdict) { v.written(Absent, nil) })
		}
	}
}

// put writes one leaf for some fields and sets where they stand. own is true if the owner states the same
// value, so that nothing has to be written. It reports whether the value is in the route.
func (r *standardRule) put(leaf string, value any, own bool, fields ...Field) bool {
	if !own && !r.intoRoute(leaf, value, fields, func(v *verdict) { v.because(NotConsented) }) {
		return false
	}
	r.each(fields, func(v *verdict) { v.written(r.inRoute(leaf), value) })
	return true
}

func (r *standardRule) request(p Plane) {
	f := timeout(request)
	d, own := r.want.request, r.own.request
	if !p.Request {
		r.each([]Field{f}, func(v *verdict) { v.because(NotRead, p.Title) })
		return
	}
	switch {
	case d != nil:
		value := d.text
		if same(d, own) {
			value = own.text
		}
		r.put(leafRequest, value, same(d, own), f)
	case own != nil && !r.differs(f):
		r.put(leafRequest, nil, false)
	}
	if p.quirk == backendIsRequest && d.limits() && within(r.perTry(), d) && r.perTry().Duration < d.Duration {
		r.each([]Field{f}, func(v *verdict) { v.note(Subsumed) })
	}
}

// differs reports whether the paths disagree on a field. If they do, it is not absent.
func (r *standardRule) differs(f Field) bool {
	_, differs := r.differ[f]
	return differs
}

func (r *standardRule) backend(p Plane) {
	if !p.Backend {
		r.each(tryFields, func(v *verdict) { v.because(NotRead, p.Title) })
		return
	}
	if r.retries() {
		for _, path := range r.readersOf(leafBackend) {
			if q := PlaneOf(path.Controller); q.quirk == backendShortensAll {
				// It would limit the whole request there.
				r.each(tryFields, func(v *verdict) { v.because(NoField, q.Title) })
				return
			}
		}
	}
	if r.retries() && !r.in.Fields.Retry && r.perTry() != nil && r.wholeWithoutRetry() {
		r.each(tryFields, func(v *verdict) { v.because(FieldNotInCRD, "retry, without which it would end the whole request") })
		return
	}
	perTry, own := r.perTry(), r.own.backend
	if perTry.limits() && within(r.want.request, perTry) && r.want.request.Duration < perTry.Duration {
		perTry = r.want.request // the CRD wants backendRequest <= request
		r.each(tryFields, func(v *verdict) { v.note(Subsumed) })
	}
	switch {
	case perTry != nil:
		value := perTry.text
		if same(perTry, own) {
			value = own.text
		}
		if r.put(leafBackend, value, same(perTry, own), tryFields...) && p.quirk == backendBetweenReads {
			r.each(tryFields, func(v *verdict) { v.because(BetweenReads) })
		}
	case own != nil && !r.differs(timeout(backend)):
		r.put(leafBackend, nil, false)
	}
}

// wholeWithoutRetry reports whether the backend timeout limits the whole request, on a plane that reads
// it, if the route has no retry stanza.
func (r *standardRule) wholeWithoutRetry() bool {
	return slices.ContainsFunc(r.readersOf(leafBackend), func(p *Path) bool { return PlaneOf(p.Controller).backendAlone })
}

func (r *standardRule) retry(p Plane) {
	if !p.Retry {
		r.each(r.all(RetryPolicy), func(v *verdict) {
			if v.as == "" && !v.hasReason() {
				v.because(NotRead, p.Title)
			}
		})
		return
	}
	if r.noRetries() {
		r.never(p)
		return
	}
	r.each([]Field{retry(backoffPolicy), retry(backoffMax)}, func(v *verdict) { v.because(NoField, p.Title) })
	if r.maxRetries == nil && r.retryOn == nil && r.backoffBase == nil {
		r.stanza(p)
		return
	}
	if r.retryOn != nil && inCodes(r.retryOn, p.connected).nothing() {
		r.each([]Field{retry(retryOn), retry(maxRetries), retry(backoffBase)}, func(v *verdict) { v.because(NoField, p.Title) })
		return
	}
	r.stanza(p)
}

// stanza writes the retry stanza leaf by leaf.
func (r *standardRule) stanza(p Plane) {
	r.attemptsLeaf()
	r.codesLeaf(p)
	base, own := r.backoffBase, r.own.backoff
	switch f := retry(backoffBase); {
	case base.off():
		base = of(leastBase / 25)
		if r.put(leafBackoff, base.text, same(base, own), f) {
			r.each([]Field{f}, func(v *verdict) { v.because(NoOffSwitch, base.text) })
		}
	case base != nil:
		value := base.text
		if same(base, own) {
			value = own.text
		}
		r.put(leafBackoff, value, same(base, own), f)
	case own != nil && !r.differs(f):
		r.put(leafBackoff, nil, false)
	}
}

func (r *standardRule) attemptsLeaf() {
	f := retry(maxRetries)
	own := r.own.attempts
	if own == nil && r.own.retries && r.in.Fields.DefaultAttempts > 0 {
		own = &r.in.Fields.DefaultAttempts
	}
	if r.maxRetries != nil {
		r.put(leafAttempts, *r.maxRetries, own != nil && *own == *r.maxRetries, f)
		if r.retryOn == nil {
			r.each([]Field{f}, func(v *verdict) { v.note(DataPlaneDefault) })
		}
		return
	}
	if r.differs(f) || (r.retryOn == nil && r.backoffBase == nil) {
		return
	}
	r.each(r.all(RetryPolicy), func(v *verdict) { v.note(DataPlaneDefault) })
	if own == nil && r.in.Fields.DefaultAttempts > 0 {
		// Injections include the defaults of the CRD (E8.5).
		r.put(leafAttempts, r.in.Fields.DefaultAttempts, false)
	}
}

func (r *standardRule) codesLeaf(p Plane) {
	f := retry(retryOn)
	if r.retryOn == nil {
		if r.own.codes != nil && !r.differs(f) {
			r.put(leafCodes, nil, false)
		}
		return
	}
	if slices.Equal(r.retryOn, r.own.codes) {
		r.put(leafCodes, codesValue(r.retryOn), true, f)
		return
	}
	in := inCodes(r.retryOn, p.connected)
	var value any
	if len(in.codes) > 0 {
		value = anys(in.codes)
	}
	if r.put(leafCodes, value, in.same(r.own.codes), f) {
		v := r.sheet.at(f)
		if value == nil {
			v.written(r.inRoute("retry"), nil) // a stanza without codes is enough
		}
		in.judge(v, r.retryOn, p.anyCode)
	}
}

// codesValue returns the owner's codes as numbers.
func codesValue(list []string) any { return anys(splitWords(list).codes) }

// never writes maxRetries 0: attempts 0 if the CRD allows that, else no stanza (12.S3).
func (r *standardRule) never(p Plane) {
	f := retry(maxRetries)
	r.withoutRetries()
	zero := r.own.attempts != nil && *r.own.attempts == 0
	if r.in.Fields.Retry && r.in.Fields.MinAttempts == 0 {
		if r.put(leafAttempts, int64(0), zero, f) && !zero {
			r.stanzaOut(int64(0))
		}
		return
	}
	if r.own.retries {
		if !r.put(leafAttempts, nil, false, f) {
			return
		}
		r.stanzaOut(nil)
	}
	r.each([]Field{f}, func(v *verdict) {
		v.written(Absent, nil)
		if p.quirk == alwaysRetries {
			v.because(NoOffSwitch, "no retry stanza, which "+p.Title+" retries twice")
		}
	})
}
