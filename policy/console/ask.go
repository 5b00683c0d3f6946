package console

import (
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/request"
)

// effective answers GET /api/v1/effective?target=&rule=&listener=&policy=&field=
// as "explain -o json" does.
func (h *Handler) effective(r *http.Request) (any, error) {
	return h.asking(r, func(v *view, p parameters) (any, error) {
		target, err := v.target(p.Get("target"))
		if err != nil {
			return nil, err
		}
		isRoute := target.GroupKind != hierarchy.GatewayKind
		on := explain.Selection{Rule: p.Get("rule"), Listener: p.Get("listener"), Policy: p.Get("policy"), Field: p.Get("field")}
		switch {
		case target.Section == "":
		case isRoute && on.Rule == "":
			on.Rule = target.Section
		case on.Listener == "":
			on.Listener = target.Section
		}
		if v.Published != nil {
			answer, err := explain.Published(v.Snapshot, v.Published[target.Object()], on)
			if err != nil {
				return nil, badRequest(err.Error())
			}
			return answer, nil
		}
		answer, err := explain.Explain(v.Snapshot, target.Object(), on)
		if err != nil {
			return nil, badRequest(err.Error())
		}
		return answer, nil
	})
}

// bindings answers GET /api/v1/bindings?target= as "bindings -o json" does. Without
// a target it answers for all routes and Gateways in a namespace, page by page.
func (h *Handler) bindings(r *http.Request) (any, error) {
	return h.asking(r, func(v *view, p parameters) (any, error) {
		if id := p.Get("target"); id != "" {
			ref, err := v.named(id)
			if err != nil {
				return nil, err
			}
			if _, exists := v.Snapshot.Graph().Get(ref); !exists {
				return nil, notFound("there is no " + id)
			}
			return explain.BindingsOf(v.Snapshot, []hierarchy.Ref{ref.Object()}, true), nil
		}
		var refs []hierarchy.Ref
		for _, i := range v.items {
			if ns := p.Get("ns"); ns == "" || ns == i.ref.Namespace {
				refs = append(refs, i.ref)
			}
		}
		all := explain.BindingsOf(v.Snapshot, refs, false)
		part, offset, next, err := page(all.Routes, p)
		if err != nil {
			return nil, err
		}
		var here []hierarchy.Ref
		for _, b := range part {
			if i := slices.IndexFunc(refs, func(ref hierarchy.Ref) bool {
				return ref.Kind == b.Kind && ref.Namespace == b.Namespace && ref.Name == b.Name
			}); i >= 0 {
				here = append(here, refs[i])
			}
		}
		listeners := explain.BindingsOf(v.Snapshot, here, false).Listeners
		return struct {
			explain.Bindings
			Total  int `json:"total"`
			Offset int `json:"offset"`
			Next   int `json:"next,omitempty"`
		}{explain.Bindings{Routes: part, Listeners: listeners}, len(all.Routes), offset, next}, nil
	})
}

// describe answers GET /api/v1/describe?target= as "describe -o json" does.
func (h *Handler) describe(r *http.Request) (any, error) {
	return h.asking(r, func(v *view, p parameters) (any, error) {
		ref, err := v.named(p.Get("target"))
		if err != nil {
			return nil, err
		}
		if object := v.Published[ref.Object()]; object != nil {
			return explain.DescribePublished(object)
		}
		if pol, isPolicy := v.Snapshot.Policy(ref.Object()); isPolicy {
			return explain.DescribePolicy(v.Snapshot, pol), nil
		}
		if _, exists := v.Snapshot.Graph().Get(ref); !exists {
			if !v.Snapshot.Graph().Exists(ref) && len(v.chips[ref]) == 0 {
				return nil, notFound("there is no " + p.Get("target"))
			}
			return explain.DescribeOther(v.Snapshot, ref), nil
		}
		d, err := explain.Describe(v.Snapshot, ref, v.exists)
		if err != nil {
			return nil, notFound(err.Error())
		}
		d.AddUnread(v.Snapshot, v.Unread)
		return d, nil
	})
}

func (v *view) exists(ref hierarchy.Ref) string {
	if v.Exists == nil {
		return explain.StateUnknown
	}
	return v.Exists(ref)
}

