package webhook

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
	"github.com/attache-dev/attache/policy/review"
)

// mostUnenforced is the maximum number of routes of one edit whose enforcement is computed.
const mostUnenforced = 256

// unenforced warns of overrides and bounds that data planes would no longer enforce because of this
// write, or refuses it if so configured (E3.7).
func (h *Handlers) unenforced(s *policy.Snapshot, req *request, found *review.Verdict, reader policy.Reader, v *verdict) {
	i := h.options.Injector
	if i == nil || len(v.objections) > 0 {
		return
	}
	before, after := s, s
	if found != nil {
		before, after = found.Before, found.After
	}
	old, now := i.Reviewed(before.Graph(), req.named(req.old)), i.Reviewed(after.Graph(), req.named(req.object))
	var routes []hierarchy.Ref
	switch foreign := h.foreign(req); {
	case foreign != nil:
		now.Foreign = old.Foreign.With(req.ref(), foreign.now)
		routes = touchedBy(s, foreign)
	case found != nil:
		routes = found.Targets()
	}
	if len(routes) > mostUnenforced {
		routes = routes[:mostUnenforced]
	}
	r, done := h.resolver(before)
	defer done()
	was, is := r.Resolve(routes...), r.On(after).Resolve(routes...)
	var losses []enforcement.Loss
	for _, route := range routes {
		losses = append(losses, enforcement.Losses(
			enforcement.Side{World: old, Target: was.Get(route)}, enforcement.Side{World: now, Target: is.Get(route)})...)
	}
	texts := lossTexts(losses, reader)
	if !h.options.RefuseUnenforced {
		v.warnings = slices.Concat(texts, v.warnings) // before what the edit changes, of which it may be much
		return
	}
	for _, text := range texts {
		v.forbid("", "%s", text)
	}
}

// enforced returns how data planes enforce policies on targets; nil if no exporter is enabled.
func (h *Handlers) enforced() evaluate.Enforced {
	i := h.options.Injector
	if i == nil {
		return nil
	}
	return func(g *hierarchy.Graph, t *effective.Target) evaluate.Outcomes {
		return evaluate.Outcomes(i.World(g).Outcomes(t))
	}
}

// lossTexts returns one text for each policy and reason. Routes of namespaces that the author may
// not read are not named.
func lossTexts(losses []enforcement.Loss, reader policy.Reader) []string {
	type cause struct {
		policy hierarchy.Ref
		reason export.Reason
	}
	type sum struct {
		first *enforcement.Loss
		more  map[string]bool
	}
	byCause := map[cause]*sum{}
	for i := range losses {
		l := &losses[i]
		c := cause{l.Policy, l.Reason}
		if byCause[c] == nil {
			byCause[c] = &sum{more: map[string]bool{}}
		}
		at := byCause[c]
		at.more[l.Field+" "+l.Where()] = true
		if reader.May(l.Route.Namespace) && at.first == nil {
			at.first = l
		}
	}
	var texts []string
	for _, c := range slices.SortedFunc(maps.Keys(byCause), func(a, b cause) int {
		return cmp.Or(hierarchy.Compare(a.policy, b.policy), cmp.Compare(a.reason, b.reason))
	}) {
		at := byCause[c]
		if at.first == nil {
			texts = append(texts, fmt.Sprintf("values of a %s will not be enforced on routes of other namespaces: %s", c.policy.Kind, c.reason))
			continue
		}
		text := at.first.String()
		if more := len(at.more) - 1; more > 0 {
			text += fmt.Sprintf(" (and %d more)", more)
		}
		texts = append(texts, text)
	}
	return texts
}

// foreignWrite is a write of an object of a data plane's API that is not ours.
type foreignWrite struct{ old, now *unstructured.Unstructured }

// foreign returns the write of a data plane's own policy; nil for any other write.
func (h *Handlers) foreign(req *request) *foreignWrite {
	known := slices.ContainsFunc(exporters.All(), func(r export.Registration) bool {
		return slices.ContainsFunc(r.Kinds, func(k export.Kind) bool { return k.GroupKind() == req.groupKind() })
	})
	if !known {
		return nil
	}
	w := &foreignWrite{req.named(req.old), req.named(req.object)}
	if req.Operation == admissionv1.Delete {
		w.now = nil
	}
	return w
}

// touchedBy returns the routes that a data plane's own policy concerns.
func touchedBy(s *policy.Snapshot, w *foreignWrite) []hierarchy.Ref {
	found := map[hierarchy.Ref]bool{}
	add := func(ref hierarchy.Ref) {
		if s.IsRoute(ref.GroupKind) && ref.GroupKind != hierarchy.GatewayKind {
			found[ref.Object()] = true
		}
	}
	for _, u := range [...]*unstructured.Unstructured{w.old, w.now} {
		if u == nil {
			continue
		}
		for _, target := range export.TargetsOf(u) {
			add(target)
			for _, below := range s.Graph().Touched(target.Object()) {
				add(below)
			}
		}
		for route := range s.Graph().Routes() {
			if export.Selects(s.Graph(), u, route.Meta()) {
				add(route.Meta().Ref)
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), hierarchy.Compare)
}
