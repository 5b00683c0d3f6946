package oldside

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// othersToHTTPS is the status code with which a controller other than ingress-nginx
// redirects http to https at a location; 0 when it does not (M20).
func (o *Side) othersToHTTPS(g *ingress.Ingress, key Key, b *routing.Backend) int {
	s := g.Settings
	switch o.Controller.Name {
	case controller.HAProxy:
		stated := cmp.Or(s.Text("ssl-redirect"), o.Config.Value("ssl-redirect"))
		if controller.IsOn(stated) || stated == "" && len(g.TLS) > 0 {
			return controller.RedirectCode(cmp.Or(s.Text("ssl-redirect-code"), o.Config.Value("ssl-redirect-code")))
		}
	case controller.HAProxyIngress:
		stated := cmp.Or(s.Text("ssl-redirect"), o.Config.Value("ssl-redirect"))
		if own := o.ServiceSettings(b); own != nil {
			stated = cmp.Or(own.Text("ssl-redirect"), stated)
		}
		if controller.IsOn(stated) && o.listsTLS(key.Host) && !o.excepted(key.Path) {
			return controller.RedirectCode(o.Config.Value("ssl-redirect-code"))
		}
	case controller.Kong:
		return controller.KongToHTTPS(s)
	case controller.ALB:
		if o.redirecting[controller.ALBGroup(g)] {
			return 301
		}
	}
	return 0
}

// excepted says whether a path is never redirected to https.
func (o *Side) excepted(path string) bool {
	for prefix := range strings.SplitSeq(o.Config.Value("no-tls-redirect-locations"), ",") {
		if prefix = strings.TrimSpace(prefix); prefix != "" && strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// CertificateOf is the Secret of the first tls entry of the oldest Ingress that
// lists a host (M37), and whether there is such an entry.
func (o *Side) CertificateOf(host string) (types.NamespacedName, bool) {
	wildcard := ""
	if _, rest, ok := strings.Cut(host, "."); ok {
		wildcard = "*." + rest
	}
	for _, g := range o.ByHost[host] {
		for _, t := range g.TLS {
			if slices.Contains(t.Hosts, host) || slices.Contains(t.Hosts, wildcard) {
				if t.Secret == "" {
					return types.NamespacedName{}, true
				}
				return types.NamespacedName{Namespace: g.Namespace, Name: t.Secret}, true
			}
		}
	}
	return types.NamespacedName{}, false
}
