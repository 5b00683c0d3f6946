package view

import (
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/request"
)

// Effective answers GET /api/v1/effective?target=&rule=&listener=&policy=&field=
// as "explain -o json" does.
func (v *View) Effective(_ context.Context, p Parameters) (any, error) {
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
			return nil, BadRequest(err.Error())
		}
		return answer, nil
	}
	answer, err := explain.Explain(v.Snapshot, target.Object(), on)
	if err != nil {
		return nil, BadRequest(err.Error())
	}
	return v.onlyScopes(answer), nil
}

// Bindings answers GET /api/v1/bindings?target= as "bindings -o json" does. Without
// a target it answers for all routes and Gateways in a namespace, page by page.
func (v *View) Bindings(_ context.Context, p Parameters) (any, error) {
	if v.Published != nil {
		return nil, NotKnown()
	}
	if id := p.Get("target"); id != "" {
		ref, err := v.Named(id)
		if err != nil {
			return nil, err
		}
		if _, exists := v.Snapshot.Graph().Get(ref); !exists {
			return nil, NotFound("there is no " + id)
		}
		return v.onlyBindings(explain.BindingsOf(v.Snapshot, []hierarchy.Ref{ref.Object()}, true)), nil
	}
	var refs []hierarchy.Ref
	for _, i := range v.Items {
		if ns := p.Get("ns"); ns == "" || ns == i.Ref.Namespace {
			refs = append(refs, i.Ref)
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
}

// Describe answers GET /api/v1/describe?target= as "describe -o json" does.
func (v *View) Describe(_ context.Context, p Parameters) (any, error) {
	ref, err := v.Named(p.Get("target"))
	if err != nil {
		return nil, err
	}
	if object := v.Published[ref.Object()]; object != nil {
		return explain.DescribePublished(object)
	}
	if pol, isPolicy := v.Snapshot.Policy(ref.Object()); isPolicy {
		return v.onlyDescription(ref, explain.DescribePolicy(v.Snapshot, pol)), nil
	}
	if _, exists := v.Snapshot.Graph().Get(ref); !exists {
		if !v.Snapshot.Graph().Exists(ref) && len(v.Chips[ref]) == 0 {
			return nil, NotFound("there is no " + p.Get("target"))
		}
		return explain.DescribeOther(v.Snapshot, ref), nil
	}
	d, err := explain.Describe(v.Snapshot, ref, v.exists)
	if err != nil {
		return nil, NotFound(err.Error())
	}
	d.AddUnread(v.Snapshot, v.Unread)
	return v.onlyDescription(ref, d), nil
}

func (v *View) exists(ref hierarchy.Ref) string {
	if v.Exists == nil {
		return explain.StateUnknown
	}
	return v.Exists(ref)
}

// Policies answers GET /api/v1/policies?ns=&kind= as "policies -o json" does, page
// by page.
func (v *View) Policies(_ context.Context, p Parameters) (any, error) {
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
}

// Request answers GET /api/v1/request?u=&h=&gateway= as "explain --request -o json"
// does.
func (v *View) Request(_ context.Context, p Parameters) (any, error) {
	if v.Published != nil {
		return nil, NotKnown()
	}
	question, err := questionOf(p)
	if err != nil {
		return nil, err
	}
	report := explain.Request(v.Snapshot, v.index(), question).Report()
	// Those that serve it come first where there is no room for all.
	if answers := Fit(report.Answers, MaxAnswer-(16<<10)); len(answers) < len(report.Answers) {
		slices.SortStableFunc(report.Answers, func(a, b request.ReportedAnswer) int { return boolInt(a.Route == nil) - boolInt(b.Route == nil) })
		report.Answers = Fit(report.Answers, MaxAnswer-(16<<10))
	}
	return report, nil
}

func questionOf(p Parameters) (*request.Question, error) {
	asked, err := request.Parse(p.Get("u"), p.Values["h"]...)
	if err != nil {
		return nil, BadRequest(err.Error())
	}
	q := &request.Question{Request: asked, NoIsolation: p.Get("noIsolation") != "", Fallthrough: p.Get("fallthrough") != ""}
	switch gateway := p.Get("gateway"); {
	case gateway != "":
		q.Gateway = gatewayOf(gateway)
	case asked.Host == "":
		return nil, BadRequest("write the host, or choose a Gateway to ask for all that it serves")
	}
	return q, nil
}

// Enforcement answers GET /api/v1/enforcement?target=: how data planes enforce what
// applies to a route.
func (v *View) Enforcement(ctx context.Context, p Parameters) (any, error) {
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
		if known := v.Enforced(ctx, target.Object()); known != nil {
			list = known
		}
	}
	return map[string]any{"enforcement": list, "planned": v.Files}, nil
}

// Shown is an object without the fields that nobody wants to read. In a part it is as
// people wrote it, since the status of an object that many share names others.
func (v *View) Shown(u *unstructured.Unstructured) map[string]any {
	u = u.DeepCopy()
	u.SetManagedFields(nil)
	if v.only != nil && !v.Snapshot.IsRoute(u.GroupVersionKind().GroupKind()) {
		unstructured.RemoveNestedField(u.Object, "status")
	}
	annotations := u.GetAnnotations()
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
	u.SetAnnotations(annotations)
	return u.Object
}

// GuardrailList answers GET /api/v1/guardrails: the guardrails that there are.
func (v *View) GuardrailList(_ context.Context, _ Parameters) (any, error) {
	list := []any{}
	for _, u := range v.Guardrails {
		list = append(list, v.Shown(u))
	}
	return map[string]any{"guardrails": list}, nil
}

// Reverse answers GET /api/v1/reverse?policy=: where a policy is in force, where it
// is beaten and by whom, and where it is attached without any effect.
func (v *View) Reverse(_ context.Context, p Parameters) (any, error) {
	ref, err := v.Named(p.Get("policy"))
	if err != nil {
		return nil, err
	}
	pol, isPolicy := v.Snapshot.Policy(ref)
	if v.Published != nil {
		return nil, NotKnown()
	}
	if !isPolicy {
		return nil, NotFound("there is no policy " + p.Get("policy"))
	}
	return v.reverseOf(pol), nil
}
