package preview

import (
	"encoding/json"
	"fmt"
	"iter"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/review"
)

// limited warns of values in the manifests that something else limits, each once, with the value
// that is in force on the first path.
func (p *places) limited() []Finding {
	if p.Remove {
		return nil
	}
	var findings []Finding
	for _, i := range p.edited() {
		ref := hierarchy.RefOf(p.Manifests[i].Object)
		if _, isPolicy := p.verdict.After.Policy(ref); isPolicy {
			findings = append(findings, p.limitedIn(ref, p.Manifests[i])...)
		}
	}
	return findings
}

func (p *places) limitedIn(ref hierarchy.Ref, m Manifest) []Finding {
	said := map[string]bool{}
	var findings []Finding
	for e := range p.after(ref) {
		for _, scope := range e.Scopes {
			for _, kind := range scope.Result.Kinds {
				for _, o := range kind.Origins {
					if o.From != ref || o.ClampedBy.IsZero() || said[o.Path.String()] {
						continue
					}
					said[o.Path.String()] = true
					f := findingAt(m, review.FieldOf(p.verdict.After, m.Object, o))
					f.Level, f.Rule = Warning, AdmissionRule
					f.Message = fmt.Sprintf("%s is limited to %s by %s", written(o.StatedText()), written(o.Value), o.ClampedBy)
					findings = append(findings, f)
				}
			}
		}
	}
	return findings
}

// after returns the effective policies that an object of the edit reaches, sorted: those of the
// verdict, unless it was reached without resolving any.
func (p *places) after(ref hierarchy.Ref) iter.Seq[*effective.Target] {
	targets := p.verdict.Targets()
	if len(targets) == 0 {
		return effective.Resolve(p.verdict.After, p.verdict.After.Touched(ref)...).All()
	}
	return func(yield func(*effective.Target) bool) {
		for _, target := range targets {
			if e := p.verdict.Target(target); e != nil && !yield(e) {
				return
			}
		}
	}
}

// written returns a value as written in a sentence: a string without quotes.
func written(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	encoded, err := json.Marshal(value)
	if err != nil { // cannot be: values came from JSON
		return err.Error()
	}
	return string(encoded)
}
