package verify

import (
	"strings"

	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/request"
)

// announcements are what the findings of a conversion said would differ (M76).
type announcements struct {
	// byIngress has the findings that are not converted, by Ingress and short name.
	byIngress map[string]map[string]*finding.Finding
	// byHost has statuses of findings about hosts, implicit names of implicit ones.
	byHost   map[string]map[finding.Status]bool
	implicit map[string]bool
	accepted map[string]bool
	held     map[string]bool
}

func readAnnouncements(report []finding.Finding) *announcements {
	a := &announcements{
		byIngress: map[string]map[string]*finding.Finding{}, byHost: map[string]map[finding.Status]bool{},
		implicit: map[string]bool{}, accepted: map[string]bool{}, held: map[string]bool{},
	}
	for i := range report {
		f := &report[i]
		f.Seal()
		if f.Implicit != "" && f.Effect != finding.None {
			a.implicit[strings.TrimPrefix(f.Implicit, "implicit/")] = true
		}
		if f.Host != "" {
			if a.byHost[f.Host] == nil {
				a.byHost[f.Host] = map[finding.Status]bool{}
			}
			a.byHost[f.Host][f.Status] = true
		}
		if f.Status == finding.Conflict {
			a.accepted[f.ID] = true
		}
		if f.Ingress != "" && f.Status != finding.Converted {
			if a.byIngress[f.Ingress] == nil {
				a.byIngress[f.Ingress] = map[string]*finding.Finding{}
			}
			a.byIngress[f.Ingress][f.Name()] = f
			a.held[f.Ingress] = a.held[f.Ingress] || f.Held
		}
	}
	return a
}

// accepts says whether the report knows of a conflict.
func (a *announcements) accepts(f finding.Finding) bool {
	f.Seal()
	return a.accepted[f.ID]
}

// says is whether a finding about one of some annotations of an Ingress is there.
func (a *announcements) says(ingress string, names ...string) bool {
	for _, name := range names {
		if a.byIngress[ingress][name] != nil {
			return true
		}
	}
	return false
}

// announced says which finding announces a difference. Each kind of difference is
// recognised by itself: a finding announces nothing else.
func (v *verifier) announced(host string, r *request.Request, old, answer *routing.Answer, l *routing.Location, fields []string) (string, bool) {
	a := v.announce
	if v.options.Report == nil {
		return "", false
	}
	if s := v.old.View.Find(host); s != nil && s.Host != routing.CatchAll {
		host = s.Host // an alias is spoken of by the host that it belongs to
	}
	about := a.byHost[host]
	switch {
	case about[finding.NoCertificate] || about[finding.Unbound] || about[finding.HostIncomplete]:
		return "findings about the host say so", true
	case about[finding.Fallthrough] && old.Status == 404:
		return "finding fallthrough", true
	case a.wildcard(host, r.Host):
		return "implicit/wildcards", true
	case l == nil:
		return v.plainly(r, old, answer, l)
	}
	ingress := v.old.Owners[l].Ingress.Place()
	switch {
	case a.held[ingress]:
		return "rules of Ingress " + ingress + " are held", true
	case a.says(ingress, string(finding.Unresolved)):
		return "finding unresolved", true
	case onlyRedirect(fields) && old.Code == answer.Code && strings.HasPrefix(old.Redirect, "https://") && old.Redirect+"/" == answer.Redirect &&
		(a.implicit["https-slash"] || a.says(ingress, "ssl-redirect", "force-ssl-redirect", "preserve-trailing-slash")):
		return "a final / is kept in redirects to https", true
	case onlyRedirect(fields) && old.Redirect == answer.Redirect && routing.RedirectCode(old.Code) == answer.Code && a.says(ingress, "permanent-redirect-code", "temporal-redirect-code"):
		return "the nearest status code", true
	case l.Action.Canary != nil && l.Action.Canary.Pattern != "" && len(fields) == 1 && fields[0] == routing.FieldBackends && v.canarySays(l):
		return "canary-by-header-pattern", true
	case l.Action.Canary != nil && len(fields) == 1 && fields[0] == routing.FieldBackends && about[finding.CanarySpread]:
		return "finding canary-spread", true
	case len(fields) == 1 && fields[0] == routing.FieldHost && a.says(ingress, "upstream-vhost"):
		return "upstream-vhost", true
	}
	return v.plainly(r, old, answer, l)
}

func onlyRedirect(fields []string) bool {
	return len(fields) == 1 && fields[0] == routing.FieldRedirect
}

// canarySays says whether a canary of the location has a finding about its pattern.
func (v *verifier) canarySays(*routing.Location) bool {
	for _, names := range v.announce.byIngress {
		if names["canary-by-header-pattern"] != nil {
			return true
		}
	}
	return false
}

// plainly recognises what plain matches do differently from the regular expressions
// that they stand for (M27).
func (v *verifier) plainly(r *request.Request, old, answer *routing.Answer, location *routing.Location) (string, bool) {
	s := v.old.View.Find(r.Host)
	if s == nil || !s.Regex {
		return "", false
	}
	plain, known := v.plain[s.Host]
	if !known {
		plain = s.PlainHost()
		v.plain[s.Host] = plain
	}
	if plain == nil {
		return "", false
	}
	said := false
	for _, g := range v.old.ByHost[s.Host] {
		said = said || v.announce.says(g.Place(), "rewrite-target", "use-regex")
	}
	wanted, l := plain.Answer(r)
	if len(routing.Differ(&wanted, answer)) == 0 && said && (l != location || len(routing.Differ(old, answer)) > 0) {
		return "plain matches of the regular expressions", true
	}
	if l != nil && v.announce.held[v.old.Owners[l].Ingress.Place()] {
		return "rules of Ingress " + v.old.Owners[l].Ingress.Place() + " are held", true
	}
	fields := routing.Differ(&wanted, answer)
	if said && onlyRedirect(fields) && wanted.Code == answer.Code && wanted.Redirect+"/" == answer.Redirect && strings.HasPrefix(answer.Redirect, "https://") {
		return "plain matches of the regular expressions, and a final / is kept in redirects to https", true
	}
	return "", false
}

// wildcard says whether a host is one that a wildcard takes on the new side only.
func (a *announcements) wildcard(host, concrete string) bool {
	return strings.HasPrefix(host, "*.") && strings.Count(concrete, ".") > strings.Count(host, ".") && a.implicit["wildcards"]
}

// policies says whether every difference is one of the defaults that the user left
// out.
func (a *announcements) policies(list []PolicyDifference) bool {
	for _, d := range list {
		if !d.fromDefaults || !a.implicit["defaults"] {
			return false
		}
	}
	return true
}
