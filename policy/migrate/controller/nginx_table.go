package controller

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/finding"
)

// nginxAnnotations are the names that parsers of ingress-nginx v1.15 read: 136 and two
// aliases. Values and what bad ones do are from the parsers in
// internal/ingress/annotations at controller-v1.15.1, defaults from
// internal/ingress/controller/config/config.go.
func nginxAnnotations() []Row {
	return inOrder(slices.Concat(nginxKept(), nginxProtections(), nginxLost()))
}

// named are rows that differ in their names alone.
func named(row Row, names ...string) []Row {
	rows := make([]Row, len(names))
	for i, name := range names {
		rows[i] = row
		rows[i].Name = name
	}
	return rows
}

// inOrder are the rows of a table in the order of their names.
func inOrder(groups [][]Row) []Row {
	rows := slices.Concat(groups...)
	slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	return rows
}

// nginxKept are the annotations for which something is written, even if it is not quite the same.
func nginxKept() [][]Row {
	return [][]Row{
		{{Name: "app-root", Scope: "location", Valid: Path, Bad: BadDefault, Status: finding.Converted, Effect: finding.Breaks, Becomes: "RequestRedirect of / with 302"}},
		{{Name: "backend-protocol", Scope: "location", Valid: Protocol, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Breaks, Becomes: "a GRPCRoute, or appProtocol of the Service"}},
		{{Name: "canary", Scope: "upstream", Valid: Bool, Bad: BadDefault, Status: finding.Converted, Effect: finding.Breaks, Becomes: "backendRefs with weights, and rules with header matches"}},
		{{Name: "canary-by-cookie", Scope: "upstream", Valid: Header, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "a rule with a match of the header Cookie"}},
		named(Row{Scope: "upstream", Valid: Header, Bad: BadDefault, Status: finding.Converted, Effect: finding.Differs, Becomes: "a rule with a header match"},
			"canary-by-header", "canary-by-header-value",
		),
		{{Name: "canary-by-header-pattern", Scope: "upstream", Valid: Any, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "a rule with a header match by regular expression"}},
		named(Row{Scope: "upstream", Valid: Int, Bad: BadDefault, Status: finding.Converted, Effect: finding.Differs, Becomes: "weights of backendRefs"},
			"canary-weight", "canary-weight-total",
		),
		named(Row{Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Converted, Effect: finding.Breaks, Becomes: "the CORS filter"},
			"cors-allow-credentials", "enable-cors",
		),
		named(Row{Scope: "location", Valid: Headers, Bad: BadDefault, Status: finding.Converted, Effect: finding.Breaks, Becomes: "the CORS filter"},
			"cors-allow-headers", "cors-allow-methods", "cors-expose-headers",
		),
		{{Name: "cors-allow-origin", Scope: "location", Valid: Any, Bad: BadDefault, Status: finding.Converted, Effect: finding.Breaks, Becomes: "the CORS filter"}},
		{{Name: "cors-max-age", Scope: "location", Valid: Int, Bad: BadDefault, Status: finding.Converted, Effect: finding.Differs, Becomes: "the CORS filter"}},
		{{Name: "custom-headers", Scope: "location", Valid: Basic, Bad: BadDefault, Status: finding.Converted, Effect: finding.Differs, Becomes: "ResponseHeaderModifier from the ConfigMap that it names"}},
		{{Name: "force-ssl-redirect", Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Converted, Effect: finding.Differs, Becomes: "RequestRedirect to https", Key: "force-ssl-redirect"}},
		{{Name: "from-to-www-redirect", Scope: "server", Valid: Bool, Bad: BadRefuse, Status: finding.Converted, Effect: finding.Breaks, Becomes: "a route of the other name with RequestRedirect"}},
		{{Name: "limit-burst-multiplier", Scope: "location", Valid: Int, Bad: BadDefault, Status: finding.Converted, Effect: finding.Exposes, Becomes: "RateLimitPolicy burst"}},
		{{Name: "limit-rpm", Scope: "location", Valid: Int, Bad: BadRefuse, Status: finding.Converted, Effect: finding.Exposes, Becomes: "RateLimitPolicy limits.per-minute"}},
		{{Name: "limit-rps", Scope: "location", Valid: Int, Bad: BadRefuse, Status: finding.Converted, Effect: finding.Exposes, Becomes: "RateLimitPolicy requestsPerSecond and burst"}},
		{{Name: "mirror-target", Scope: "location", Valid: URLVar, Bad: BadDefault, Status: finding.Approximated, Effect: finding.None, Becomes: "RequestMirror where the target is a Service"}},
		named(Row{Scope: "location", Valid: URL, Bad: BadRefuse, Status: finding.Converted, Effect: finding.Breaks, Becomes: "RequestRedirect"},
			"permanent-redirect", "temporal-redirect",
		),
		named(Row{Scope: "location", Valid: Int, Bad: BadRefuse, Status: finding.Converted, Effect: finding.Differs, Becomes: "RequestRedirect statusCode"},
			"permanent-redirect-code", "temporal-redirect-code",
		),
		{{Name: "preserve-trailing-slash", Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "RequestRedirect, which keeps the path", Key: "preserve-trailing-slash"}},
		{{Name: "proxy-connect-timeout", Scope: "location", Valid: Int, Bad: BadDefault, Status: finding.Converted, Becomes: "TimeoutPolicy connect", Key: "proxy-connect-timeout"}},
		{{Name: "proxy-next-upstream", Scope: "location", Valid: Upstream, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "RetryPolicy retryOn", Key: "proxy-next-upstream"}},
		{{Name: "proxy-next-upstream-tries", Scope: "location", Valid: Int, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "RetryPolicy maxRetries", Key: "proxy-next-upstream-tries"}},
		{{Name: "proxy-read-timeout", Scope: "location", Valid: Int, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "TimeoutPolicy idle", Key: "proxy-read-timeout"}},
		{{Name: "proxy-send-timeout", Scope: "location", Valid: Int, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "TimeoutPolicy idle", Key: "proxy-send-timeout"}},
		named(Row{Scope: "location", Valid: Basic, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "a BackendTLSPolicy, with proxy-ssl-verify on"},
			"proxy-ssl-name", "proxy-ssl-secret",
		),
		named(Row{Scope: "location", Valid: OnOff, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "a BackendTLSPolicy, with proxy-ssl-verify on"},
			"proxy-ssl-server-name", "proxy-ssl-verify",
		),
		{{Name: "relative-redirects", Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "RequestRedirect, which is absolute"}},
		{{Name: "rewrite-target", Scope: "location", Valid: PathGroup, Bad: BadDefault, Status: finding.Converted, Effect: finding.Breaks, Becomes: "URLRewrite path"}},
		{{Name: "server-alias", Scope: "server", Valid: Names, Bad: BadRefuse, Status: finding.Converted, Effect: finding.Breaks, Becomes: "more hostnames of the route"}},
		{{Name: "ssl-passthrough", Scope: "server", Valid: Bool, Bad: BadRefuse, Status: finding.Approximated, Effect: finding.Breaks, Becomes: "a TLSRoute, for the location /"}},
		{{Name: "ssl-redirect", Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Converted, Effect: finding.Differs, Becomes: "RequestRedirect to https", Key: "ssl-redirect"}},
		{{Name: "upstream-vhost", Scope: "location", Valid: Basic, Bad: BadRefuse, Status: finding.Converted, Effect: finding.Differs, Becomes: "URLRewrite hostname"}},
		{{Name: "use-port-in-redirects", Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "RequestRedirect, which names the port of the listener", Key: "use-port-in-redirects"}},
		{{Name: "use-regex", Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Converted, Effect: finding.Breaks, Becomes: "matches: plain ones where they are equal, else RegularExpression"}},
		{{Name: "x-forwarded-prefix", Scope: "location", Valid: Basic, Bad: BadRefuse, Status: finding.Converted, Effect: finding.Differs, Becomes: "RequestHeaderModifier"}},
	}
}

