package migrate

import (
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// explainOther says what became of an annotation of such a controller.
func (c *explainer) explainOther(g *ingress, row *Row, short, name string) {
	conv := c.old.conversionOf(g.set, short)
	if conv == nil {
		c.report.annotation(g, name, row.Status, row.Effect, "%s", row.Becomes)
		return
	}
	if conv.status == Lost || conv.status == NoEffect {
		f := c.report.annotation(g, name, conv.status, conv.effect, "%s", conv.text)
		f.Accepted = f.Accepted || c.options.accepts(short)
		f.Held = conv.isHeld() && !f.Accepted
		return
	}
	var became []Became
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(conv.all())) {
		policy := ""
		for _, field := range slices.Sorted(maps.Keys(conv.all()[kind])) {
			var b Became
			b, policy = c.policyOf(g, kind, field)
			became = append(became, b)
		}
		parts = append(parts, policy+" "+fieldNames(conv.all()[kind]))
	}
	if conv.text != "" {
		parts = append(parts, conv.text)
	}
	text := strings.Join(parts, "; ")
	if len(became) > 0 {
		text += c.notWritten(g)
	}
	f := c.report.annotation(g, name, conv.status, conv.effect, "%s", text)
	f.Became = became
}

// onRules says what an annotation of a Service comes to.
func onRules(conv *conversion) string {
	if len(conv.all()) == 0 {
		return conv.text
	}
	text := kindsText(conv.all()) + " on the rules that send to it"
	if conv.text != "" {
		text += "; " + conv.text
	}
	return text
}

// explainServices says what became of the annotations on Services that locations send
// to: one finding each.
func (c *explainer) explainServices() {
	if !c.old.controller.services {
		return
	}
	said := map[string]bool{}
	for _, g := range c.old.ingresses {
		if !g.chosen || !c.old.served(g) {
			continue
		}
		for _, host := range c.hostOrder() {
			for _, l := range c.old.view.Server(host).Locations {
				if b := l.Action.Backend; b != nil && c.old.owners[l].ingress == g && !said[b.Namespace+"/"+b.Name] {
					said[b.Namespace+"/"+b.Name] = true
					c.explainService(b)
				}
			}
		}
	}
}

func (c *explainer) explainService(b *routing.Backend) {
	service := c.old.services[b.Namespace+"/"+b.Name]
	if service == nil {
		return
	}
	s := c.old.serviceSettings(b)
	for _, name := range slices.Sorted(maps.Keys(service.GetAnnotations())) {
		short, ours := c.old.controller.own(name)
		if !ours {
			continue
		}
		value := service.GetAnnotations()[name]
		f := Finding{
			Annotation: name, Value: value, File: service.File, Document: service.Document,
			Line: service.line("metadata.annotations[" + name + "]"), Message: "Service " + placeOf(service) + " " + short + ": " + quoted(value) + ": ",
		}
		row := c.old.row(short)
		conv := c.old.conversionOf(s, short)
		switch {
		case row == nil:
			f.Status, f.Effect = Unknown, Differs
			f.Message += "the controller has no such annotation"
		case !s.has(short):
			f.Status, f.Effect = NoEffect, None
			f.Message += "the value is not " + string(row.Valid)
		case conv == nil:
			out := c.old.lossOf(s, row, short)
			f.Status, f.Effect = out.status, out.effect
			f.Message += out.why
		case conv.status == Lost || conv.status == NoEffect:
			f.Status, f.Effect = conv.status, conv.effect
			f.Message += conv.text
		default:
			f.Status, f.Effect = conv.status, conv.effect
			f.Message += onRules(conv)
		}
		f.Held = slices.Contains(c.old.exposingOn(b), short) && !c.options.accepts(short)
		c.report.add(f)
	}
}

// explainOtherDefaults says what such a controller does without being told.
func (c *explainer) explainOtherDefaults() {
	for _, note := range c.old.controller.notes {
		c.report.implicit(note[0], Differs, "%s", note[1])
	}
	c.report.implicit("wildcards", Differs, "a wildcard host takes one label; one of a route takes any number")
}
