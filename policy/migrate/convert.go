package migrate

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/lift"
	"github.com/attache-dev/attache/policy/migrate/newside"
	"github.com/attache-dev/attache/policy/migrate/oldside"
)

// Result is the result of a conversion (M64).
type Result struct {
	Objects []*unstructured.Unstructured
	// Held are the routes that are not written until the user accepts what they
	// lose (M40).
	Held     []*unstructured.Unstructured
	Findings []finding.Finding
	Totals   finding.Totals
	// Lifted is the result of lifting; nil when nothing was to be lifted.
	Lifted *lift.Lifted
}

// Fails says whether there is a loss that the user did not accept (M68).
func (r *Result) Fails(strict bool) bool {
	return slices.ContainsFunc(r.Findings, func(f finding.Finding) bool { return f.Fails(strict) })
}

// explainer reports how each annotation, key and default was converted.
type explainer struct{ *newside.Side }

// Convert makes the new side. Options that do not fit the input are a *document.InputError.
func Convert(old *oldside.Side) (*Result, error) {
	side, err := newside.Write(old)
	if err != nil {
		return nil, err
	}
	c := &explainer{side}
	c.explainAll()
	c.explainHosts()
	c.explainServices()
	if conflicts := old.Controller.Conflicts; conflicts != nil {
		conflicts(&old.Input, c.Report)
	}
	c.explainPathTypes()
	c.explainBridges()
	c.explainKeys()
	c.explainImplicit()
	return c.result(), nil
}

func (c *explainer) result() *Result {
	c.check()
	document.Sort(c.Objects)
	document.Sort(c.Held)
	others := map[string]bool{} // Ingresses that are not written, and not spoken of (M4)
	for _, g := range c.Old.Ingresses {
		others[g.Place()] = !g.Chosen
	}
	findings := slices.DeleteFunc(c.Report.Findings, func(f finding.Finding) bool { return others[f.Ingress] })
	for i := range findings {
		findings[i].Seal()
	}
	finding.Sort(findings)
	chosen := 0
	for _, g := range c.Old.Ingresses {
		if g.Chosen {
			chosen++
		}
	}
	return &Result{
		Objects: c.Objects, Held: c.Held, Findings: findings, Totals: finding.TotalsOf(findings, chosen, c.RulesHeld), Lifted: c.Lifted,
	}
}

// check drops the objects that the API server would refuse, and reports why (M58).
func (c *explainer) check() {
	if c.Options.Check == nil {
		return
	}
	c.Objects = slices.DeleteFunc(c.Objects, func(u *unstructured.Unstructured) bool {
		problem := c.Options.Check(u)
		if problem == "" {
			return false
		}
		c.Report.Add(finding.Finding{
			Status: finding.Lost, Effect: finding.Breaks, Ingress: strings.TrimPrefix(u.GetAnnotations()[document.MigratedFrom], "Ingress/"),
			Message: u.GetKind() + " " + u.GetNamespace() + "/" + u.GetName() + " is not written, because the API server refuses it: " + problem,
		})
		return true
	})
}
