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
			"rewrite"),
		// What the Ingress controller writes has strip_path false, whatever Kong's own
		// default is.
		{{Name: "strip-path", Scope: "ingress", Valid: Bool, Bad: BadDefault, Status: Lost, Effect: Breaks, Holds: true, Off: []string{"false"}, Becomes: "the path of the rule is not cut off before requests are sent on; without the annotation Kong's controller does not either",
			Advice: "write a URLRewrite filter with ReplacePrefixMatch, then --accept strip-path"}},
		{{Name: "path", Scope: "service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Holds: true, Off: []string{"/"}, Becomes: "nothing is put before the path", Advice: "write a URLRewrite filter, then --accept path"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Exposes, Becomes: "requests that it does not take are taken, too", Advice: "write it as a match of the route, then --accept it"},
			"headers.*", "methods", "snis"),
		{{Name: "protocols", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Off: []string{"http,https", "https,http"}, Becomes: "RequestRedirect for https alone with a code that redirects; write other protocols as listeners"}},
		{{Name: "force-ssl-redirect", Scope: "ingress", Valid: Bool, Bad: BadDefault, Status: Lost, Effect: Exposes, Off: []string{"false"}, Becomes: "RequestRedirect to https, 302"}},
		{{Name: "https-redirect-status-code", Scope: "ingress", Valid: Int, Bad: BadDefault, Status: Converted, Effect: Differs, Becomes: "the code of that redirect"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Becomes: "write it as a match of the route"},
			"headers-separator", "host-aliases", "regex-prefix", "regex-priority"),
		{{Name: "path-handling", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Off: []string{"v0"}, Becomes: "how the path of the Service is put before it has no equal"}},
		named(Row{Scope: "service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Becomes: "write a BackendTLSPolicy"},
			"ca-certificates", "ca-certificates-configmap", "ca-certificates-secret", "client-cert", "tls-verify-depth"),
		{{Name: "protocol", Scope: "service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Off: []string{"http"}, Becomes: "write appProtocol of the Service, or a BackendTLSPolicy"}},
		{{Name: "tls-verify", Scope: "service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Off: []string{"false"}, Becomes: "write a BackendTLSPolicy"}},
		{{Name: "preserve-host", Scope: "ingress", Valid: Bool, Bad: BadDefault, Status: Lost, Effect: Breaks, Off: []string{"true"}, Becomes: "backends are sent the Host of the request: write a URLRewrite filter with a hostname"}},
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Breaks, Becomes: "write it as a filter, or into the data plane's own policy"},
			"host-header", "override"),
		{{Name: "service-upstream", Scope: "service", Valid: Bool, Bad: BadDefault, Status: Lost, Effect: Differs, Off: []string{"false"}, Becomes: "who chooses the Pod is the data plane's own matter"}},
		{{Name: "upstream-policy", Scope: "service", Valid: Any, Bad: BadDefault, Status: Lost, Effect: Differs, Becomes: "who chooses the Pod is the data plane's own matter"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: Lost, Effect: None, Becomes: "a setting of the data plane"}, "request-buffering", "response-buffering", "tags"),
	})
}

// kongWants are Kong's timeouts and retries of a Service that states none.
func kongWants(*input) wants {
	w := wants{}
	w.set(TimeoutPolicy, "request", "0s")
	w.set(TimeoutPolicy, "connect", "60s")
	w.set(TimeoutPolicy, "idle", "60s")
	w.set(RetryPolicy, "maxRetries", int64(5))
	w.set(RetryPolicy, "retryOn", []any{"connect-failure"})
	return w
}

func kongConvert(in *input, s *settings, short string) *conversion {
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
		return kongPlugins(in, s)
	case "protocols", "force-ssl-redirect", "https-redirect-status-code":
		return kongScheme(s, short)
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

// kongPlugin finds a plugin by its name, with the namespace of another one before it
// where that is stated.
func kongPlugin(in *input, namespace, name string) *Object {
	if other, rest, ok := strings.Cut(name, ":"); ok {
		namespace, name = strings.TrimSpace(other), strings.TrimSpace(rest)
	}
	if plugin := find(in.objects, "KongPlugin", namespace, name); plugin != nil {
		return plugin
	}
	return find(in.objects, "KongClusterPlugin", "", name)
}

// kongPlugins reads the KongPlugins that an object names: rate-limiting becomes the
// strictest of its limits.
func kongPlugins(in *input, s *settings) *conversion {
	var lost []string
	worst, holds, fields, said := Effect(""), false, map[string]any(nil), ""
	lose := func(text string, effect Effect) { lost, worst = append(lost, text), worse(worst, effect) }
	for name := range strings.SplitSeq(s.text("plugins"), ",") {
		name = strings.TrimSpace(name)
		plugin := kongPlugin(in, s.namespace, name)
		if plugin == nil {
			lose(name+" (not in the input)", Exposes)
			continue
		}
		if plugin.Object["disabled"] == true {
			continue
		}
		kind, _ := plugin.Object["plugin"].(string)
		config, _ := plugin.Object["config"].(map[string]any)
		if kind != "rate-limiting" || fields != nil {
			lose(name+" ("+kind+")", kongEffect(kind, config))
			holds = holds || kongLeads(kind, config)
			continue
		}
		limit, text, effect := kongLimit(config)
		if limit == nil {
			lose(name+" ("+text+")", effect)
			continue
		}
		fields, said = limit, text
	}
	switch {
	case len(lost) == 0 && fields == nil:
		return withoutEffect("its plugins are disabled")
	case worst == Exposes || worst == Breaks || fields == nil:
		c := notWritten(cmp.Or(worst, Differs), "no policy stands for "+strings.Join(lost, ", ")+": put the protection elsewhere, then --accept plugins")
		c.holds, c.kind, c.fields = holds, RateLimitPolicy, fields
		return c
	case len(lost) > 0:
		said += "; lost: " + strings.Join(lost, ", ")
	}
	return limited(fields).differing(said)
}

// kongLeads says whether a plugin leads requests to another path or host.
func kongLeads(kind string, config map[string]any) bool {
	switch kind {
	case "redirect", "route-by-header", "canary", "forward-proxy", "aws-lambda", "azure-functions":
		return true
	case "request-transformer", "request-transformer-advanced":
		replace, _ := config["replace"].(map[string]any)
		return replace["uri"] != nil || replace["host"] != nil
	}
	return false
}

func worse(a, b Effect) Effect {
	order := []Effect{"", None, Differs, Breaks, Exposes}
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}

// kongEffect is what losing a plugin does. One that is not known may protect.
func kongEffect(kind string, config map[string]any) Effect {
	switch kind {
	case "response-transformer", "response-transformer-advanced", "cors", "proxy-cache", "proxy-cache-advanced", "correlation-id":
		return Differs
	case "request-transformer", "request-transformer-advanced":
		if kongLeads(kind, config) {
			return Breaks
		}
		return Differs
	case "grpc-gateway", "grpc-web", "degraphql", "kafka-upstream", "soap-xml-handling":
		return Breaks
	case "file-log", "http-log", "tcp-log", "udp-log", "syslog", "statsd", "prometheus", "datadog", "zipkin", "opentelemetry", "loggly", "kafka-log":
		return None
	}
	if kongLeads(kind, config) {
		return Breaks
	}
	return Exposes
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
