package migrate

import (
	"regexp"

	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// strictPath is what ingress-nginx takes as the path of Exact and Prefix where
// strict-validate-path-type is on.
func strictPath() *regexp.Regexp { return regexp.MustCompile(`^/[A-Za-z0-9._/-]*$`) }

// explainPathTypes says which Ingresses strict-validate-path-type would refuse when
// they are written again: the controller's webhook checks it, while the controller
// itself serves what exists already (M43).
func (c *explainer) explainPathTypes() {
	if !c.Old.Controller.Nginx || c.Old.Config.Value("strict-validate-path-type") != "true" {
		return
	}
	strict := strictPath()
	for _, g := range c.Old.Ingresses {
		if !g.Chosen {
			continue
		}
		c.Old.EachPath(g, func(key oldside.Key, p *ingress.Path, field string) {
			if (p.Kind == "Exact" || p.Kind == "Prefix") && p.Path != "" && !strict.MatchString(p.Path) {
				f := c.Report.About(g, finding.Advice, "%s %s: strict-validate-path-type refuses such a path with pathType %s when the Ingress is written; the controller serves it as it is there",
					routing.HostText(key.Host), key.Path, p.Kind)
				f.Line, f.Host, f.Effect = g.Object.LineOf(field), key.Host, finding.None
			}
		})
	}
}
