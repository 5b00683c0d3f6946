package migrate

import "slices"

// haproxyRows are the annotations of HAProxy Technologies' controller, from its page
// documentation/annotations.md (3.2).
func haproxyRows() []Row {
	return inOrder(slices.Concat(haproxyPolicies("ingress or service"), [][]Row{
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Exposes, Becomes: "Gateway API has no filter for it", Advice: "protect it by the data plane's own policy, then --accept it"},
			"allow-list", "auth-realm", "auth-secret", "auth-type", "blacklist", "client-ca", "client-crt-optional", "deny-list", "whitelist"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Exposes, Becomes: "snippets are text for HAProxy and are never interpreted", Advice: "write what it does as a filter or a policy, then --accept it"},
			"backend-config-snippet", "frontend-config-snippet", "global-config-snippet", "route-acl", "stats-config-snippet"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Holds: true, Becomes: "paths are not rewritten for it", Advice: "write a URLRewrite filter, then --accept it"},
			"path-rewrite", "set-host"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Becomes: "write it into the route as a filter or a listener"},
			"cookie-persistence", "cookie-persistence-no-dynamic", "request-redirect", "request-redirect-code", "server-ca", "server-crt", "server-proto", "server-ssl", "ssl-passthrough"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Differs, Becomes: "write it into the route as a filter, or into the data plane's own policy"},
			"cors-allow-credentials", "cors-allow-headers", "cors-allow-methods", "cors-allow-origin", "cors-enable", "cors-max-age", "cors-respond-to-options", "forwarded-for",
			"load-balance", "request-set-header", "response-set-header", "send-proxy-protocol", "src-ip-header", "ssl-certificate", "ssl-redirect", "ssl-redirect-code", "ssl-redirect-port", "standalone-backend", "tls-alpn"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: None, Becomes: "a setting of the data plane"},
			"check", "check-http", "check-interval", "cr-backend", "pod-maxconn", "quic-alt-svc-max-age", "quic-announce-port", "request-capture", "request-capture-len", "scale-server-slots", "server-slots", "timeout-check"),
	}))
}

// haproxyPolicies are the annotations of both controllers that become policies, and
// the timeouts and limits beside them.
func haproxyPolicies(scope string) [][]Row {
	return [][]Row{
		{{Name: "timeout-server", Scope: scope, Valid: HAProxyTime, Bad: BadDefault, Status: Approximated, Effect: Differs, Becomes: "TimeoutPolicy idle"}},
		{{Name: "timeout-connect", Scope: scope, Valid: HAProxyTime, Bad: BadDefault, Status: Converted, Becomes: "TimeoutPolicy connect"}},
		named(Row{Scope: scope, Valid: HAProxyTime, Bad: BadDefault, Status: Lost, Effect: Differs, Becomes: "no field of a TimeoutPolicy means it"},
			"timeout-client", "timeout-client-fin", "timeout-http-keep-alive", "timeout-http-request", "timeout-queue", "timeout-server-fin", "timeout-tunnel"),
		{{Name: "rate-limit-requests", Scope: scope, Valid: Int, Bad: BadDefault, Status: Approximated, Effect: Differs, Becomes: "RateLimitPolicy"}},
		{{Name: "rate-limit-period", Scope: scope, Valid: HAProxyTime, Bad: BadDefault, Status: Converted, Becomes: "it is in the limit"}},
		{{Name: "rate-limit-size", Scope: scope, Valid: Any, Bad: BadDefault, Status: Lost, Effect: None, Becomes: "how many clients are remembered is the data plane's own"}},
		{{Name: "rate-limit-status-code", Scope: scope, Valid: Int, Bad: BadDefault, Status: Lost, Effect: Differs, Becomes: "data planes refuse with 429; this controller with 403 unless it is stated"}},
		{{Name: "rate-limit-whitelist", Scope: scope, Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Becomes: "a RateLimitPolicy knows no exceptions: these clients are limited now", Advice: "give these clients a route of their own with mode: Disabled"}},
	}
}

