package migrate

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Result is the result of a conversion (M64).
type Result struct {
	Objects []*unstructured.Unstructured
	// Held are the routes that are not written until somebody accepts what they
	// lose (M40).
	Held     []*unstructured.Unstructured
	Findings []Finding
	Totals   Totals
	// Lifted is what lifting came to; nil when nothing was to be lifted.
	Lifted *Lifted
}

// Fails says whether something is left that nobody accepted (M68).
func (r *Result) Fails(strict bool) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Fails(strict) })
}

// explainer says what became of everything.
type explainer struct{ *converter }

// Convert makes the new side. Options that do not fit the input are an *InputError.
func Convert(old *Old) (*Result, error) {
	side, err := newSide(old)
	if err != nil {
		return nil, err
	}
	c := &explainer{side}
	c.explainAll()
	c.explainHosts()
	c.explainServices()
	if conflicts := old.controller.conflicts; conflicts != nil {
		conflicts(&old.input, c.report)
	}
	c.explainPathTypes()
	c.explainBridges()
	c.explainKeys()
	c.explainImplicit()
	return c.result(), nil
}

func (c *explainer) result() *Result {
	c.check()
	sortObjects(c.objects)
	sortObjects(c.held)
	others := map[string]bool{} // Ingresses that are not written, and not spoken of (M4)
	for _, g := range c.old.ingresses {
		others[g.place()] = !g.chosen
	}
	findings := slices.DeleteFunc(c.report.findings, func(f Finding) bool { return others[f.Ingress] })
	for i := range findings {
		findings[i].seal()
	}
	sortFindings(findings)
	chosen := 0
	for _, g := range c.old.ingresses {
		if g.chosen {
			chosen++
		}
	}
	return &Result{
		Objects: c.objects, Held: c.held, Findings: findings, Totals: totalsOf(findings, chosen, c.rulesHeld), Lifted: c.lifted,
	}
}

// check drops what the API server would refuse, with its words (M58).
func (c *explainer) check() {
	if c.options.Check == nil {
		return
	}
	c.objects = slices.DeleteFunc(c.objects, func(u *unstructured.Unstructured) bool {
		problem := c.options.Check(u)
		if problem == "" {
			return false
		}
		c.report.add(Finding{
			Status: Lost, Effect: Breaks, Ingress: strings.TrimPrefix(u.GetAnnotations()[MigratedFrom], "Ingress/"),
			Message: u.GetKind() + " " + u.GetNamespace() + "/" + u.GetName() + " is not written, for the API server refuses it: " + problem,
		})
		return true
	})
}
