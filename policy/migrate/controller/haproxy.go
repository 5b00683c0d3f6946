package controller

import (
	"slices"

	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// haproxyRows are the annotations of HAProxy Technologies' controller, from its page
// documentation/annotations.md (3.2).
func haproxyRows() []Row {
	return inOrder(slices.Concat(haproxyPolicies("ingress or service"), [][]Row{
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no filter for it", Advice: "protect it by the data plane's own policy, then --accept it"},
			"allow-list", "auth-realm", "auth-secret", "auth-type", "blacklist", "client-ca", "client-crt-optional", "deny-list", "whitelist"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "snippets are text for HAProxy and are never interpreted", Advice: "write what it does as a filter or a policy, then --accept it"},
			"backend-config-snippet", "frontend-config-snippet", "global-config-snippet", "route-acl", "stats-config-snippet"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Holds: true, Becomes: "paths are not rewritten for it", Advice: "write a URLRewrite filter, then --accept it"},
			"path-rewrite", "set-host"),
		{{Name: "request-redirect", Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Holds: true, Becomes: "requests are not redirected to another host", Advice: "write a RequestRedirect filter, then --accept request-redirect"}},
		{{Name: "ssl-redirect", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Converted, Effect: finding.Exposes, Becomes: "RequestRedirect to https, 302; without it where the Ingress has tls", Key: "ssl-redirect"}},
		{{Name: "ssl-redirect-code", Scope: "ingress", Valid: Int, Bad: BadDefault, Status: finding.Converted, Effect: finding.Differs, Becomes: "the code of that redirect", Key: "ssl-redirect-code"}},
		{{Name: "ssl-redirect-port", Scope: "ingress", Valid: Int, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"443"}, Becomes: "redirects to https lead to port 443"}},
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"false"}, Becomes: "write a BackendTLSPolicy, or a listener that passes TLS on"},
			"server-ssl", "ssl-passthrough"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "write it into the route as a filter or a listener"},
			"cookie-persistence", "cookie-persistence-no-dynamic", "request-redirect-code", "server-ca", "server-crt", "server-proto"),
		{{Name: "forwarded-for", Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Off: []string{"true"}, Becomes: "who sets X-Forwarded-For is the data plane's own matter"}},
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Off: []string{"false"}, Becomes: "write it into the route as a filter, or into the data plane's own policy"},
			"cors-allow-credentials", "cors-enable", "cors-respond-to-options", "standalone-backend"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "write it into the route as a filter, or into the data plane's own policy"},
			"cors-allow-headers", "cors-allow-methods", "cors-allow-origin", "cors-max-age",
			"load-balance", "request-set-header", "response-set-header", "send-proxy-protocol", "src-ip-header", "ssl-certificate", "tls-alpn"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "a setting of the data plane"},
			"check", "check-http", "check-interval", "cr-backend", "pod-maxconn", "quic-alt-svc-max-age", "request-capture", "request-capture-len", "scale-server-slots", "timeout-check"),
	}))
}

// haproxyPolicies are the annotations of both controllers that become policies, and
// the timeouts and limits beside them.
func haproxyPolicies(scope string) [][]Row {
	return [][]Row{
		{{Name: "timeout-server", Scope: scope, Valid: HAProxyTime, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "TimeoutPolicy idle"}},
		{{Name: "timeout-connect", Scope: scope, Valid: HAProxyTime, Bad: BadDefault, Status: finding.Converted, Becomes: "TimeoutPolicy connect"}},
		named(Row{Scope: scope, Valid: HAProxyTime, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "no field of a TimeoutPolicy means it"},
			"timeout-client", "timeout-client-fin", "timeout-http-keep-alive", "timeout-http-request", "timeout-queue", "timeout-server-fin", "timeout-tunnel"),
		{{Name: "rate-limit-requests", Scope: scope, Valid: Int, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "RateLimitPolicy"}},
		{{Name: "rate-limit-period", Scope: scope, Valid: HAProxyTime, Bad: BadDefault, Status: finding.Converted, Becomes: "it is in the limit"}},
		{{Name: "rate-limit-size", Scope: scope, Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "how many clients are remembered is the data plane's own"}},
		{{Name: "rate-limit-status-code", Scope: scope, Valid: Int, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "data planes refuse with 429; this controller with 403 unless it is stated"}},
		{{Name: "rate-limit-whitelist", Scope: scope, Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "a RateLimitPolicy knows no exceptions: these clients are limited now", Advice: "give these clients a route of their own with mode: Disabled"}},
	}
}

// haproxyKeys are the keys of its ConfigMap: the annotations, and what is global.
func haproxyKeys() []Row {
	rows := globalRows(haproxyRows())
	return inOrder([][]Row{
		rows,
		{{Name: "client-strict-sni", Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "handshakes for names without a certificate are a matter of the data plane"}},
		named(Row{Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "a setting of the data plane"},
			"clean-certs", "dontlognull", "generate-certificates-signer", "hard-stop-after", "http-connection-mode", "http-keep-alive", "http-server-close", "log-format", "log-format-tcp", "logasap", "maxconn",
			"nbthread", "prometheus-endpoint-auth-secret", "proxy-protocol", "syslog-server")})
}

