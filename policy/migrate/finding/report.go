package finding

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/ingress"
)

// Report gathers findings. If there are several about one annotation, the first counts
// (section 6).
type Report struct {
	controller string
	Findings   []Finding
	said       map[annotationKey]int
	accept     []string
}

type annotationKey struct {
	ingress    *ingress.Ingress
	annotation string
}

// NewReport is an empty report. accept are the names of findings that the user accepts.
func NewReport(controller string, accept []string) *Report {
	return &Report{controller: controller, said: map[annotationKey]int{}, accept: accept}
}

// Add adds a finding and returns its index.
func (r *Report) Add(f Finding) int {
	f.Controller = r.controller
	f.Accepted = f.Accepted || slices.Contains(r.accept, f.Name()) || slices.Contains(r.accept, string(f.Status))
	if f.Accepted {
		f.Held = false
	}
	r.Findings = append(r.Findings, f)
	return len(r.Findings) - 1
}

// About adds a finding about an Ingress as a whole.
func (r *Report) About(g *ingress.Ingress, status Status, format string, args ...any) *Finding {
	i := r.Add(Finding{
		Status: status, Ingress: g.Place(), File: g.Object.File, Document: g.Object.Document,
		Line: g.Object.LineOf("spec"), Message: fmt.Sprintf(format, args...),
	})
	return &r.Findings[i]
}

// Annotation reports how an annotation was converted, unless that was reported before. name is
// the full name.
func (r *Report) Annotation(g *ingress.Ingress, name string, status Status, effect Effect, format string, args ...any) *Finding {
	key := annotationKey{g, name}
	if i, ok := r.said[key]; ok {
		return &r.Findings[i]
	}
	value := g.Annotations[name]
	i := r.Add(Finding{
		Status: status, Effect: effect, Ingress: g.Place(), Annotation: name, Value: value,
		File: g.Object.File, Document: g.Object.Document, Line: g.Object.LineOf("metadata.annotations[" + name + "]"),
		Message: ShortName(name) + ": " + Quoted(value) + ": " + fmt.Sprintf(format, args...),
	})
	r.said[key] = i
	return &r.Findings[i]
}

// Has says whether there is a finding about an annotation.
func (r *Report) Has(g *ingress.Ingress, name string) bool {
	_, ok := r.said[annotationKey{g, name}]
	return ok
}

// Implicit reports what the controller does without an annotation (M42).
func (r *Report) Implicit(name string, effect Effect, format string, args ...any) {
	r.Add(Finding{Status: Implicit, Effect: effect, Implicit: "implicit/" + name, Message: "implicit/" + name + ": " + fmt.Sprintf(format, args...)})
}

// Quoted is a value on one line, short enough for a sentence.
func Quoted(value string) string {
	const most = 60
	value = strings.Join(strings.Fields(value), " ")
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "…"
	}
	return `"` + value + `"`
}
