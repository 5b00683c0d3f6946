package oldside

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
)

// readAnnotations reads the annotations of an Ingress as its controller does: which are
// taken, which are not and what that does (M10, M11).
func (o *Side) readAnnotations(g *ingress.Ingress) {
	s := &ingress.Settings{Values: map[string]string{}, FullNames: map[string]string{}, Namespace: g.Namespace}
	g.Settings = s
	for _, name := range slices.Sorted(maps.Keys(g.Annotations)) {
		short, ours := o.Controller.Short(name)
		if !ours {
			o.foreign(g, name)
			continue
		}
		row, value := o.Row(short), strings.TrimSpace(g.Annotations[name])
		switch {
		case row == nil:
			o.unknown(g, name, short)
		case value == "":
			o.Report.Annotation(g, name, finding.NoEffect, finding.None, "it is empty")
		case o.Controller.Preferred(g.Annotations, name, short) != "":
			o.Report.Annotation(g, name, finding.NoEffect, finding.None, "%s is stated and comes before it", o.Controller.Preferred(g.Annotations, name, short))
		case o.Controller.Nginx && controller.NginxAlias(short) != short && strings.TrimSpace(g.Annotations[o.Controller.Prefixes[0]+controller.NginxAlias(short)]) != "":
			o.Report.Annotation(g, name, finding.NoEffect, finding.None, "%s is stated and comes before it", controller.NginxAlias(short))
		case !o.Options.NoValidation && !o.takes(row, short, value):
			o.badValue(g, row, name)
		default:
			s.Values[short], s.FullNames[short] = value, name
			o.risk(g, row, name)
		}
	}
}

// takes says whether the parser of an annotation accepts a value. Two parsers check more
// than the form.
func (o *Side) takes(row *controller.Row, short, value string) bool {
	if !row.Valid.Accepts(value) {
		return false
	}
	switch short {
	case "permanent-redirect", "temporal-redirect":
		u, err := url.Parse(value)
		return err == nil && strings.HasPrefix(u.Scheme, "http")
	case "app-root":
		u, err := url.ParseRequestURI(value)
		return err == nil && !u.IsAbs()
	}
	return true
}

func (o *Side) badValue(g *ingress.Ingress, row *controller.Row, name string) {
	switch row.Bad {
	case controller.BadRefuse:
		g.Refused = cmp.Or(g.Refused, name)
		o.Report.Annotation(g, name, finding.NotServed, finding.Breaks, "the value is not %s, so the controller refuses the whole Ingress; "+
			"nothing is written for it: --convert-unserved writes it anyway", row.Valid)
	case controller.BadDeny:
		g.Settings.Denied = true
		f := o.Report.Annotation(g, name, finding.Lost, finding.Exposes, "the value is not %s, so the controller answers 503 at every location of the Ingress; "+
			"a route would open them", row.Valid)
		f.Held = !f.Accepted
	case controller.BadDefault:
		held := "nothing"
		if row.Key != "" {
			held = finding.Quoted(o.Config.Value(row.Key))
		}
		o.Report.Annotation(g, name, finding.NoEffect, finding.None, "the value is not %s, so the controller ignores it: %s applied", row.Valid, held)
	}
}

// risk refuses an Ingress when the ConfigMap of the controller does not allow the
// annotation (M10).
func (o *Side) risk(g *ingress.Ingress, row *controller.Row, name string) {
	if o.Config.Object == nil {
		return
	}
	if row.Risk == "Critical" && o.Config.Value("annotations-risk-level") != "Critical" {
		g.Refused = cmp.Or(g.Refused, name)
		o.Report.Annotation(g, name, finding.NotServed, finding.Breaks, "its risk is Critical, above annotations-risk-level %s of the ConfigMap, so the controller refuses the whole Ingress",
			o.Config.Value("annotations-risk-level"))
		return
	}
	for word := range strings.SplitSeq(o.Config.Value("annotation-value-word-blocklist"), ",") {
		if word = strings.TrimSpace(word); word != "" && strings.Contains(g.Annotations[name], word) {
			g.Refused = cmp.Or(g.Refused, name)
			o.Report.Annotation(g, name, finding.NotServed, finding.Breaks, "the value has %s, which annotation-value-word-blocklist of the ConfigMap forbids, so the controller refuses the whole Ingress", finding.Quoted(word))
			return
		}
	}
}

func (o *Side) unknown(g *ingress.Ingress, name, short string) {
	if o.Controller.Nginx && controller.NginxRemoved(short) {
		o.Report.Annotation(g, name, finding.NoEffect, finding.None, "the controller no longer has it")
		return
	}
	text := "the controller has no such annotation"
	if near, ok := prose.Closest(short, slices.Sorted(maps.Keys(o.rows))); ok {
		text += ": did you mean " + near + "?"
	}
	o.Report.Annotation(g, name, finding.Unknown, finding.Differs, "%s", text)
}

// foreign reports an annotation that is not the controller's.
func (o *Side) foreign(g *ingress.Ingress, name string) {
	group, _, _ := strings.Cut(name, "/")
	text := "it belongs to another tool and is not copied"
	switch {
	case name == controller.ClassAnnotation:
		o.Report.Annotation(g, name, finding.Converted, "", "the Ingress is one of %s; a route names its Gateway instead", o.Controller.Name)
		return
	case group == "cert-manager.io" || group == "acme.cert-manager.io":
		text = "cert-manager reads it on a Gateway or a ListenerSet: state it there"
	case strings.HasPrefix(group, "external-dns"):
		text = "external-dns reads it on a Gateway or a route: state it there"
	case strings.HasSuffix(group, "kubectl.kubernetes.io"):
		text = "it is kubectl's own"
	}
	o.Report.Annotation(g, name, finding.Foreign, finding.None, "%s", text)
}
