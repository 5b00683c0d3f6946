package controller

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// kongRows are the annotations of Kong's Ingress controller, from its reference of
// annotations (3.x). Times are milliseconds (V15).
func kongRows() []Row {
	return inOrder([][]Row{
		named(Row{Scope: "service", Valid: Int, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "TimeoutPolicy idle, the longer of both"}, "read-timeout", "write-timeout"),
		{{Name: "connect-timeout", Scope: "service", Valid: Int, Bad: BadDefault, Status: finding.Converted, Becomes: "TimeoutPolicy connect"}},
		{{Name: "retries", Scope: "service", Valid: Int, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "RetryPolicy maxRetries"}},
		{{Name: "plugins", Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "RateLimitPolicy for rate-limiting; others are lost"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Holds: true, Becomes: "paths are not rewritten for it", Advice: "write a URLRewrite filter, then --accept it"},
			"rewrite"),
		// What the Ingress controller writes has strip_path false, whatever Kong's own
		// default is.
		{{Name: "strip-path", Scope: "ingress", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Holds: true, Off: []string{"false"}, Becomes: "the path of the rule is not cut off before requests are sent on; without the annotation Kong's controller does not either",
			Advice: "write a URLRewrite filter with ReplacePrefixMatch, then --accept strip-path"}},
		{{Name: "path", Scope: "service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Holds: true, Off: []string{"/"}, Becomes: "nothing is put before the path", Advice: "write a URLRewrite filter, then --accept path"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "requests that it does not take are taken, too", Advice: "write it as a match of the route, then --accept it"},
			"headers.*", "methods", "snis"),
		{{Name: "protocols", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"http,https", "https,http"}, Becomes: "RequestRedirect for https alone with a code that redirects; write other protocols as listeners"}},
		{{Name: "force-ssl-redirect", Scope: "ingress", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Off: []string{"false"}, Becomes: "RequestRedirect to https, 302"}},
		{{Name: "https-redirect-status-code", Scope: "ingress", Valid: Int, Bad: BadDefault, Status: finding.Converted, Effect: finding.Differs, Becomes: "the code of that redirect"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "write it as a match of the route"},
			"headers-separator", "host-aliases", "regex-prefix", "regex-priority"),
		{{Name: "path-handling", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"v0"}, Becomes: "how the path of the Service is put before it has no equal"}},
		named(Row{Scope: "service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "write a BackendTLSPolicy"},
			"ca-certificates", "ca-certificates-configmap", "ca-certificates-secret", "client-cert", "tls-verify-depth"),
		{{Name: "protocol", Scope: "service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"http"}, Becomes: "write appProtocol of the Service, or a BackendTLSPolicy"}},
		{{Name: "tls-verify", Scope: "service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"false"}, Becomes: "write a BackendTLSPolicy"}},
		{{Name: "preserve-host", Scope: "ingress", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"true"}, Becomes: "backends are sent the Host of the request: write a URLRewrite filter with a hostname"}},
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "write it as a filter, or into the data plane's own policy"},
			"host-header", "override"),
		{{Name: "service-upstream", Scope: "service", Valid: Bool, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Off: []string{"false"}, Becomes: "who chooses the Pod is the data plane's own matter"}},
		{{Name: "upstream-policy", Scope: "service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "who chooses the Pod is the data plane's own matter"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "a setting of the data plane"}, "request-buffering", "response-buffering", "tags"),
	})
}

// kongWants are Kong's timeouts and retries of a Service that states none.
func kongWants(*Input) statement.Wants {
	w := statement.Wants{}
	w.Set(statement.TimeoutPolicy, "request", "0s")
	w.Set(statement.TimeoutPolicy, "connect", "60s")
	w.Set(statement.TimeoutPolicy, "idle", "60s")
	w.Set(statement.RetryPolicy, "maxRetries", int64(5))
	w.Set(statement.RetryPolicy, "retryOn", []any{"connect-failure"})
	return w
}

func kongConvert(in *Input, s *ingress.Settings, short string) *Conversion {
	switch short {
	case "connect-timeout":
		return millisOf("connect", s.Text(short))
	case "read-timeout", "write-timeout":
		longest := 0
		for _, name := range []string{"read-timeout", "write-timeout"} {
			if n, ok := s.Int(name); ok {
				longest = max(longest, n)
			} else {
				longest = max(longest, 60000) // what holds without it
			}
		}
		return millisOf("idle", strconv.Itoa(longest)).differing("Kong counts reading and writing apart, on the backend's side only")
	case "retries":
		n, ok := s.Int(short)
		switch {
		case !ok || n < 0 || n > 100:
			return notWritten(finding.Differs, "a RetryPolicy takes 0 to 100 retries")
		case n == 0:
			return stating(statement.RetryPolicy, "maxRetries", int64(0))
		}
		c := stating(statement.RetryPolicy, "maxRetries", int64(n))
		c.fields["retryOn"] = []any{"connect-failure"}
		return c.differing("only connection failures are repeated")
	case "plugins":
		return kongPlugins(in, s)
	case "protocols", "force-ssl-redirect", "https-redirect-status-code":
		return kongScheme(s, short)
	}
	return nil
}

func millisOf(field, text string) *Conversion {
	n, err := strconv.Atoi(text)
	if value := statement.Duration(time.Duration(n) * time.Millisecond); err == nil && value != "" {
		return stating(statement.TimeoutPolicy, field, value)
	}
	return &Conversion{Status: finding.Lost, Effect: finding.Differs, Text: "it is no time above 0"}
}

// kongPlugin finds a plugin by its name, with the namespace of another one before it
// where that is stated.
func kongPlugin(in *Input, namespace, name string) *document.Object {
	if other, rest, ok := strings.Cut(name, ":"); ok {
		namespace, name = strings.TrimSpace(other), strings.TrimSpace(rest)
	}
	if plugin := document.Find(in.Objects, "KongPlugin", namespace, name); plugin != nil {
		return plugin
	}
	return document.Find(in.Objects, "KongClusterPlugin", "", name)
}

// kongPlugins reads the KongPlugins that an object names: rate-limiting becomes the
// strictest of its limits.
func kongPlugins(in *Input, s *ingress.Settings) *Conversion {
	var lost []string
	worst, holds, fields, said := finding.Effect(""), false, map[string]any(nil), ""
	lose := func(text string, effect finding.Effect) { lost, worst = append(lost, text), worse(worst, effect) }
	for name := range strings.SplitSeq(s.Text("plugins"), ",") {
		name = strings.TrimSpace(name)
		plugin := kongPlugin(in, s.Namespace, name)
		if plugin == nil {
			lose(name+" (not in the input)", finding.Exposes)
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
	case worst == finding.Exposes || worst == finding.Breaks || fields == nil:
		c := notWritten(cmp.Or(worst, finding.Differs), "no policy stands for "+strings.Join(lost, ", ")+": put the protection elsewhere, then --accept plugins")
		c.holds, c.kind, c.fields = holds, statement.RateLimitPolicy, fields
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

func worse(a, b finding.Effect) finding.Effect {
	order := []finding.Effect{"", finding.None, finding.Differs, finding.Breaks, finding.Exposes}
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}

// kongEffect is the effect of losing a plugin. One that is not known may be a protection.
func kongEffect(kind string, config map[string]any) finding.Effect {
	switch kind {
	case "response-transformer", "response-transformer-advanced", "cors", "proxy-cache", "proxy-cache-advanced", "correlation-id":
		return finding.Differs
	case "request-transformer", "request-transformer-advanced":
		if kongLeads(kind, config) {
			return finding.Breaks
		}
		return finding.Differs
	case "grpc-gateway", "grpc-web", "degraphql", "kafka-upstream", "soap-xml-handling":
		return finding.Breaks
	case "file-log", "http-log", "tcp-log", "udp-log", "syslog", "statsd", "prometheus", "datadog", "zipkin", "opentelemetry", "loggly", "kafka-log":
		return finding.None
	}
	if kongLeads(kind, config) {
		return finding.Breaks
	}
	return finding.Exposes
}

// kongLimit is the strictest limit of a rate-limiting plugin.
func kongLimit(config map[string]any) (fields map[string]any, text string, effect finding.Effect) {
	key := "ClientIP"
	switch by, _ := config["limit_by"].(string); by {
	case "", "ip":
	case "header":
		name, _ := config["header_name"].(string)
		key = "Header:" + name
	case "service":
		key = "All"
	default:
		return nil, "rate-limiting by " + by, finding.Exposes
	}
	best := -1.0
	for _, unit := range []struct {
		field, per string
		length     float64
	}{{"second", "1s", 1}, {"minute", "1m", 60}, {"hour", "1h", 3600}, {"day", "24h", 86400}} {
		n := whole(config[unit.field])
		if n <= 0 || n > statement.MostRequests {
			continue
		}
		if rate := float64(n) / unit.length; best < 0 || rate < best {
			best, fields = rate, limitOf("per-"+unit.field, n, 0, unit.per, key)
		}
	}
	if fields == nil {
		return nil, "rate-limiting without a limit", finding.Differs
	}
	return fields, "Kong counts in fixed windows; the strictest limit is written", finding.Differs
}

// whole is a number, whichever type the decoder used for it.
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
