package migrate

import (
	"regexp"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// strictPath is what ingress-nginx takes as the path of Exact and Prefix where
// strict-validate-path-type is on.
func strictPath() *regexp.Regexp { return regexp.MustCompile(`^/[A-Za-z0-9._/-]*$`) }

// explainPathTypes says which Ingresses strict-validate-path-type would refuse when
// they are written anew: the admission of the controller asks it, the controller
// itself serves what is there (M43).
func (c *explainer) explainPathTypes() {
	if !c.old.controller.nginx || c.old.config.value("strict-validate-path-type") != "true" {
		return
	}
	strict := strictPath()
	for _, g := range c.old.ingresses {
		if !g.chosen {
			continue
		}
		c.old.eachPath(g, func(key locationKey, p *ingressPath, field string) {
			if (p.kind == "Exact" || p.kind == "Prefix") && p.path != "" && !strict.MatchString(p.path) {
				f := c.report.about(g, Advice, "%s %s: strict-validate-path-type refuses such a path with pathType %s when the Ingress is written; the controller serves it as it is there",
					routing.HostText(key.host), key.path, p.kind)
				f.Line, f.Host, f.Effect = g.object.line(field), key.host, None
			}
		})
	}
}
