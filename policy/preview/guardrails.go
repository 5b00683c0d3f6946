package preview

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Variables that only exist for the edit of one object, and variables that only exist when the
// author is known.
const (
	oneObject = guardrail.Object | guardrail.OldObject | guardrail.Operation
	byWhom    = guardrail.User
)

// guardrails compiles the guardrails that are in force after the change: those of the world and,
// before these, those of the change itself, with the answer of an API server to the latter.
func (c *Change) guardrails(ctx context.Context, compilers guardrail.Compilers) ([]*guardrail.Guardrail, []Finding, error) {
	inForce := map[string]*guardrail.Guardrail{}
	var findings []Finding
	for _, u := range c.Guardrails {
		g, _ := guardrail.Parse(u, compilers)
		if g.Broken != "" {
			findings = append(findings, Finding{
				Level: Note, Rule: BrokenRule, Object: hierarchy.RefOf(u).String(),
				Message: "checks nothing, because it does not compile: " + g.Broken,
			})
		}
		inForce[g.Name] = g
	}
	for _, u := range c.Pruned {
		if IsGuardrail(u) {
			delete(inForce, u.GetName())
		}
	}
	for i, d := range c.Manifests {
		if !IsGuardrail(d.Object) {
			continue
		}
		if c.Remove {
			delete(inForce, d.Object.GetName())
			continue
		}
		g, problems, err := guardrail.Examine(ctx, c.Old[i], d.Object, compilers)
		if err != nil {
			return nil, nil, err
		}
		for _, p := range problems {
			findings = append(findings, guardrailFinding(d, p))
		}
		inForce[g.Name] = g
		if !c.Remove && c.Old[i] == nil {
			found, err := c.foundBy(ctx, g, d)
			if err != nil {
				return nil, nil, err
			}
			findings = append(findings, found...)
		}
	}
	var guardrails []*guardrail.Guardrail
	for _, name := range slices.Sorted(maps.Keys(inForce)) {
		guardrails = append(guardrails, inForce[name])
	}
	return guardrail.At(guardrails, c.Now), append(findings, c.endingSoon(guardrails)...), nil
}

// endingSoon adds notes about exceptions that are in force and end soon.
func (c *Change) endingSoon(guardrails []*guardrail.Guardrail) []Finding {
	var findings []Finding
	for _, g := range guardrails {
		for _, e := range g.Exceptions {
			if e.EndsSoon(c.Now) {
				findings = append(findings, Finding{
					Level: Note, Rule: GuardrailRule(g.Name), Guardrail: g.Name, Object: "PolicyGuardrail " + g.Name,
					Message: fmt.Sprintf("exception %s ends %s (%s)%s", e.Name, e.Until.Format(time.RFC3339), e.Reason, atItsEnd(g)),
				})
			}
		}
	}
	return findings
}

// atItsEnd returns what happens to the values that an exception of a guardrail covered.
func atItsEnd(g *guardrail.Guardrail) string {
	if g.Withholds && g.Enforcement == guardrail.Deny {
		return ", and what it covered is withheld then"
	}
	return ""
}

// foundBy returns what a new guardrail objects to in the existing world: this may stay, but the
// author of the guardrail should know.
func (c *Change) foundBy(ctx context.Context, g *guardrail.Guardrail, d Manifest) ([]Finding, error) {
	evaluator := evaluate.Of(c.Before, guardrail.At([]*guardrail.Guardrail{g}, c.Now), c.Enforced)
	var first *evaluate.Violation
	paths, all := 0, 0
	for e := range effective.ResolveAll(c.Before).All() {
		found, err := evaluator.Existing(ctx, e)
		if err != nil {
			return nil, err
		}
		for _, reach := range e.Reaches {
			if c.Before.IsRoute(e.Target.GroupKind) {
				all += reach.Paths
			}
		}
		for i := range found {
			paths += found[i].Paths
			if first == nil {
				first = &found[i]
			}
		}
	}
	if first == nil {
		return nil, nil
	}
	verb := "violate"
	if paths == 1 {
		verb = "violates"
	}
	f := findingAt(d, "")
	f.Level, f.Rule, f.Guardrail, f.Paths = Note, GuardrailRule(g.Name), g.Name, paths
	f.Message = fmt.Sprintf("%d of %s %s it now, first %s", paths, prose.Count(all, "path"), verb, first)
	return []Finding{f}, nil
}

// guardrailFinding returns a problem of a guardrail with its position in the file.
func guardrailFinding(d Manifest, p guardrail.Problem) Finding {
	f := findingAt(d, p.Field)
	f.Level, f.Rule, f.Message = Denied, BrokenRule, p.Text()
	if p.Warning {
		f.Level = Warning
	}
	if strings.Contains(textAt(d.Object, p.Field), "\n") { // a block of text begins below its key
		f.Line += p.Line
	}
	return f
}

// textAt returns the text of a field such as spec.rego or spec.cel[2].expression.
func textAt(u *unstructured.Unstructured, field string) string {
	var value any = u.Object
	for _, step := range strings.FieldsFunc(field, func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i := 0
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(v) {
				return ""
			}
			value = v[i]
		}
	}
	text, _ := value.(string)
	return text
}

// part returns guardrails with only the rules that a test picks. Guardrails
// without any are left out.
func part(guardrails []*guardrail.Guardrail, pick func(guardrail.Variables) bool) []*guardrail.Guardrail {
	var list []*guardrail.Guardrail
	for _, g := range guardrails {
		rules := slices.DeleteFunc(slices.Clone(g.Rules), func(r guardrail.Rule) bool { return !pick(r.Uses()) })
		if len(rules) > 0 {
			some := *g
			some.Rules = rules
			list = append(list, &some)
		}
	}
	return list
}
