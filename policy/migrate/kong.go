package migrate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kongRows are the annotations of Kong's Ingress controller, from its reference of
// annotations (3.x). Times are milliseconds (V15).
func kongRows() []Row {
	return inOrder([][]Row{
		named(Row{Scope: "service", Valid: Int, Bad: BadDefault, Status: Approximated, Effect: Differs, Becomes: "TimeoutPolicy idle, the longer of both"}, "read-timeout", "write-timeout"),
		{{Name: "connect-timeout", Scope: "service", Valid: Int, Bad: BadDefault, Status: Converted, Becomes: "TimeoutPolicy connect"}},
		{{Name: "retries", Scope: "service", Valid: Int, Bad: BadDefault, Status: Approximated, Effect: Differs, Becomes: "RetryPolicy maxRetries"}},
		{{Name: "plugins", Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Approximated, Effect: Differs, Becomes: "RateLimitPolicy for rate-limiting; others are lost"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Holds: true, Becomes: "paths are not rewritten for it", Advice: "write a URLRewrite filter, then --accept it"},
			"rewrite", "strip-path"),
		{{Name: "path", Scope: "service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Becomes: "nothing is put before the path: write a URLRewrite filter"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Becomes: "write it as a match of the route, or as a listener"},
			"headers", "headers.*", "host-aliases", "methods", "path-handling", "protocols", "regex-prefix", "regex-priority", "snis"),
		named(Row{Scope: "service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Becomes: "write a BackendTLSPolicy, or appProtocol of the Service"},
			"ca-certificates", "ca-certificates-configmap", "ca-certificates-secret", "client-cert", "protocol", "tls-verify", "tls-verify-depth"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Differs, Becomes: "write it as a filter, or into the data plane's own policy"},
			"host-header", "https-redirect-status-code", "override", "preserve-host", "upstream-policy"),
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: Lost, Effect: None, Becomes: "a setting of the data plane"}, "request-buffering", "response-buffering", "tags"),
	})
}

// kongWants are Kong's timeouts and retries of a Service that states none.
func kongWants(*Old) wants {
	w := wants{}
	w.set(TimeoutPolicy, "request", "0s")
	w.set(TimeoutPolicy, "connect", "60s")
	w.set(TimeoutPolicy, "idle", "60s")
	w.set(RetryPolicy, "maxRetries", int64(5))
	w.set(RetryPolicy, "retryOn", []any{"connect-failure"})
	return w
}

func kongConvert(o *Old, s *settings, short string) *conversion {
	switch short {
	case "connect-timeout":
		return millisOf("connect", s.text(short))
	case "read-timeout", "write-timeout":
		longest := 0
		for _, name := range []string{"read-timeout", "write-timeout"} {
			if n, ok := s.int(name); ok {
				longest = max(longest, n)
			} else {
				longest = max(longest, 60000) // what holds without it
			}
		}
		return millisOf("idle", strconv.Itoa(longest)).differing("Kong counts reading and writing apart, on the backend's side only")
	case "retries":
		n, ok := s.int(short)
		switch {
		case !ok || n < 0 || n > 100:
			return notWritten(Differs, "a RetryPolicy takes 0 to 100 retries")
		case n == 0:
			return stating(RetryPolicy, "maxRetries", int64(0))
		}
		c := stating(RetryPolicy, "maxRetries", int64(n))
		c.fields["retryOn"] = []any{"connect-failure"}
		return c.differing("only connection failures are repeated")
	case "plugins":
		return kongPlugins(o, s)
	}
	return nil
}

func millisOf(field, text string) *conversion {
	n, err := strconv.Atoi(text)
	if value := durationText(time.Duration(n) * time.Millisecond); err == nil && value != "" {
		return stating(TimeoutPolicy, field, value)
	}
	return &conversion{status: Lost, effect: Differs, text: "it is no time above 0"}
}

// kongPlugins reads the KongPlugins that an object names: rate-limiting becomes the
// strictest of its limits.
func kongPlugins(o *Old, s *settings) *conversion {
	var lost []string
	worst, fields, said := Effect(""), map[string]any(nil), ""
	for name := range strings.SplitSeq(s.text("plugins"), ",") {
		name = strings.TrimSpace(name)
		plugin := o.find("KongPlugin", s.namespace, name)
		if plugin == nil {
			plugin = o.find("KongClusterPlugin", "", name)
		}
		if plugin == nil {
			lost, worst = append(lost, name+" (not in the input)"), Exposes
			continue
		}
		kind, _ := plugin.Object["plugin"].(string)
		config, _ := plugin.Object["config"].(map[string]any)
		if kind != "rate-limiting" || fields != nil {
			lost, worst = append(lost, name+" ("+kind+")"), worse(worst, kongEffect(kind))
			continue
		}
		limit, text, effect := kongLimit(config)
		if limit == nil {
			lost, worst = append(lost, name+" ("+text+")"), worse(worst, effect)
			continue
		}
		fields, said = limit, text
	}
	switch {
	case len(lost) > 0 && worst == Exposes || len(fields) == 0:
		return notWritten(cmp.Or(worst, Differs), "no policy stands for "+strings.Join(lost, ", ")+": put the protection elsewhere, then --accept plugins")
	case len(lost) > 0:
		said += "; lost: " + strings.Join(lost, ", ")
	}
	return limited(fields).differing(said)
}

func worse(a, b Effect) Effect {
	order := []Effect{"", None, Differs, Breaks, Exposes}
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}

// kongEffect is what losing a plugin does.
func kongEffect(kind string) Effect {
	switch kind {
	case "acl", "basic-auth", "bot-detection", "hmac-auth", "ip-restriction", "jwt", "key-auth", "ldap-auth", "mtls-auth", "oauth2", "openid-connect", "rate-limiting",
		"rate-limiting-advanced", "request-size-limiting", "request-validator", "response-ratelimiting", "session", "pre-function", "post-function", "opa":
		return Exposes
	case "request-transformer", "response-transformer", "cors", "proxy-cache", "correlation-id":
		return Differs
	case "file-log", "http-log", "tcp-log", "udp-log", "syslog", "statsd", "prometheus", "datadog", "zipkin", "opentelemetry":
		return None
	}
	return Breaks
}

// kongLimit is the strictest limit of a rate-limiting plugin.
func kongLimit(config map[string]any) (fields map[string]any, text string, effect Effect) {
	key := "ClientIP"
	switch by, _ := config["limit_by"].(string); by {
	case "", "ip":
	case "header":
		name, _ := config["header_name"].(string)
		key = "Header:" + name
	case "service":
		key = "All"
	default:
		return nil, "rate-limiting by " + by, Exposes
	}
	best := -1.0
	for _, unit := range []struct {
		field, per string
		length     float64
	}{{"second", "1s", 1}, {"minute", "1m", 60}, {"hour", "1h", 3600}, {"day", "24h", 86400}} {
		n := whole(config[unit.field])
		if n <= 0 || n > mostRequests {
			continue
		}
		if rate := float64(n) / unit.length; best < 0 || rate < best {
			best, fields = rate, limitOf("per-"+unit.field, n, 0, unit.per, key)
		}
	}
	if fields == nil {
		return nil, "rate-limiting without a limit", Differs
	}
	return fields, "Kong counts in fixed windows; the strictest limit is written", Differs
}

// whole is a number of whatever type a decoder made of it.
func whole(value any) int64 {
	switch n := value.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	case string:
		i, err := strconv.ParseInt(n, 10, 64)
		if err == nil {
			return i
		}
	}
	return 0
}
