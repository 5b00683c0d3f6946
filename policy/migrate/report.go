package migrate

import (
	"fmt"
	"slices"
	"strings"
)

// report gathers findings. Of one annotation the first counts (section 6).
type report struct {
	controller string
	findings   []Finding
	said       map[annotationKey]int
	accept     []string
}

type annotationKey struct {
	ingress    *ingress
	annotation string
}

func newReport(controller string, accept []string) *report {
	return &report{controller: controller, said: map[annotationKey]int{}, accept: accept}
}

// add takes a finding and returns its place.
func (r *report) add(f Finding) int {
	f.Controller = r.controller
	f.Accepted = f.Accepted || slices.Contains(r.accept, f.Name()) || slices.Contains(r.accept, string(f.Status))
	if f.Accepted {
		f.Held = false
	}
	r.findings = append(r.findings, f)
	return len(r.findings) - 1
}

// about is a finding about an Ingress as a whole.
func (r *report) about(g *ingress, status Status, format string, args ...any) *Finding {
	i := r.add(Finding{
		Status: status, Ingress: g.place(), File: g.object.File, Document: g.object.Document,
		Line: g.object.line("spec"), Message: fmt.Sprintf(format, args...),
	})
	return &r.findings[i]
}

// annotation says what became of an annotation. name is in full.
func (r *report) annotation(g *ingress, name string, status Status, effect Effect, format string, args ...any) *Finding {
	key := annotationKey{g, name}
	if i, ok := r.said[key]; ok {
		return &r.findings[i]
	}
	value := g.annotations[name]
	i := r.add(Finding{
		Status: status, Effect: effect, Ingress: g.place(), Annotation: name, Value: value,
		File: g.object.File, Document: g.object.Document, Line: g.object.line("metadata.annotations[" + name + "]"),
		Message: shortName(name) + ": " + quoted(value) + ": " + fmt.Sprintf(format, args...),
	})
	r.said[key] = i
	return &r.findings[i]
}

// has says whether there is a finding about an annotation.
func (r *report) has(g *ingress, name string) bool {
	_, ok := r.said[annotationKey{g, name}]
	return ok
}

// implicit says what the controller does without being told (M42).
func (r *report) implicit(name string, effect Effect, format string, args ...any) {
	r.add(Finding{Status: Implicit, Effect: effect, Implicit: "implicit/" + name, Message: "implicit/" + name + ": " + fmt.Sprintf(format, args...)})
}

// quoted is a value on one line, short enough for a sentence.
func quoted(value string) string {
	const most = 60
	value = strings.Join(strings.Fields(value), " ")
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	return `"` + value + `"`
}
