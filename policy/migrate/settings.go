package migrate

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
)

// readNginx reads the annotations of an Ingress as ingress-nginx does: which are
// taken, which are not and what that does (M10, M11).
func (o *Old) readNginx(g *ingress) {
	s := &settings{values: map[string]string{}, full: map[string]string{}, namespace: g.namespace}
	g.set = s
	for _, name := range slices.Sorted(maps.Keys(g.annotations)) {
		short, ours := o.controller.own(name)
		if !ours {
			o.foreign(g, name)
			continue
		}
		row, value := o.row(short), strings.TrimSpace(g.annotations[name])
		switch {
		case row == nil:
			o.unknown(g, name, short)
		case value == "":
			o.report.annotation(g, name, NoEffect, None, "it is empty")
		case o.controller.other(g.annotations, name, short) != "":
			o.report.annotation(g, name, NoEffect, None, "%s is stated and comes before it", o.controller.other(g.annotations, name, short))
		case o.controller.nginx && aliasOf(short) != short && strings.TrimSpace(g.annotations[o.controller.prefixes[0]+aliasOf(short)]) != "":
			o.report.annotation(g, name, NoEffect, None, "%s is stated and comes before it", aliasOf(short))
		case !o.options.NoValidation && !o.takes(row, short, value):
			o.badValue(g, row, name)
		default:
			s.values[short], s.full[short] = value, name
			o.risk(g, row, name)
		}
	}
}

// takes says whether the parser of an annotation takes a value. Two parsers look at
// more than the form.
func (o *Old) takes(row *Row, short, value string) bool {
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

func (o *Old) badValue(g *ingress, row *Row, name string) {
	switch row.Bad {
	case BadRefuse:
		g.refused = cmp.Or(g.refused, name)
		o.report.annotation(g, name, NotServed, Breaks, "the value is not %s, so the controller refuses the whole Ingress; "+
			"nothing is written for it: --convert-unserved writes it all the same", row.Valid)
	case BadDeny:
		g.set.denied = true
		f := o.report.annotation(g, name, Lost, Exposes, "the value is not %s, so the controller answers 503 at every location of the Ingress; "+
			"a route would open them", row.Valid)
		f.Held = !f.Accepted
	case BadDefault:
		held := "nothing"
		if row.Key != "" {
			held = quoted(o.config.value(row.Key))
		}
		o.report.annotation(g, name, NoEffect, None, "the value is not %s, so the controller passes over it: %s held", row.Valid, held)
	}
}

// risk refuses what the ConfigMap of the controller in the input does not allow
// (M10).
func (o *Old) risk(g *ingress, row *Row, name string) {
	if o.config.object == nil {
		return
	}
	if row.Risk == "Critical" && o.config.value("annotations-risk-level") != "Critical" {
		g.refused = cmp.Or(g.refused, name)
		o.report.annotation(g, name, NotServed, Breaks, "its risk is Critical, above annotations-risk-level %s of the ConfigMap, so the controller refuses the whole Ingress",
			o.config.value("annotations-risk-level"))
		return
	}
	for word := range strings.SplitSeq(o.config.value("annotation-value-word-blocklist"), ",") {
		if word = strings.TrimSpace(word); word != "" && strings.Contains(g.annotations[name], word) {
			g.refused = cmp.Or(g.refused, name)
			o.report.annotation(g, name, NotServed, Breaks, "the value has %s, which annotation-value-word-blocklist of the ConfigMap forbids, so the controller refuses the whole Ingress", quoted(word))
			return
		}
	}
}

func (o *Old) unknown(g *ingress, name, short string) {
	if o.controller.nginx && removed(short) {
		o.report.annotation(g, name, NoEffect, None, "the controller does not have it any more")
		return
	}
	text := "the controller has no such annotation"
	if near, ok := prose.Closest(short, slices.Sorted(maps.Keys(o.rows))); ok {
		text += ": did you mean " + near + "?"
	}
	o.report.annotation(g, name, Unknown, Differs, "%s", text)
}

// foreign says whose annotation it is, when it is not the controller's.
func (o *Old) foreign(g *ingress, name string) {
	group, _, _ := strings.Cut(name, "/")
	text := "it belongs to somebody else and is not copied"
	switch {
	case name == classAnnotation:
		o.report.annotation(g, name, Converted, "", "the Ingress is one of %s; a route names its Gateway instead", o.controller.name)
		return
	case group == "cert-manager.io" || group == "acme.cert-manager.io":
		text = "cert-manager reads it on a Gateway or a ListenerSet: state it there"
	case strings.HasPrefix(group, "external-dns"):
		text = "external-dns reads it on a Gateway or a route: state it there"
	case strings.HasSuffix(group, "kubectl.kubernetes.io"):
		text = "it is a tool's own note"
	}
	o.report.annotation(g, name, Foreign, None, "%s", text)
}