// nginxProtections are the annotations that protect and are lost.
func nginxProtections() [][]Row {
	return [][]Row{
		named(Row{Scope: "location", Valid: CIDRs, Bad: BadDeny, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no filter by the client's address", Advice: "restrict the addresses by the data plane's own policy, then --accept it"},
			"allowlist-source-range", "denylist-source-range", "whitelist-source-range",
		),
		named(Row{Scope: "location", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "the filter ExternalAuth is on the experimental channel and speaks another protocol", Advice: "put the same service behind an ExternalAuth filter or the data plane's own policy, then --accept it"},
			"auth-always-set-cookie", "auth-cache-duration", "auth-cache-key", "auth-keepalive",
			"auth-keepalive-requests", "auth-keepalive-share-vars", "auth-keepalive-timeout",
			"auth-method", "auth-proxy-set-headers", "auth-request-redirect", "auth-response-headers",
			"auth-signin", "auth-signin-redirect-param",
		),
		{{Name: "auth-realm", Scope: "location", Valid: Spaced, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no filter for passwords", Advice: "authenticate by the data plane's own policy, then --accept it"}},
		{{Name: "auth-secret", Scope: "location", Valid: Basic, Bad: BadDeny, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no filter for passwords", Advice: "authenticate by the data plane's own policy, then --accept it"}},
		{{Name: "auth-secret-type", Scope: "location", Valid: Any, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no filter for passwords", Advice: "authenticate by the data plane's own policy, then --accept it"}},
		named(Row{Scope: "location", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "snippets are text for nginx and are never interpreted", Advice: "write what it does as a filter or a policy, then --accept it", Risk: "Critical"},
			"auth-snippet", "configuration-snippet", "modsecurity-snippet", "server-snippet",
			"stream-snippet",
		),
		named(Row{Scope: "server", Valid: Any, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Exposes, Becomes: "clients are verified on a listener (spec.tls.frontend of the Gateway), not on a route", Advice: "verify clients on the Gateway, then --accept it"},
			"auth-tls-error-page", "auth-tls-match-cn", "auth-tls-pass-certificate-to-upstream",
			"auth-tls-verify-client", "auth-tls-verify-depth",
		),
		{{Name: "auth-tls-secret", Scope: "server", Valid: Basic, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Exposes, Becomes: "clients are verified on a listener (spec.tls.frontend of the Gateway), not on a route", Advice: "verify clients on the Gateway, then --accept it"}},
		{{Name: "auth-type", Scope: "location", Valid: AuthType, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no filter for passwords", Advice: "authenticate by the data plane's own policy, then --accept it"}},
		{{Name: "auth-url", Scope: "location", Valid: URLVar, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Exposes, Becomes: "the filter ExternalAuth is on the experimental channel and speaks another protocol", Advice: "put the same service behind an ExternalAuth filter or the data plane's own policy, then --accept it", Key: "global-auth-url"}},
		{{Name: "enable-global-auth", Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "the filter ExternalAuth is on the experimental channel and speaks another protocol", Advice: "put the same service behind an ExternalAuth filter or the data plane's own policy, then --accept it"}},
		named(Row{Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no web application firewall", Advice: "put a firewall in front, then --accept it", Key: "enable-modsecurity"},
			"enable-modsecurity", "enable-owasp-core-rules",
		),
		{{Name: "limit-connections", Scope: "location", Valid: Int, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no limit of connections for each client", Advice: "limit connections by the data plane's own policy, then --accept limit-connections"}},
		{{Name: "modsecurity-transaction-id", Scope: "location", Valid: Variable, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no web application firewall"}},
		{{Name: "satisfy", Scope: "location", Valid: Satisfy, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "it says how protections combine that are lost"}},
	}
}

// nginxLost are the other annotations that are lost.
func nginxLost() [][]Row {
	return [][]Row{
		{{Name: "affinity", Scope: "upstream", Valid: Cookie, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "sessions do not stick to a Pod", Advice: "sessionPersistence of a rule, on the experimental channel, does it where the data plane knows it"}},
		named(Row{Scope: "upstream", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "sessions do not stick to a Pod", Advice: "sessionPersistence of a rule, on the experimental channel, does it where the data plane knows it"},
			"affinity-canary-behavior", "affinity-mode", "session-cookie-change-on-failure",
			"session-cookie-conditional-samesite-none", "session-cookie-domain",
			"session-cookie-expires", "session-cookie-max-age", "session-cookie-name",
			"session-cookie-path", "session-cookie-samesite", "session-cookie-secure",
		),
		named(Row{Scope: "location", Valid: Size, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "buffers are the data plane's own"},
			"client-body-buffer-size", "proxy-buffer-size", "proxy-busy-buffers-size",
			"proxy-max-temp-file-size",
		),
		{{Name: "connection-proxy-header", Scope: "location", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "the data plane sets the header Connection itself"}},
		{{Name: "custom-http-errors", Scope: "location", Valid: Codes, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Differs, Becomes: "answers with these codes are passed on as they are"}},
		{{Name: "default-backend", Scope: "location", Valid: Service, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Differs, Becomes: "no route has a second Service for when the first has no endpoints"}},
		{{Name: "disable-proxy-intercept-errors", Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "answers are never replaced by a data plane that follows Gateway API"}},
		named(Row{Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "logs are a setting of the data plane"},
			"enable-access-log", "enable-rewrite-log",
		),
		named(Row{Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "traces are a setting of the data plane"},
			"enable-opentelemetry", "opentelemetry-trust-incoming-span",
		),
		named(Row{Scope: "location", Valid: Basic, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Breaks, Becomes: "Gateway API does not speak FastCGI", Advice: "put a web server in front of the program"},
			"fastcgi-index", "fastcgi-params-configmap",
		),
		{{Name: "http2-push-preload", Scope: "location", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "browsers do not take pushes any more"}},
		named(Row{Scope: "location", Valid: CIDRs, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Breaks, Becomes: "a RateLimitPolicy knows no exceptions: these clients are limited now", Advice: "give these clients a route of their own with mode: Disabled"},
			"limit-allowlist", "limit-whitelist",
		),
		named(Row{Scope: "location", Valid: Int, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "the speed of answers is not limited"},
			"limit-rate", "limit-rate-after",
		),
		{{Name: "load-balance", Scope: "upstream", Valid: Balance, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Differs, Becomes: "the data plane balances as it does", Key: "load-balance"}},
		named(Row{Scope: "location", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "RequestMirror sends the request as it is"},
			"mirror-host", "mirror-request-body",
		),
		{{Name: "opentelemetry-operation-name", Scope: "location", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "traces are a setting of the data plane"}},
		{{Name: "proxy-body-size", Scope: "location", Valid: Size, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "Gateway API does not limit bodies", Advice: "limit bodies by the data plane's own policy", Key: "proxy-body-size"}},
		{{Name: "proxy-buffering", Scope: "location", Valid: OnOff, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "buffers are the data plane's own", Key: "proxy-buffering"}},
		{{Name: "proxy-buffers-number", Scope: "location", Valid: Int, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "buffers are the data plane's own", Key: "proxy-buffers-number"}},
		{{Name: "proxy-cookie-domain", Scope: "location", Valid: Basic, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "cookies of answers are not changed", Key: "proxy-cookie-domain"}},
		{{Name: "proxy-cookie-path", Scope: "location", Valid: URL, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "cookies of answers are not changed", Key: "proxy-cookie-path"}},
		{{Name: "proxy-http-version", Scope: "location", Valid: Version, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "the data plane chooses the version", Advice: "state appProtocol on the Service's port", Key: "proxy-http-version"}},
		{{Name: "proxy-next-upstream-timeout", Scope: "location", Valid: Int, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "no policy limits the time of all tries together", Advice: "state TimeoutPolicy request where the whole may be limited", Key: "proxy-next-upstream-timeout"}},
		named(Row{Scope: "location", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "the header Location of answers is not changed", Key: "proxy-redirect-from"},
			"proxy-redirect-from", "proxy-redirect-to",
		),
		{{Name: "proxy-request-buffering", Scope: "location", Valid: OnOff, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "buffers are the data plane's own", Key: "proxy-request-buffering"}},
		named(Row{Scope: "location", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "BackendTLSPolicy has no field for it"},
			"proxy-ssl-ciphers", "proxy-ssl-protocols", "proxy-ssl-verify-depth",
		),
		{{Name: "service-upstream", Scope: "upstream", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "whether Pods or the Service's address are used is the data plane's choice", Key: "service-upstream"}},
		{{Name: "ssl-ciphers", Scope: "server", Valid: Any, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Differs, Becomes: "ciphers are a setting of the data plane", Key: "ssl-ciphers"}},
		{{Name: "ssl-prefer-server-ciphers", Scope: "server", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "ciphers are a setting of the data plane", Key: "ssl-prefer-server-ciphers"}},
		named(Row{Scope: "upstream", Valid: Any, Bad: BadRefuse, Status: finding.Lost, Effect: finding.Breaks, Becomes: "requests are not spread by a hash", Advice: "balance by the data plane's own policy"},
			"upstream-hash-by", "upstream-hash-by-subset", "upstream-hash-by-subset-size",
		),
	}
}

// NginxAlias is the name that comes before another one for the same thing.
func NginxAlias(name string) string {
	switch name {
	case "whitelist-source-range":
		return "allowlist-source-range"
	case "limit-whitelist":
		return "limit-allowlist"
	}
	return name
}

// NginxRemoved are annotations of older versions of ingress-nginx.
func NginxRemoved(short string) bool {
	switch short {
	case "secure-backends", "grpc-backend", "enable-opentracing", "opentracing-trust-incoming-span", "opentracing-operation-name",
		"enable-influxdb", "add-base-url", "base-url-scheme", "session-cookie-hash", "secure-verify-ca-secret", "upstream-max-fails",
		"upstream-fail-timeout", "lua-resty-waf", "influxdb-measurement", "influxdb-port", "influxdb-host", "influxdb-server-name":
		return true
	}
	return strings.HasPrefix(short, "global-rate-limit")
}
