package migrate

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// conversion is what becomes of one stated annotation in a policy, for the controllers
// whose routing is that of the Ingress API (section 7.1).
type conversion struct {
	kind   string
	fields map[string]any
	// several are fields of more than one kind.
	several wants
	status  Status
	effect  Effect
	// text says what differs, or why nothing is written.
	text string
	// holds says that losing it holds the rules back although nothing is exposed:
	// requests would be sent to where they were not (M40).
	holds bool
}

// isHeld says whether rules are held back for what is lost (M40).
func (c *conversion) isHeld() bool { return c.status == Lost && (c.effect == Exposes || c.holds) }

// saying is a conversion that puts nothing into a policy.
func saying(text string) *conversion { return &conversion{status: Converted, text: text} }

// holding says that rules are held back for the loss.
func (c *conversion) holding() *conversion {
	c.holds = true
	return c
}

func stating(kind, field string, value any) *conversion {
	return &conversion{kind: kind, fields: map[string]any{field: value}, status: Converted}
}

// differing says what differs from what the controller does.
func (c *conversion) differing(text string) *conversion {
	c.status, c.effect, c.text = Approximated, Differs, text
	return c
}

func notWritten(effect Effect, text string) *conversion {
	return &conversion{status: Lost, effect: effect, text: text}
}

func withoutEffect(text string) *conversion {
	return &conversion{status: NoEffect, effect: None, text: text}
}

// wantsOf are what the annotations of an object come to.
func (o *Old) wantsOf(s *settings) wants {
	w := wants{}
	for _, short := range sortedKeys(s.values) {
		if conv := o.conversionOf(s, short); conv != nil {
			for kind, fields := range conv.all() {
				for field, value := range fields {
					w.merge(kind, field, value)
				}
			}
		}
	}
	return w
}

// all are the fields of a conversion by kind.
func (c *conversion) all() wants {
	if c.several != nil {
		return c.several
	}
	if len(c.fields) == 0 {
		return nil
	}
	return wants{c.kind: c.fields}
}

// merge sets a field; entries of limits are put together.
func (w wants) merge(kind, field string, value any) {
	have, ok := w[kind][field].(map[string]any)
	more, also := value.(map[string]any)
	if !ok || !also {
		w.set(kind, field, value)
		return
	}
	both := map[string]any{}
	for _, part := range []map[string]any{have, more} {
		for name, limit := range part {
			both[name] = limit
		}
	}
	w.set(kind, field, both)
}

func (o *Old) conversionOf(s *settings, short string) *conversion {
	if o.controller.convert == nil {
		return nil
	}
	return o.controller.convert(o, s, short)
}

// settingsOf are the annotations of an object that the controller reads.
func (o *Old) settingsOf(namespace string, annotations map[string]string) *settings {
	s := &settings{values: map[string]string{}, full: map[string]string{}, namespace: namespace}
	for _, name := range sortedKeys(annotations) {
		short, ours := o.controller.own(name)
		value := strings.TrimSpace(annotations[name])
		if row := o.row(short); ours && row != nil && value != "" && row.Valid.Accepts(value) && o.controller.other(annotations, name, short) == "" {
			s.values[short], s.full[short] = value, name
		}
	}
	return s
}

// row is what is known of an annotation.
func (o *Old) row(short string) *Row { return rowOf(o.rows, short) }

// serviceSettings are the annotations of a backend's Service; nil when the controller
// reads none, or the Service is not in the input.
func (o *Old) serviceSettings(b *routing.Backend) *settings {
	if b == nil || !o.controller.services {
		return nil
	}
	service := o.services[b.Namespace+"/"+b.Name]
	if service == nil {
		return nil
	}
	return o.settingsOf(b.Namespace, service.GetAnnotations())
}

// locationWants are what holds at a location: what the Service states, then what the
// Ingress does (M45).
func (o *Old) locationWants(g *ingress, b *routing.Backend) wants {
	own := o.ingressWants(g)
	if s := o.serviceSettings(b); s != nil {
		return o.wantsOf(s).over(own)
	}
	return own
}

// explainOther says what became of an annotation of such a controller.
func (c *converter) explainOther(g *ingress, row *Row, short, name string) {
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
	for _, kind := range sortedKeys(conv.all()) {
		policy := ""
		for _, field := range sortedKeys(conv.all()[kind]) {
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
	return kindsText(conv.all()) + " on the rules that send to it" + prefixed("; ", conv.text)
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// exposingOn are the annotations of a backend's Service whose loss lets through what was
// refused before.
func (o *Old) exposingOn(b *routing.Backend) []string {
	s := o.serviceSettings(b)
	if s == nil {
		return nil
	}
	var names []string
	for _, short := range sortedKeys(s.values) {
		row, conv := o.row(short), o.conversionOf(s, short)
		if conv != nil && conv.isHeld() || conv == nil && o.lossOf(s, row, short).isHeld(row) {
			names = append(names, short)
		}
	}
	return names
}

// explainServices says what became of the annotations on Services that locations send
// to: one finding each.
func (c *converter) explainServices() {
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

func (c *converter) explainService(b *routing.Backend) {
	service := c.old.services[b.Namespace+"/"+b.Name]
	if service == nil {
		return
	}
	s := c.old.serviceSettings(b)
	for _, name := range sortedKeys(service.GetAnnotations()) {
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

func kindsText(w wants) string {
	var parts []string
	for _, kind := range sortedKeys(w) {
		parts = append(parts, kind+" "+fieldNames(w[kind]))
	}
	return strings.Join(parts, "; ")
}

// timeText reads a time as HAProxy writes it: a number with a unit, or of
// milliseconds. Empty when it is none.
func timeText(text string) string {
	units := map[string]time.Duration{"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	digits := strings.TrimRight(text, "usmhd")
	n, err := strconv.ParseInt(digits, 10, 32)
	unit, ok := units[strings.TrimPrefix(text, digits)]
	if text == digits {
		unit, ok = time.Millisecond, true
	}
	if err != nil || !ok || n <= 0 {
		return ""
	}
	return durationText(time.Duration(n) * unit)
}

// durationText is a duration as GEP-2257 writes it, empty when it is none above 0.
func durationText(d time.Duration) string {
	if d < time.Millisecond {
		return ""
	}
	text, ok := "", true
	if d >= time.Second {
		text, ok = seconds(int(d / time.Second))
	}
	if ms := d % time.Second / time.Millisecond; ms > 0 {
		text += strconv.FormatInt(int64(ms), 10) + "ms"
	}
	if !ok {
		return ""
	}
	return text
}

// limitOf is a limit as a policy states it: the unnamed one for a second, a named one
// for any other time.
func limitOf(name string, requests, burst int64, per, key string) map[string]any {
	limit := map[string]any{"burst": burst, "key": key, "counter": "Route"}
	if per == "1s" {
		limit["requestsPerSecond"] = requests
		return limit
	}
	limit["requests"], limit["per"] = requests, per
	return map[string]any{"limits": map[string]any{name: limit}}
}

func limited(fields map[string]any) *conversion {
	return &conversion{kind: RateLimitPolicy, fields: fields, status: Converted}
}

// explainOtherDefaults says what such a controller does without being told.
func (c *converter) explainOtherDefaults() {
	for _, note := range c.old.controller.notes {
		c.report.implicit(note[0], Differs, "%s", note[1])
	}
	c.report.implicit("wildcards", Differs, "a wildcard host takes one label; one of a route takes any number")
}

// allEqual says whether all values of a list are equal.
func allEqual(list []string) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(list)))) <= 1
}