// haproxyKeys are the keys of its ConfigMap: the annotations, and what is global.
func haproxyKeys() []Row {
	rows := haproxyRows()
	for i := range rows {
		rows[i].Scope = "global"
	}
	return inOrder([][]Row{
		rows,
		{{Name: "client-strict-sni", Scope: "global", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Exposes, Becomes: "handshakes for names without a certificate are a matter of the data plane"}},
		named(Row{Scope: "global", Valid: Any, Bad: BadDefault, Status: Lost, Effect: None, Becomes: "a setting of the data plane"},
			"clean-certs", "dontlognull", "generate-certificates-signer", "global-config-snippet-file", "hard-stop-after", "http-connection-mode", "http-keep-alive", "http-server-close", "log-format", "log-format-tcp", "logasap", "maxconn",
			"nbthread", "prometheus-endpoint-auth-realm", "prometheus-endpoint-auth-secret", "proxy-protocol", "syslog-server", "timeout-hard-stop")})
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

// haproxyConvert is what an annotation of HAProxy Technologies' controller comes to.
func haproxyConvert(_ *Old, s *settings, short string) *conversion {
	switch short {
	case "timeout-server":
		return timeoutOf("idle", s.text(short)).differing("HAProxy counts the backend's side only")
	case "timeout-connect":
		return timeoutOf("connect", s.text(short))
	case "rate-limit-requests":
		n, ok := positive(s.text(short))
		if !ok || n > mostRequests {
			return withoutEffect("it is no number of requests above 0")
		}
		per := "1s"
		if text := timeText(s.text("rate-limit-period")); text != "" {
			per = text
		}
		return limited(limitOf("per-period", int64(n), 0, per, "ClientIP")).differing("HAProxy counts in a window that slides")
	case "rate-limit-period":
		if !s.has("rate-limit-requests") {
			return withoutEffect("rate-limit-requests is not stated")
		}
	}
	return nil
}

func timeoutOf(field, text string) *conversion {
	if value := timeText(text); value != "" {
		return stating(TimeoutPolicy, field, value)
	}
	return &conversion{status: Lost, effect: Differs, text: "it is no time above 0"}
}

// haproxyWants are the timeouts of both controllers without annotations.
func haproxyWants(o *Old) wants {
	w := wants{}
	w.set(TimeoutPolicy, "request", "0s")
	for key, field := range map[string]string{"timeout-server": "idle", "timeout-connect": "connect"} {
		if text := timeText(o.config.value(key)); text != "" {
			w.set(TimeoutPolicy, field, text)
		}
	}
	return w
}

// haproxyIngressRows are the configuration keys of HAProxy Ingress, which are
// annotations, from its page docs/configuration/keys (0.15).
func haproxyIngressRows() []Row {
	return inOrder([][]Row{
		{{Name: "timeout-server", Scope: "ingress or service", Valid: HAProxyTime, Bad: BadDefault, Status: Approximated, Effect: Differs, Becomes: "TimeoutPolicy idle"}},
		{{Name: "timeout-connect", Scope: "ingress or service", Valid: HAProxyTime, Bad: BadDefault, Status: Converted, Becomes: "TimeoutPolicy connect"}},
		{{Name: "limit-rps", Scope: "ingress or service", Valid: Int, Bad: BadDefault, Status: Approximated, Effect: Differs, Becomes: "RateLimitPolicy"}},
		{{Name: "limit-connections", Scope: "ingress or service", Valid: Int, Bad: BadDefault, Status: Lost, Effect: Exposes, Becomes: "Gateway API has no limit of connections for each client", Advice: "limit connections by the data plane's own policy, then --accept limit-connections"}},
		{{Name: "limit-whitelist", Scope: "ingress or service", Valid: CIDRs, Bad: BadDefault, Status: Lost, Effect: Breaks, Becomes: "a RateLimitPolicy knows no exceptions: these clients are limited now"}},
		named(Row{Scope: "ingress or service", Valid: HAProxyTime, Bad: BadDefault, Status: Lost, Effect: Differs, Becomes: "no field of a TimeoutPolicy means it"},
			"timeout-client", "timeout-client-fin", "timeout-http-request", "timeout-keep-alive", "timeout-queue", "timeout-server-fin", "timeout-stop", "timeout-tunnel"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Exposes, Becomes: "Gateway API has no filter for it", Advice: "protect it by the data plane's own policy, then --accept it"},
			"allowlist-source-range", "allowlist-source-header", "auth-external-placement", "auth-headers-fail", "auth-headers-request", "auth-headers-succeed", "auth-log-format", "auth-method", "auth-proxy", "auth-realm",
			"auth-secret", "auth-signin", "auth-tls-*", "auth-type", "auth-url", "denylist-source-range", "oauth", "oauth-headers", "oauth-uri-prefix", "waf", "waf-mode", "whitelist-source-range"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Exposes, Becomes: "snippets are text for HAProxy and are never interpreted", Advice: "write what it does as a filter or a policy, then --accept it"},
			"config-*"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Holds: true, Becomes: "paths are not rewritten for it", Advice: "write a URLRewrite filter, then --accept it"},
			"app-root", "path-type", "path-type-order", "rewrite-target"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Becomes: "write it into the route as a filter, a match or a listener"},
			"affinity", "backend-protocol", "blue-green-*", "http-header-match", "http-header-match-regex", "proxy-body-size", "redirect-*", "secure-*", "server-alias", "server-alias-regex", "session-cookie-*", "ssl-passthrough", "ssl-passthrough-http-port"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Differs, Becomes: "write it into the route as a filter, or into the data plane's own policy"},
			"balance-algorithm", "cors-*", "forwardfor", "headers", "hsts*", "http-response-*", "original-forwarded-for-hdr", "proxy-protocol", "real-ip-hdr", "ssl-always-add-https", "ssl-always-follow-redirect",
			"ssl-cipher*", "ssl-fingerprint-*", "ssl-options-*", "ssl-redirect", "ssl-redirect-code", "tls-alpn", "use-forwarded-proto", "no-tls-redirect-locations"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: None, Becomes: "a setting of the data plane"},
			"acme-preferred-chain", "agent-check-*", "assign-backend-server-id", "backend-check-interval", "backend-server-naming", "backend-server-slots-increment", "cert-signer", "close-sessions-duration",
			"cross-namespace-*", "drain-support", "dynamic-scaling", "health-check-*", "initial-weight", "maxconn-server", "maxqueue-server", "service-upstream", "slots-min-free", "source-address-intf", "tcp-service-*", "use-resolver", "var-namespace"),
	})
}

// haproxyIngressConvert is what a key of HAProxy Ingress comes to.
func haproxyIngressConvert(_ *Old, s *settings, short string) *conversion {
	switch short {
	case "timeout-server":
		return timeoutOf("idle", s.text(short)).differing("HAProxy counts the backend's side only")
	case "timeout-connect":
		return timeoutOf("connect", s.text(short))
	case "limit-rps":
		n, ok := positive(s.text(short))
		if !ok || n > mostRequests {
			return withoutEffect("it is no number of requests above 0")
		}
		return limited(limitOf("", int64(n), 0, "1s", "ClientIP")).differing("HAProxy counts in a window that slides")
	}
	return nil
}

func haproxyIngressKeys() []Row {
	rows := haproxyIngressRows()
	for i := range rows {
		rows[i].Scope = "global"
	}
	return rows
}
