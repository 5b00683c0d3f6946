package oldside

import (
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
)

// Loss is what becomes of a stated annotation whose row says that it is
// lost, and why.
type Loss struct {
	Status finding.Status
	Effect finding.Effect
	Why    string
}

// IsHeld says whether rules are held back for the loss (M40).
func (out Loss) IsHeld(row *controller.Row) bool {
	return out.Status == finding.Lost && (out.Effect == finding.Exposes || row.Holds)
}

// LossOf is what losing an annotation means: some values do nothing.
func (o *Side) LossOf(s *ingress.Settings, row *controller.Row, short string) Loss {
	switch {
	case o.Controller.Nginx:
		return o.lostOf(s, row)
	case row.IsOff(s.Text(short)):
		return Loss{finding.NoEffect, finding.None, "that is as without the annotation"}
	}
	return Loss{row.Status, row.Effect, row.Becomes}
}

// lostOf is LossOf for ingress-nginx: some annotations do nothing without another one, or
// with the value that is the default.
func (o *Side) lostOf(s *ingress.Settings, row *controller.Row) Loss {
	value := s.Text(row.Name)
	nothing := func(why string) Loss { return Loss{finding.NoEffect, finding.None, why} }
	if need := needs(row.Name); need != "" && !s.Has(need) {
		return nothing(need + " is not stated")
	}
	off := row.Valid == controller.Bool && !s.Bool(row.Name)
	switch row.Name {
	case "enable-global-auth":
		if o.Config.Value("global-auth-url") == "" {
			return nothing("the ConfigMap states no global-auth-url")
		}
		if off {
			return Loss{finding.Converted, "", "nothing is asked for authentication on the new side either"}
		}
	case "modsecurity-transaction-id":
		if !s.Bool("enable-modsecurity") {
			return nothing("enable-modsecurity is not on")
		}
	case "satisfy":
		if !s.Has("auth-url") && !s.Has("auth-type") && !s.Has("allowlist-source-range") && !s.Has("whitelist-source-range") {
			return nothing("there are no protections to combine")
		}
	case "limit-connections", "limit-rate", "limit-rate-after":
		if n, ok := s.Int(row.Name); ok && n == 0 {
			return nothing("0 is no limit")
		}
	case "proxy-next-upstream-timeout":
		if value == "0" && o.Config.Value("proxy-next-upstream-timeout") == "0" {
			return Loss{finding.Converted, "", "0 is no limit, as without it"}
		}
	case "proxy-body-size":
		return bodySize(value)
	case "proxy-request-buffering", "proxy-buffering":
		if (row.Name == "proxy-request-buffering") == (value == "off") {
			return Loss{finding.Lost, finding.Differs, row.Becomes}
		}
	case "auth-tls-verify-client":
		if value == "off" {
			return nothing("clients are not verified")
		}
	case "fastcgi-index", "fastcgi-params-configmap":
		if !strings.EqualFold(s.Text("backend-protocol"), "FCGI") {
			return nothing("backend-protocol is not FCGI")
		}
	case "enable-modsecurity", "enable-owasp-core-rules", "disable-proxy-intercept-errors", "service-upstream",
		"http2-push-preload", "ssl-prefer-server-ciphers":
		if off {
			return nothing("it is off")
		}
	}
	if strings.HasPrefix(row.Name, "proxy-ssl-") && !OverTLS(s) {
		return nothing("backend-protocol is not HTTPS or GRPCS")
	}
	return Loss{row.Status, row.Effect, row.Becomes}
}

// bodySize: 1m is the limit without the annotation; above it, and without a limit,
// requests that passed may fail where the data plane has one.
func bodySize(value string) Loss {
	text := strings.ToLower(strings.ReplaceAll(value, " ", ""))
	digits := strings.TrimRight(text, "bkmg")
	factor := map[string]int{"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[strings.TrimPrefix(text, digits)]
	n := 0
	for i := range len(digits) {
		n = min(n*10+int(digits[i]-'0'), 1<<40)
	}
	why := "Gateway API does not limit bodies"
	if n*factor > 1<<20 || n == 0 {
		return Loss{finding.Lost, finding.Breaks, why + ", and the limit of the data plane may be lower"}
	}
	return Loss{finding.Lost, finding.Differs, why}
}

// OverTLS says whether ingress-nginx speaks TLS to the backends of an Ingress.
func OverTLS(s *ingress.Settings) bool {
	p := strings.ToUpper(s.Text("backend-protocol"))
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

// Exposing are the annotations of an Ingress that must not be lost silently: without them
// requests are served that were refused before (M40).
func (o *Side) Exposing(g *ingress.Ingress) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(g.Settings.Values)) {
		row := o.Row(name)
		if conv := o.ConversionOf(g.Settings, name); conv != nil {
			if conv.IsHeld() {
				names = append(names, name)
			}
		} else if row.Status == finding.Lost && o.LossOf(g.Settings, row, name).IsHeld(row) {
			names = append(names, name)
		}
	}
	return names
}
