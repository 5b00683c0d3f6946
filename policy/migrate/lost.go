package migrate

import (
	"maps"
	"slices"
	"strings"
)

// outcome is what becomes of a stated annotation whose row says that it is
// lost, and why.
type outcome struct {
	status Status
	effect Effect
	why    string
}

// isHeld says whether rules are held back for the loss (M40).
func (out outcome) isHeld(row *Row) bool {
	return out.status == Lost && (out.effect == Exposes || row.Holds)
}

// lossOf is what losing an annotation comes to: at some values it does nothing.
func (o *Old) lossOf(s *settings, row *Row, short string) outcome {
	switch {
	case o.controller.nginx:
		return o.lostOf(s, row)
	case row.isOff(s.text(short)):
		return outcome{NoEffect, None, "that is as without the annotation"}
	}
	return outcome{row.Status, row.Effect, row.Becomes}
}

// lostOf is that of ingress-nginx: some do nothing without another one, or at the value
// that they have anyway.
func (o *Old) lostOf(s *settings, row *Row) outcome {
	value := s.text(row.Name)
	nothing := func(why string) outcome { return outcome{NoEffect, None, why} }
	if need := needs(row.Name); need != "" && !s.has(need) {
		return nothing(need + " is not stated")
	}
	off := row.Valid == Bool && !s.bool(row.Name)
	switch row.Name {
	case "enable-global-auth":
		if o.config.value("global-auth-url") == "" {
			return nothing("the ConfigMap states no global-auth-url")
		}
		if off {
			return outcome{Converted, "", "nothing is asked for authentication on the new side either"}
		}
	case "modsecurity-transaction-id":
		if !s.bool("enable-modsecurity") {
			return nothing("enable-modsecurity is not on")
		}
	case "satisfy":
		if !s.has("auth-url") && !s.has("auth-type") && !s.has("allowlist-source-range") && !s.has("whitelist-source-range") {
			return nothing("there are no protections to combine")
		}
	case "limit-connections", "limit-rate", "limit-rate-after":
		if n, ok := s.int(row.Name); ok && n == 0 {
			return nothing("0 is no limit")
		}
	case "proxy-next-upstream-timeout":
		if value == "0" && o.config.value("proxy-next-upstream-timeout") == "0" {
			return outcome{Converted, "", "0 is no limit, as without it"}
		}
	case "proxy-body-size":
		return bodySize(value)
	case "proxy-request-buffering", "proxy-buffering":
		if (row.Name == "proxy-request-buffering") == (value == "off") {
			return outcome{Lost, Differs, row.Becomes}
		}
	case "auth-tls-verify-client":
		if value == "off" {
			return nothing("clients are not verified")
		}
	case "fastcgi-index", "fastcgi-params-configmap":
		if !strings.EqualFold(s.text("backend-protocol"), "FCGI") {
			return nothing("backend-protocol is not FCGI")
		}
	case "enable-modsecurity", "enable-owasp-core-rules", "disable-proxy-intercept-errors", "service-upstream",
		"http2-push-preload", "ssl-prefer-server-ciphers":
		if off {
			return nothing("it is off")
		}
	}
	if strings.HasPrefix(row.Name, "proxy-ssl-") && !overTLS(s) {
		return nothing("backend-protocol is not HTTPS or GRPCS")
	}
	return outcome{row.Status, row.Effect, row.Becomes}
}

// bodySize: 1m is the limit without the annotation; above it, and without a limit,
// requests that passed may fail where the data plane has one.
func bodySize(value string) outcome {
	text := strings.ToLower(strings.ReplaceAll(value, " ", ""))
	digits := strings.TrimRight(text, "bkmg")
	factor := map[string]int{"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[strings.TrimPrefix(text, digits)]
	n := 0
	for i := range len(digits) {
		n = min(n*10+int(digits[i]-'0'), 1<<40)
	}
	why := "Gateway API does not limit bodies"
	if n*factor > 1<<20 || n == 0 {
		return outcome{Lost, Breaks, why + ", and the limit of the data plane may be lower"}
	}
	return outcome{Lost, Differs, why}
}

func overTLS(s *settings) bool {
	p := strings.ToUpper(s.text("backend-protocol"))
	return p == "HTTPS" || p == "GRPCS"
}

// needs is the annotation without which another one does nothing.
func needs(name string) string {
	switch name {
	case "auth-secret", "auth-secret-type", "auth-realm":
		return "auth-type"
	case "auth-url", "auth-type", "auth-tls-secret", "auth-tls-verify-client":
		return ""
	case "affinity-mode", "affinity-canary-behavior":
		return "affinity"
	case "upstream-hash-by-subset", "upstream-hash-by-subset-size":
		return "upstream-hash-by"
	case "mirror-host", "mirror-request-body":
		return "mirror-target"
	case "limit-rate-after":
		return "limit-rate"
	}
	switch {
	case strings.HasPrefix(name, "auth-tls-"):
		return "auth-tls-secret"
	case strings.HasPrefix(name, "auth-"):
		return "auth-url"
	case strings.HasPrefix(name, "session-cookie-"):
		return "affinity"
	}
	return ""
}

// exposing are the annotations of an Ingress whose loss lets through what was
// refused before (M40).
func (o *Old) exposing(g *ingress) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(g.set.values)) {
		row := o.row(name)
		if conv := o.conversionOf(g.set, name); conv != nil {
			if conv.isHeld() {
				names = append(names, name)
			}
		} else if row.Status == Lost && o.lossOf(g.set, row, name).isHeld(row) {
			names = append(names, name)
		}
	}
	return names
}