// globalRows are the rows of annotations as keys of the ConfigMap. A limit there applies to
// every Ingress, so it does not become a policy of one route.
func globalRows(rows []Row) []Row {
	for i := range rows {
		rows[i].Scope = "global"
		if rows[i].Becomes == statement.RateLimitPolicy {
			rows[i].Status, rows[i].Effect = finding.Lost, finding.Exposes
			rows[i].Becomes = "it limits every Ingress: state a RateLimitPolicy on the Gateway, then --accept " + rows[i].Name
		}
	}
	return rows
}

func haproxyDefaults(key string) string {
	switch key {
	case "timeout-server":
		return "50s"
	case "timeout-connect":
		return "5s"
	}
	return ""
}

// haproxyConvert is what becomes of an annotation of HAProxy Technologies' controller.
func haproxyConvert(_ *Input, s *ingress.Settings, short string) *Conversion {
	switch short {
	case "timeout-server":
		return timeoutOf("idle", s.Text(short)).differing("HAProxy counts the backend's side only")
	case "timeout-connect":
		return timeoutOf("connect", s.Text(short))
	case "rate-limit-requests":
		n, ok := ingress.Positive(s.Text(short))
		if !ok || n > statement.MostRequests {
			return withoutEffect("it is no number of requests above 0")
		}
		per := "1s"
		if text := timeText(s.Text("rate-limit-period")); text != "" {
			per = text
		}
		return limited(limitOf("per-period", int64(n), 0, per, "ClientIP")).differing("HAProxy counts in a window that slides")
	case "ssl-redirect", "ssl-redirect-code":
		return haproxyScheme(s, short)
	case "rate-limit-period":
		if !s.Has("rate-limit-requests") {
			return withoutEffect("rate-limit-requests is not stated")
		}
	}
	return nil
}

func timeoutOf(field, text string) *Conversion {
	if value := timeText(text); value != "" {
		return stating(statement.TimeoutPolicy, field, value)
	}
	return &Conversion{Status: finding.Lost, Effect: finding.Differs, Text: "it is no time above 0"}
}

// haproxyWants are the timeouts of both controllers without annotations.
func haproxyWants(in *Input) statement.Wants {
	w := statement.Wants{}
	w.Set(statement.TimeoutPolicy, "request", "0s")
	for key, field := range map[string]string{"timeout-server": "idle", "timeout-connect": "connect"} {
		if text := timeText(in.Config.Value(key)); text != "" {
			w.Set(statement.TimeoutPolicy, field, text)
		}
	}
	return w
}

// haproxyIngressRows are the configuration keys of HAProxy Ingress, which are
// annotations, from its page docs/configuration/keys (0.16).
func haproxyIngressRows() []Row {
	return inOrder([][]Row{
		{{Name: "timeout-server", Scope: "ingress or service", Valid: HAProxyTime, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "TimeoutPolicy idle"}},
		{{Name: "timeout-connect", Scope: "ingress or service", Valid: HAProxyTime, Bad: BadDefault, Status: finding.Converted, Becomes: "TimeoutPolicy connect"}},
		{{Name: "limit-rps", Scope: "ingress or service", Valid: Int, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "RateLimitPolicy"}},
		{{Name: "limit-connections", Scope: "ingress or service", Valid: Int, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no limit of connections for each client", Advice: "limit connections by the data plane's own policy, then --accept limit-connections"}},
		{{Name: "limit-whitelist", Scope: "ingress or service", Valid: CIDRs, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "a RateLimitPolicy knows no exceptions: these clients are limited now"}},
		named(Row{Scope: "ingress or service", Valid: HAProxyTime, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "no field of a TimeoutPolicy means it"},
			"timeout-http-request", "timeout-keep-alive", "timeout-queue", "timeout-server-fin", "timeout-tunnel"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no filter for it", Advice: "protect it by the data plane's own policy, then --accept it"},
			"allowlist-source-range", "allowlist-source-header", "auth-external-placement", "auth-headers-fail", "auth-headers-request", "auth-headers-succeed", "auth-method", "auth-realm",
			"auth-secret", "auth-signin", "auth-tls-*", "auth-type", "auth-url", "denylist-source-range", "oauth", "oauth-headers", "oauth-uri-prefix", "waf", "waf-mode", "whitelist-source-range"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "snippets are text for HAProxy and are never interpreted", Advice: "write what it does as a filter or a policy, then --accept it"},
			"config-*"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Holds: true, Becomes: "paths are not rewritten for it", Advice: "write a URLRewrite filter, then --accept it"},
			"app-root", "path-type", "rewrite-target"),
		{{Name: "redirect-to", Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Holds: true, Becomes: "requests are not redirected", Advice: "write a RequestRedirect filter, then --accept redirect-to"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "the host has no route", Advice: "write a route with a RequestRedirect filter"}, "redirect-from", "redirect-from-regex"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "requests without these headers are taken, too", Advice: "write header matches, then --accept it"}, "http-header-match", "http-header-match-regex"),
		{{Name: "ssl-redirect", Scope: "ingress or service", Valid: Bool, Bad: BadDefault, Status: finding.Converted, Effect: finding.Exposes, Becomes: "RequestRedirect to https, 302; without it where the host has tls", Key: "ssl-redirect"}},
		{{Name: "backend-protocol", Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"h1"}, Becomes: "write appProtocol of the Service, or a BackendTLSPolicy"}},
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"false"}, Becomes: "write a BackendTLSPolicy, or a listener that passes TLS on"},
			"secure-backends", "ssl-passthrough"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "write it into the route as a filter, a match or a listener"},
			"affinity", "blue-green-*", "fcgi-app", "proxy-body-size", "redirect-from-code", "redirect-to-code", "secure-*", "server-alias", "server-alias-regex", "session-cookie-*", "ssl-passthrough-http-port"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Off: []string{"false"}, Becomes: "write it into the route as a filter, or into the data plane's own policy"},
			"cors-*", "hsts*"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "write it into the route as a filter, or into the data plane's own policy"},
			"balance-algorithm", "headers", "http-response-*", "proxy-protocol", "ssl-always-add-https", "ssl-always-follow-redirect",
			"ssl-cipher*", "ssl-fingerprint-*", "ssl-options-*", "tls-alpn", "use-forwarded-proto", "use-proxy-protocol"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "a setting of the data plane"},
			"acme-preferred-chain", "agent-check-*", "assign-backend-server-id", "backend-check-interval", "backend-server-naming", "backend-server-slots-increment", "bind-*", "cert-signer",
			"dynamic-scaling", "fronting-proxy-port", "http-port", "https-port", "https-to-http-port", "peers-table", "health-check-*", "initial-weight", "maxconn-server", "maxqueue-server", "service-upstream", "slots-min-free", "source-address-intf", "tcp-service-*", "use-resolver", "var-namespace"),
	})
}

