package verify

import (
	"fmt"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/request"
)

// newPlace says which rule of the new side answers.
func newPlace(p routing.Place) string {
	switch {
	case p.Route != nil:
		name := fmt.Sprintf("rules[%d]", p.Rule)
		if p.Rule >= 0 && p.Rule < len(p.Route.Rules) && p.Route.Rules[p.Rule].Name != "" {
			name = p.Route.Rules[p.Rule].Name
		}
		return name + " of " + p.Route.Meta().Ref.String()
	case p.Listener != nil:
		return "no rule of the host takes it"
	}
	return "no listener takes it"
}

// why says what of the old side is easily overlooked (M75).
func (v *verifier) why(host string, r *request.Request, l *routing.Location) string {
	s := v.old.View.Find(r.Host)
	switch {
	case s == nil || l == nil:
		return ""
	case s.Regex:
		for _, g := range v.old.ByHost[s.Host] {
			var name string
			switch {
			case g.Settings.Bool("use-regex"):
				name = "use-regex"
			case g.Settings.Has("rewrite-target"):
				name = "rewrite-target"
			default:
				continue
			}
			return name + " on Ingress " + g.Place() + " makes every path of this host a case-insensitive regex"
		}
	case l.Action.HTTPS != 0 && r.Scheme == request.SchemeHTTP:
		return "the controller redirects to https where tls lists the host"
	case strings.HasSuffix(r.Path, "/") && host == routing.CatchAll:
		return "the rule is for hosts that no server has"
	}
	return ""
}

// DataPlanes are those whose order of regular expressions is known (M74).
func DataPlanes() []string { return routing.DataPlanes() }

// oldPlace says where a location of the old side stands.
func oldPlace(o *oldside.Side, l *routing.Location) string {
	if l == nil {
		return "no location"
	}
	w := o.Owners[l]
	text := "location " + l.Path
	switch {
	case o.View.Server(l.Host).Regex:
		text = `location ~* "^` + l.Path + `"`
	case l.Exact:
		text = "location = " + l.Path
	}
	text += " of Ingress " + w.Ingress.Place()
	if w.Ingress.Object.File != "" {
		text += fmt.Sprintf(" (%s:%d)", w.Ingress.Object.File, w.Ingress.Object.LineOf(w.Field))
	}
	return text
}

// onlyGRPC says whether every location of a host speaks gRPC.
func onlyGRPC(o *oldside.Side, host string) bool {
	s := o.View.Server(host)
	if s == nil || !o.Controller.Nginx {
		return false
	}
	any := false
	for _, l := range s.Locations {
		if l.Default && l.Action.Backend == nil {
			continue
		}
		if !oldside.SpeaksGRPC(o.Owners[l].Ingress.Settings) {
			return false
		}
		any = true
	}
	return any
}
