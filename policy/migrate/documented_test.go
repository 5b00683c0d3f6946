package migrate_test

import (
	"strings"
	"testing"

	"github.com/attache-dev/attache/policy/migrate/controller"
)

// documented are the names in the documents of other controllers that name them in one
// table, as the document of the version that the table cites has them.
func documented() map[string]string {
	return map[string]string{
		controller.HAProxy: `auth-type auth-secret auth-realm blacklist deny-list check check-http check-interval clean-certs client-ca client-crt-optional client-strict-sni
			generate-certificates-signer cors-enable cors-allow-origin cors-allow-methods cors-allow-credentials cors-allow-headers cors-max-age global-config-snippet
			frontend-config-snippet stats-config-snippet backend-config-snippet cookie-persistence cookie-persistence-no-dynamic dontlognull src-ip-header forwarded-for
			hard-stop-after http-connection-mode http-keep-alive http-server-close load-balance log-format log-format-tcp logasap maxconn nbthread path-rewrite pod-maxconn
			proxy-protocol quic-alt-svc-max-age rate-limit-period rate-limit-status-code rate-limit-requests rate-limit-size rate-limit-whitelist request-capture
			request-capture-len request-set-header request-redirect request-redirect-code response-set-header route-acl send-proxy-protocol server-ca server-crt server-proto
			server-ssl set-host scale-server-slots ssl-certificate ssl-passthrough ssl-redirect ssl-redirect-code ssl-redirect-port syslog-server standalone-backend
			timeout-check timeout-client timeout-client-fin timeout-connect timeout-http-request timeout-http-keep-alive timeout-queue timeout-server timeout-server-fin
			timeout-tunnel whitelist allow-list tls-alpn`,
		controller.ALB: `load-balancer-name group.name group.order tags ip-address-type scheme subnets security-groups customer-owned-ipv4-pool load-balancer-attributes
			wafv2-acl-arn wafv2-acl-name waf-acl-id web-acl-id shield-advanced-protection listen-ports ssl-redirect inbound-cidrs certificate-arn ssl-policy target-type
			backend-protocol backend-protocol-version target-group-attributes healthcheck-port healthcheck-protocol healthcheck-path healthcheck-interval-seconds
			healthcheck-timeout-seconds healthy-threshold-count unhealthy-threshold-count success-codes auth-type auth-idp-cognito auth-idp-oidc
			auth-on-unauthenticated-request auth-scope auth-session-cookie auth-session-timeout jwt-validation actions.redirect conditions.rule transforms.rule
			target-node-labels manage-backend-security-group-rules mutual-authentication security-group-prefix-lists listener-attributes.HTTPS-443
			multi-cluster-target-group minimum-load-balancer-capacity ipam-ipv4-pool-id enable-frontend-nlb frontend-nlb-scheme frontend-nlb-subnets
			frontend-nlb-security-groups frontend-nlb-listener-port-mapping frontend-nlb-eip-allocations frontend-nlb-healthcheck-port frontend-nlb-attributes
			frontend-nlb-tags use-regex-path-match target-control-port.svc.80 create-acm-cert acm-pca-arn dry-run-plan`,
		controller.Kong: `plugins protocols preserve-host strip-path force-ssl-redirect https-redirect-status-code regex-priority regex-prefix methods snis request-buffering
			response-buffering host-aliases override path-handling headers.x-team headers-separator rewrite tags protocol path host-header client-cert service-upstream
			upstream-policy connect-timeout read-timeout write-timeout retries tls-verify tls-verify-depth ca-certificates ca-certificates-secret ca-certificates-configmap`,
		controller.Traefik: `router.entrypoints router.middlewares router.priority router.rulesyntax router.pathmatcher router.tls router.tls.certresolver
			router.tls.domains.0.main router.tls.domains.0.sans router.tls.options router.observability.accesslogs router.observability.metrics router.observability.tracing
			service.middlewares service.nativelb service.nodeportlb service.serversscheme service.serverstransport service.passhostheader service.sticky.cookie
			service.sticky.cookie.name service.sticky.cookie.secure service.sticky.cookie.samesite service.sticky.cookie.httponly service.sticky.cookie.maxage
			service.sticky.cookie.path service.sticky.cookie.domain`,
		controller.HAProxyIngress: `acme-emails acme-endpoint acme-expiring acme-preferred-chain acme-shared acme-terms-agreed affinity agent-check-addr agent-check-interval
			agent-check-port agent-check-send allowlist-source-range allowlist-source-header app-root assign-backend-server-id auth-external-placement auth-headers-fail
			auth-headers-request auth-headers-succeed auth-log-format auth-method auth-proxy auth-realm auth-secret auth-signin auth-tls-cert-header auth-tls-error-page
			auth-tls-secret auth-tls-strict auth-tls-verify-client auth-url backend-check-interval backend-protocol backend-server-naming backend-server-slots-increment
			balance-algorithm bind-fronting-proxy bind-http bind-https bind-ip-addr-healthz bind-ip-addr-http bind-ip-addr-prometheus bind-ip-addr-stats bind-ip-addr-tcp
			blue-green-balance blue-green-cookie blue-green-deploy blue-green-header blue-green-mode cert-signer close-sessions-duration config-backend config-defaults
			config-frontend config-frontend-early config-frontend-late config-global config-peers config-proxy config-sections config-tcp config-tcp-service cookie-key
			cors-allow-credentials cors-allow-headers cors-allow-methods cors-allow-origin cors-allow-origin-regex cors-enable cors-expose-headers cors-max-age cpu-map
			cross-namespace-secrets-ca cross-namespace-secrets-crt cross-namespace-secrets-passwd cross-namespace-services default-backend-redirect
			default-backend-redirect-code denylist-source-range dns-accepted-payload-size dns-cluster-domain dns-hold-obsolete dns-hold-valid dns-resolvers
			dns-timeout-retry drain-support drain-support-redispatch dynamic-scaling external-has-lua fcgi-app fcgi-enabled-apps forwardfor fronting-proxy-port groupname
			headers health-check-addr health-check-fall-count health-check-interval health-check-port health-check-rise-count health-check-uri healthz-port hsts
			hsts-include-subdomains hsts-max-age hsts-preload http-header-match http-header-match-regex http-log-format http-port http-response-404
			http-response-prometheus-root https-log-format https-port https-to-http-port initial-weight limit-connections limit-rps limit-whitelist load-server-state
			master-exit-on-failure max-connections maxconn-server maxqueue-server modsecurity-args modsecurity-endpoints modsecurity-timeout-hello modsecurity-timeout-idle
			modsecurity-timeout-processing modsecurity-use-coraza nbproc-ssl nbthread no-redirect-locations no-tls-redirect-locations oauth oauth-headers oauth-uri-prefix
			original-forwarded-for-hdr path-type path-type-order peers-name peers-port peers-table peers-table-global prometheus-port proxy-body-size proxy-protocol
			real-ip-hdr redirect-from redirect-from-code redirect-from-regex redirect-to redirect-to-code rewrite-target secure-backends secure-crt-secret secure-sni
			secure-verify-ca-secret secure-verify-hostname server-alias server-alias-regex service-upstream session-cookie-domain session-cookie-dynamic
			session-cookie-keywords session-cookie-name session-cookie-preserve session-cookie-same-site session-cookie-shared session-cookie-strategy
			session-cookie-value-strategy slots-min-free source-address-intf ssl-always-add-https ssl-always-follow-redirect ssl-cipher-suites ssl-cipher-suites-backend
			ssl-ciphers ssl-ciphers-backend ssl-dh-default-max-size ssl-dh-param ssl-engine ssl-fingerprint-lower ssl-fingerprint-sha2-bits ssl-headers-prefix ssl-mode-async
			ssl-options ssl-options-backend ssl-options-host ssl-passthrough ssl-passthrough-http-port ssl-redirect ssl-redirect-code stats-auth stats-port
			stats-proxy-protocol stats-ssl-cert strict-host syslog-endpoint syslog-format syslog-length syslog-tag tcp-log-format tcp-service-log-format tcp-service-port
			tcp-service-proxy-protocol timeout-client timeout-client-fin timeout-connect timeout-http-request timeout-keep-alive timeout-queue timeout-server
			timeout-server-fin timeout-stop timeout-tunnel tls-alpn use-chroot use-cpu-map use-forwarded-proto use-haproxy-user use-htx use-proxy-protocol use-resolver
			username var-namespace waf waf-mode whitelist-source-range worker-max-reloads`,
	}
}

