package controller

import (
	"slices"

	"github.com/attache-dev/attache/policy/migrate/finding"
)

// nginxKeys are the keys of ingress-nginx's ConfigMap (M43), from
// internal/ingress/controller/config/config.go and the page on the ConfigMap at
// controller-v1.15.1.
func nginxKeys() []Row { return inOrder(slices.Concat(nginxKeysOfDataPlane(), nginxKeysRead())) }

// nginxKeysOfDataPlane are the keys that a data plane has its own settings for.
func nginxKeysOfDataPlane() [][]Row {
	return [][]Row{
		named(Row{Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "a setting of the data plane"},
			"access-log-params", "access-log-path", "client-body-buffer-size",
			"client-header-buffer-size", "debug-connections", "disable-access-log",
			"enable-access-log-for-default-backend", "enable-multi-accept", "enable-opentelemetry",
			"enable-opentracing", "error-log-level", "error-log-path", "http-access-log-path",
			"log-format-escape-json", "log-format-escape-none", "log-format-stream",
			"log-format-upstream", "modsecurity-transaction-id", "opentelemetry-config",
			"opentelemetry-operation-name", "opentelemetry-trust-incoming-span",
			"otel-max-export-batch-size", "otel-max-queuesize", "otel-sampler",
			"otel-sampler-parent-based", "otel-sampler-ratio", "otel-schedule-delay-millis",
			"otel-service-name", "otlp-collector-host", "otlp-collector-port", "proxy-buffer-size",
			"proxy-buffering", "proxy-buffers-number", "proxy-busy-buffers-size",
			"proxy-max-temp-file-size", "proxy-request-buffering", "server-name-hash-bucket-size",
			"server-name-hash-max-size", "stream-access-log-path", "syslog-host", "syslog-port",
			"use-syslog", "worker-cpu-affinity", "worker-processes", "worker-serial-reloads",
			"worker-shutdown-timeout",
		),
		named(Row{Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "a setting of the data plane"},
			"add-headers", "allow-backend-server-header", "bind-address", "bind-address-ipv4",
			"bind-address-ipv6", "brotli-level", "brotli-min-length", "brotli-types",
			"client-body-timeout", "client-header-timeout", "compute-full-forwarded-for",
			"custom-headers", "custom-http-errors", "default-type", "disable-ipv6", "disable-ipv6-dns",
			"disable-proxy-intercept-errors", "enable-aio-write", "enable-brotli", "enable-ocsp",
			"enable-real-ip", "enable-underscores-in-headers", "forwarded-for-header",
			"forwarded-for-proxy-protocol", "generate-request-id", "geoip2-autoreload-in-minutes",
			"global-allowed-response-headers", "grpc-buffer-size-kb", "gzip-disable", "gzip-level",
			"gzip-min-length", "gzip-types", "hide-headers", "http2-max-concurrent-streams",
			"http2-max-field-size", "http2-max-header-size", "http2-max-requests",
			"ignore-invalid-headers", "keep-alive", "keep-alive-requests",
			"large-client-header-buffers", "limit-conn-status-code", "limit-conn-zone-variable",
			"limit-rate", "limit-rate-after", "load-balance", "lua-shared-dicts",
			"map-hash-bucket-size", "max-worker-connections", "max-worker-open-files",
			"nginx-status-ipv4-whitelist", "nginx-status-ipv6-whitelist",
			"proxy-add-original-uri-header", "proxy-body-size", "proxy-cookie-domain",
			"proxy-cookie-path", "proxy-headers-hash-bucket-size", "proxy-headers-hash-max-size",
			"proxy-http-version", "proxy-next-upstream-timeout", "proxy-protocol-header-timeout",
			"proxy-real-ip-cidr", "proxy-redirect-from", "proxy-redirect-to", "proxy-set-headers",
			"proxy-ssl-location-only", "proxy-stream-next-upstream",
			"proxy-stream-next-upstream-timeout", "proxy-stream-next-upstream-tries",
			"proxy-stream-responses", "proxy-stream-tcp-keepalive", "proxy-stream-timeout",
			"relative-redirects", "reuse-port", "server-tokens", "service-upstream",
			"skip-access-log-urls", "ssl-buffer-size", "ssl-ciphers", "ssl-dh-param", "ssl-early-data",
			"ssl-ecdh-curve", "ssl-prefer-server-ciphers", "ssl-protocols", "ssl-reject-handshake",
			"ssl-session-cache", "ssl-session-cache-size", "ssl-session-ticket-key",
			"ssl-session-tickets", "ssl-session-timeout", "upstream-keepalive-connections",
			"upstream-keepalive-requests", "upstream-keepalive-time", "upstream-keepalive-timeout",
			"use-geoip", "use-geoip2", "use-gzip", "use-http2", "use-port-in-redirects",
			"variables-hash-bucket-size", "variables-hash-max-size",
		),
	}
}

// nginxKeysRead are the keys that something is written for, and those that protected every host.
func nginxKeysRead() [][]Row {
	return [][]Row{
		named(Row{Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Converted, Becomes: "read for other findings"},
			"allow-snippet-annotations", "annotation-value-word-blocklist", "annotations-risk-level",
			"force-ssl-redirect", "hsts", "hsts-include-subdomains", "hsts-max-age", "hsts-preload",
			"http-redirect-code", "limit-req-status-code", "no-tls-redirect-locations",
			"preserve-trailing-slash", "ssl-redirect", "strict-validate-path-type",
			"use-forwarded-headers", "use-proxy-protocol",
		),
		named(Row{Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "it protected every host, and nothing of the kind is written"},
			"block-cidrs", "block-referers", "block-user-agents", "denylist-source-range",
			"enable-modsecurity", "enable-owasp-modsecurity-crs", "global-auth-always-set-cookie",
			"global-auth-cache-duration", "global-auth-cache-key", "global-auth-method",
			"global-auth-request-redirect", "global-auth-response-headers", "global-auth-signin",
			"global-auth-signin-redirect-param", "global-auth-snippet", "global-auth-url",
			"http-snippet", "location-snippet", "main-snippet", "modsecurity-snippet", "server-snippet",
			"stream-snippet", "whitelist-source-range",
		),
		named(Row{Scope: "global", Valid: Int, Bad: BadDefault, Status: finding.Converted, Becomes: "the policies of the Gateway"},
			"proxy-connect-timeout", "proxy-next-upstream-tries", "proxy-read-timeout",
			"proxy-send-timeout",
		),
		named(Row{Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Converted, Becomes: "the policies of the Gateway"},
			"proxy-next-upstream", "retry-non-idempotent",
		),
	}
}
