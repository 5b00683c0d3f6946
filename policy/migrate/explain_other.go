package migrate

import (
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// explainOther reports how an annotation of a controller other than ingress-nginx was converted.
func (c *explainer) explainOther(g *ingress.Ingress, row *controller.Row, short, name string) {
	conv := c.Old.ConversionOf(g.Settings, short)
	if conv == nil {
		c.Report.Annotation(g, name, row.Status, row.Effect, "%s", row.Becomes)
		return
	}
	if conv.Status == finding.Lost || conv.Status == finding.NoEffect {
		f := c.Report.Annotation(g, name, conv.Status, conv.Effect, "%s", conv.Text)
		f.Accepted = f.Accepted || c.Options.Accepts(short)
		f.Held = conv.IsHeld() && !f.Accepted
		return
	}
	var became []finding.Became
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(conv.ByKind())) {
		policy := ""
		for _, field := range slices.Sorted(maps.Keys(conv.ByKind()[kind])) {
			var b finding.Became
			b, policy = c.PolicyOf(g, kind, field)
			became = append(became, b)
		}
		parts = append(parts, policy+" "+statement.FieldsText(conv.ByKind()[kind]))
	}
	if conv.Text != "" {
		parts = append(parts, conv.Text)
	}
	text := strings.Join(parts, "; ")
	if len(became) > 0 {
		text += c.NotWritten(g)
	}
	f := c.Report.Annotation(g, name, conv.Status, conv.Effect, "%s", text)
	f.Became = became
}

// onRules says what becomes of an annotation of a Service.
func onRules(conv *controller.Conversion) string {
	if len(conv.ByKind()) == 0 {
		return conv.Text
	}
	text := statement.KindsText(conv.ByKind()) + " on the rules that send to it"
	if conv.Text != "" {
		text += "; " + conv.Text
	}
	return text
}

// explainServices reports how the annotations on the Services of locations were converted, with
// one finding each.
func (c *explainer) explainServices() {
	if !c.Old.Controller.Services {
		return
	}
	said := map[string]bool{}
	for _, g := range c.Old.Ingresses {
		if !g.Chosen || !c.Old.Served(g) {
			continue
		}
		for _, host := range c.HostOrder() {
			for _, l := range c.Old.View.Server(host).Locations {
				if b := l.Action.Backend; b != nil && c.Old.Owners[l].Ingress == g && !said[b.Namespace+"/"+b.Name] {
					said[b.Namespace+"/"+b.Name] = true
					c.explainService(b)
				}
			}
		}
	}
}

func (c *explainer) explainService(b *routing.Backend) {
	service := c.Old.Services[b.Namespace+"/"+b.Name]
	if service == nil {
		return
	}
	s := c.Old.ServiceSettings(b)
	for _, name := range slices.Sorted(maps.Keys(service.GetAnnotations())) {
		short, ours := c.Old.Controller.Short(name)
		if !ours {
			continue
		}
		value := service.GetAnnotations()[name]
		f := finding.Finding{
			Annotation: name, Value: value, File: service.File, Document: service.Document,
			Line: service.LineOf("metadata.annotations[" + name + "]"), Message: "Service " + document.PlaceOf(service) + " " + short + ": " + finding.Quoted(value) + ": ",
		}
		row := c.Old.Row(short)
		conv := c.Old.ConversionOf(s, short)
		switch {
		case row == nil:
			f.Status, f.Effect = finding.Unknown, finding.Differs
			f.Message += "the controller has no such annotation"
		case !s.Has(short):
			f.Status, f.Effect = finding.NoEffect, finding.None
			f.Message += "the value is not " + string(row.Valid)
		case conv == nil:
			out := c.Old.LossOf(s, row, short)
			f.Status, f.Effect = out.Status, out.Effect
			f.Message += out.Why
		case conv.Status == finding.Lost || conv.Status == finding.NoEffect:
			f.Status, f.Effect = conv.Status, conv.Effect
			f.Message += conv.Text
		default:
			f.Status, f.Effect = conv.Status, conv.Effect
			f.Message += onRules(conv)
		}
		f.Held = slices.Contains(c.Old.ExposingOn(b), short) && !c.Options.Accepts(short)
		c.Report.Add(f)
	}
}

// explainOtherDefaults reports what such a controller does without an annotation.
func (c *explainer) explainOtherDefaults() {
	for _, note := range c.Old.Controller.Notes {
		c.Report.Implicit(note[0], finding.Differs, "%s", note[1])
	}
	c.Report.Implicit("wildcards", finding.Differs, "a wildcard host matches one label; in a route it matches any number")
}