// undocumented are rows that the documents do not name, with where the name is from.
func undocumented() map[string]string {
	return map[string]string{
		controller.HAProxyIngress + " auth-type":                "the page of v0.12",
		controller.HAProxy + " cors-respond-to-options":         "its source, pkg/annotations/ingress",
		controller.HAProxy + " cr-backend":                      "documentation/custom-resources.md",
		controller.HAProxy + " prometheus-endpoint-auth-secret": "documentation/prometheus.md",
	}
}

// shortOf is the name of a row as documents have it: the stem of one that ends in "*".
func shortOf(row *controller.Row) (name string, many bool) {
	return strings.CutSuffix(row.Name[strings.LastIndexByte(row.Name, '/')+1:], "*")
}

// TestRowsAreDocumented: every name in a table is in the controller's own document, or the table
// says where else it comes from (M41).
func TestRowsAreDocumented(t *testing.T) {
	for which, names := range documented() {
		table := controller.Tables(which)[0]
		for _, rows := range [][]controller.Row{table.Annotations, table.Keys} {
			for i := range rows {
				short, many := shortOf(&rows[i])
				known := undocumented()[which+" "+short] != ""
				for name := range strings.FieldsSeq(names) {
					known = known || name == short || many && strings.HasPrefix(name, short)
				}
				if !known {
					t.Errorf("%s: nobody documents %s", which, short)
				}
			}
		}
	}
}

// TestDocumentedNamesHaveARow: a name in a controller's own document is never unknown, and each
// table says which document it is from (M41).
func TestDocumentedNamesHaveARow(t *testing.T) {
	for which, names := range documented() {
		table := controller.Tables(which)[0]
		for name := range strings.FieldsSeq(names) {
			known := false
			for _, rows := range [][]controller.Row{table.Annotations, table.Keys} {
				for i := range rows {
					short, many := shortOf(&rows[i])
					known = known || short == name || many && strings.HasPrefix(name, short)
				}
			}
			if !known {
				t.Errorf("%s has no row for %s", which, name)
			}
		}
	}
	for _, table := range controller.Tables("") {
		if table.Source == "" {
			t.Errorf("%s does not say where its names are from", table.Controller)
		}
	}
}