// policies answers GET /api/v1/policies?ns=&kind= as "policies -o json" does, page
// by page.
func (h *Handler) policies(r *http.Request) (any, error) {
	return h.asking(r, func(v *view, p parameters) (any, error) {
		list := []explain.PolicyRow{}
		for _, row := range v.policies() {
			if (p.Get("ns") == "" || row.Ref.Namespace == p.Get("ns")) && (p.Get("kind") == "" || strings.EqualFold(row.Kind, p.Get("kind"))) {
				list = append(list, row)
			}
		}
		part, offset, next, err := page(list, p)
		if err != nil {
			return nil, err
		}
		return struct {
			Policies []explain.PolicyRow `json:"policies"`
			Total    int                 `json:"total"`
			Offset   int                 `json:"offset"`
			Next     int                 `json:"next,omitempty"`
		}{part, len(list), offset, next}, nil
	})
}

// request answers GET /api/v1/request?u=&h=&gateway= as "explain --request -o json"
// does.
func (h *Handler) request(r *http.Request) (any, error) {
	return h.asking(r, func(v *view, p parameters) (any, error) {
		if v.Published != nil {
			return nil, notKnown()
		}
		question, err := questionOf(p)
		if err != nil {
			return nil, err
		}
		report := explain.Request(v.Snapshot, v.index(), question).Report()
		// Who serves it comes first where there is no room for all.
		if answers := fit(report.Answers, MaxAnswer-(16<<10)); len(answers) < len(report.Answers) {
			slices.SortStableFunc(report.Answers, func(a, b request.ReportedAnswer) int { return boolInt(a.Route == nil) - boolInt(b.Route == nil) })
			report.Answers = fit(report.Answers, MaxAnswer-(16<<10))
		}
		return report, nil
	})
}

func questionOf(p parameters) (*request.Question, error) {
	asked, err := request.Parse(p.Get("u"), p.Values["h"]...)
	if err != nil {
		return nil, badRequest(err.Error())
	}
	q := &request.Question{Request: asked, NoIsolation: p.Get("noIsolation") != "", Fallthrough: p.Get("fallthrough") != ""}
	switch gateway := p.Get("gateway"); {
	case gateway != "":
		q.Gateway = gatewayOf(gateway)
	case asked.Host == "":
		return nil, badRequest("write the host, or choose a Gateway to ask for all that it serves")
	}
	return q, nil
}

// enforcement answers GET /api/v1/enforcement?target=: what data planes make of a
// route.
func (h *Handler) enforcement(r *http.Request) (any, error) {
	return h.asking(r, func(v *view, p parameters) (any, error) {
		target, err := v.target(p.Get("target"))
		if err != nil {
			return nil, err
		}
		list := []any{}
		if object := v.Published[target.Object()]; object != nil {
			if known, _, _ := unstructured.NestedSlice(object.Object, "status", "enforcement"); known != nil {
				list = known
			}
		}
		if v.Enforced != nil {
			if known := v.Enforced(r.Context(), target.Object()); known != nil {
				list = known
			}
		}
		return map[string]any{"enforcement": list, "planned": v.Files}, nil
	})
}

// object answers GET /api/v1/object?target= with the object, and where it stands.
func (h *Handler) object(r *http.Request) (any, error) {
	return h.asking(r, func(v *view, p parameters) (any, error) {
		ref, err := v.named(p.Get("target"))
		if err != nil {
			return nil, err
		}
		u, err := h.options.Workshop.Object(r.Context(), v.World, ref.Object())
		if err != nil {
			return nil, notFound(err.Error())
		}
		place := ""
		if v.Place != nil {
			place = v.Place(ref.Object())
		}
		return map[string]any{"object": shown(u), "place": place}, nil
	})
}

// shown is an object without what nobody wants to read.
func shown(u *unstructured.Unstructured) map[string]any {
	u = u.DeepCopy()
	u.SetManagedFields(nil)
	annotations := u.GetAnnotations()
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
	u.SetAnnotations(annotations)
	return u.Object
}

// guardrails answers GET /api/v1/guardrails: the guardrails that there are.
func (h *Handler) guardrails(r *http.Request) (any, error) {
	return h.asking(r, func(v *view, _ parameters) (any, error) {
		list := []any{}
		for _, u := range v.Guardrails {
			list = append(list, shown(u))
		}
		return map[string]any{"guardrails": list}, nil
	})
}

// reverse answers GET /api/v1/reverse?policy=: where a policy is in force, where it
// is beaten and by whom, and where it is attached and comes to nothing.
func (h *Handler) reverse(r *http.Request) (any, error) {
	return h.asking(r, func(v *view, p parameters) (any, error) {
		ref, err := v.named(p.Get("policy"))
		if err != nil {
			return nil, err
		}
		pol, isPolicy := v.Snapshot.Policy(ref)
		if v.Published != nil {
			return nil, notKnown()
		}
		if !isPolicy {
			return nil, notFound("there is no policy " + p.Get("policy"))
		}
		return v.reverseOf(pol), nil
	})
}