// haproxyIngressConvert is what becomes of a key of HAProxy Ingress.
func haproxyIngressConvert(_ *Input, s *ingress.Settings, short string) *Conversion {
	switch short {
	case "timeout-server":
		return timeoutOf("idle", s.Text(short)).differing("HAProxy counts the backend's side only")
	case "timeout-connect":
		return timeoutOf("connect", s.Text(short))
	case "ssl-redirect":
		return haproxyScheme(s, short)
	case "limit-rps":
		n, ok := ingress.Positive(s.Text(short))
		if !ok || n > statement.MostRequests {
			return withoutEffect("it is no number of requests above 0")
		}
		return limited(limitOf("", int64(n), 0, "1s", "ClientIP")).differing("HAProxy counts in a window that slides")
	}
	return nil
}

// haproxyIngressKeys are the keys of its ConfigMap: the annotations, and what is global.
func haproxyIngressKeys() []Row {
	rows := globalRows(haproxyIngressRows())
	return inOrder([][]Row{
		rows,
		{{Name: "no-tls-redirect-locations", Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Converted, Effect: finding.Breaks, Becomes: "paths that are not redirected to https"}},
		{{Name: "ssl-redirect-code", Scope: "global", Valid: Int, Bad: BadDefault, Status: finding.Converted, Effect: finding.Differs, Becomes: "the code of redirects to https"}},
		{{Name: "strict-host", Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Off: []string{"true"}, Becomes: "without it a path that its host lacks may be another host's; of routes it never is"}},
		named(Row{Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "a setting of the data plane", Advice: "protect it by the data plane's own policy, then --accept it"},
			"modsecurity-*", "stats-auth"),
		named(Row{Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "write a route for it, or a listener"},
			"default-backend-redirect", "default-backend-redirect-code", "no-redirect-locations", "path-type-order"),
		named(Row{Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "a setting of the data plane"},
			"forwardfor", "original-forwarded-for-hdr", "real-ip-hdr", "ssl-headers-prefix", "ssl-options", "timeout-client", "timeout-client-fin", "timeout-stop"),
		named(Row{Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "a setting of the data plane"},
			"acme-*", "auth-log-format", "auth-proxy", "close-sessions-duration", "cookie-key", "cpu-map", "cross-namespace-*", "dns-*", "drain-support", "drain-support-redispatch", "external-has-lua", "fcgi-enabled-apps", "groupname",
			"healthz-port", "http-log-format", "https-log-format", "load-server-state", "master-exit-on-failure", "max-connections", "nbproc-*", "nbthread", "peers-*", "prometheus-port", "ssl-dh-*", "ssl-engine", "ssl-mode-async",
			"stats-*", "syslog-*", "tcp-log-format", "use-chroot", "use-cpu-map", "use-haproxy-user", "use-htx", "username", "worker-max-reloads"),
	})
}

// haproxyIngressDefaults are the values of its keys that hold without a ConfigMap.
func haproxyIngressDefaults(key string) string {
	switch key {
	case "ssl-redirect":
		return "true"
	case "no-tls-redirect-locations":
		return "/.well-known/acme-challenge"
	}
	return haproxyDefaults(key)
}
