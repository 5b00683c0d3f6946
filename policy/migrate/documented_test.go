package migrate_test

import (
	"strings"
	"testing"

	"github.com/attache-dev/attache/policy/migrate"
)

// documented are the names in the documents of other controllers that name them in one
// table, as the document of the version that the table cites has them.
func documented() map[string]string {
	return map[string]string{
		migrate.HAProxy: `auth-type auth-secret auth-realm blacklist deny-list check check-http check-interval clean-certs client-ca client-crt-optional client-strict-sni
			generate-certificates-signer cors-enable cors-allow-origin cors-allow-methods cors-allow-credentials cors-allow-headers cors-max-age global-config-snippet
			frontend-config-snippet stats-config-snippet backend-config-snippet cookie-persistence cookie-persistence-no-dynamic dontlognull src-ip-header forwarded-for
			hard-stop-after http-connection-mode http-keep-alive http-server-close load-balance log-format log-format-tcp logasap maxconn nbthread path-rewrite pod-maxconn
			proxy-protocol quic-alt-svc-max-age rate-limit-period rate-limit-status-code rate-limit-requests rate-limit-size rate-limit-whitelist request-capture
			request-capture-len request-set-header request-redirect request-redirect-code response-set-header route-acl send-proxy-protocol server-ca server-crt server-proto
			server-ssl set-host scale-server-slots ssl-certificate ssl-passthrough ssl-redirect ssl-redirect-code ssl-redirect-port syslog-server standalone-backend
			timeout-check timeout-client timeout-client-fin timeout-connect timeout-http-request timeout-http-keep-alive timeout-queue timeout-server timeout-server-fin
			timeout-tunnel whitelist allow-list tls-alpn`,
		migrate.ALB: `load-balancer-name group.name group.order tags ip-address-type scheme subnets security-groups customer-owned-ipv4-pool load-balancer-attributes
			wafv2-acl-arn waf-acl-id shield-advanced-protection listen-ports ssl-redirect inbound-cidrs certificate-arn ssl-policy target-type backend-protocol
			backend-protocol-version target-group-attributes healthcheck-port healthcheck-protocol healthcheck-path healthcheck-interval-seconds healthcheck-timeout-seconds
			healthy-threshold-count unhealthy-threshold-count success-codes auth-type auth-idp-cognito auth-idp-oidc auth-on-unauthenticated-request auth-scope
			auth-session-cookie auth-session-timeout actions.redirect conditions.rule target-node-labels`,
		migrate.Kong: `plugins protocols preserve-host strip-path https-redirect-status-code regex-priority regex-prefix methods snis request-buffering response-buffering
			host-aliases override path-handling headers.x-team rewrite protocol path host-header client-cert upstream-policy connect-timeout read-timeout write-timeout retries`,
	}
}

// TestDocumentedNamesHaveARow: what a controller's own document names is never unknown,
// and each table says which document it is from (M41).
func TestDocumentedNamesHaveARow(t *testing.T) {
	for controller, names := range documented() {
		table := migrate.Tables(controller)[0]
		for name := range strings.FieldsSeq(names) {
			known := false
			for _, rows := range [][]migrate.Row{table.Annotations, table.Keys} {
				for i := range rows {
					_, short, _ := strings.Cut(rows[i].Name, "/")
					stem, many := strings.CutSuffix(short, "*")
					known = known || short == name || rows[i].Name == name || many && strings.HasPrefix(name, stem)
				}
			}
			if !known {
				t.Errorf("%s has no row for %s", controller, name)
			}
		}
	}
	for _, table := range migrate.Tables("") {
		if table.Source == "" {
			t.Errorf("%s does not say where its names are from", table.Controller)
		}
	}
}
