package migrate

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// othersToHTTPS is the status code with which a controller other than ingress-nginx
// redirects http to https at a location; 0 when it does not (M20).
func (o *Old) othersToHTTPS(g *ingress, key locationKey, b *routing.Backend) int {
	s := g.set
	switch o.controller.name {
	case HAProxy:
		stated := cmp.Or(s.text("ssl-redirect"), o.config.value("ssl-redirect"))
		if isOn(stated) || stated == "" && len(g.tls) > 0 {
			return redirectCodeOf(cmp.Or(s.text("ssl-redirect-code"), o.config.value("ssl-redirect-code")))
		}
	case HAProxyIngress:
		stated := cmp.Or(s.text("ssl-redirect"), o.config.value("ssl-redirect"))
		if own := o.serviceSettings(b); own != nil {
			stated = cmp.Or(own.text("ssl-redirect"), stated)
		}
		if isOn(stated) && o.listsTLS(key.host) && !o.excepted(key.path) {
			return redirectCodeOf(o.config.value("ssl-redirect-code"))
		}
	case Kong:
		return kongToHTTPS(s)
	case ALB:
		if o.redirecting[albGroup(g)] {
			return 301
		}
	}
	return 0
}

// excepted says whether a path is never redirected to https.
func (o *Old) excepted(path string) bool {
	for prefix := range strings.SplitSeq(o.config.value("no-tls-redirect-locations"), ",") {
		if prefix = strings.TrimSpace(prefix); prefix != "" && strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// certificateOf is the Secret of the first tls entry of the oldest Ingress that
// lists a host (M37), and whether there is such an entry.
func (o *Old) certificateOf(host string) (types.NamespacedName, bool) {
	wildcard := ""
	if _, rest, ok := strings.Cut(host, "."); ok {
		wildcard = "*." + rest
	}
	for _, g := range o.listing[host] {
		for _, t := range g.tls {
			if slices.Contains(t.hosts, host) || slices.Contains(t.hosts, wildcard) {
				if t.secret == "" {
					return types.NamespacedName{}, true
				}
				return types.NamespacedName{Namespace: g.namespace, Name: t.secret}, true
			}
		}
	}
	return types.NamespacedName{}, false
}
