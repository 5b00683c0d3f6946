package controller

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// albRows are the annotations of the AWS Load Balancer Controller, from its page
// docs/guide/ingress/annotations.md (2.x and 3.x).
func albRows() []Row {
	return inOrder([][]Row{
		{{Name: "load-balancer-attributes", Scope: "global", Valid: Any, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "TimeoutPolicy idle on the Gateway for idle_timeout.timeout_seconds; the rest is the data plane's own"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "Gateway API has no filter for it", Advice: "protect it by the data plane's own policy, then --accept it"},
			"mutual-authentication", "security-group-prefix-lists", "security-groups", "waf-acl-id", "wafv2-acl-arn", "wafv2-acl-name", "web-acl-id"),
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Off: []string{"none"}, Becomes: "Gateway API has no filter for it", Advice: "protect it by the data plane's own policy, then --accept it"},
			"auth-idp-cognito", "auth-idp-oidc", "auth-on-unauthenticated-request", "auth-scope", "auth-session-cookie", "auth-session-timeout", "auth-type", "jwt-validation"),
		{{Name: "inbound-cidrs", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Off: []string{"0.0.0.0/0", "0.0.0.0/0,::/0", "::/0,0.0.0.0/0"}, Becomes: "Gateway API has no filter by the client's address", Advice: "restrict the addresses by the data plane's own policy, then --accept inbound-cidrs"}},
		{{Name: "shield-advanced-protection", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Off: []string{"false"}, Becomes: "AWS protects its own load balancers", Advice: "protect it by the data plane's own policy, then --accept shield-advanced-protection"}},
		{{Name: "scheme", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Off: []string{"internet-facing"}, Becomes: "who can reach the Gateway is its data plane's matter", Advice: "see to it that the Gateway is internal, then --accept scheme"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Holds: true, Becomes: "actions and conditions are no part of the Ingress API and are not read", Advice: "write them as matches and filters of the route, then --accept it"},
			"actions.*", "conditions.*", "transforms.*"),
		{{Name: "use-regex-path-match", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Holds: true, Off: []string{"false"}, Becomes: "paths are not read as regular expressions", Advice: "write RegularExpression matches, then --accept use-regex-path-match"}},
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"HTTP", "HTTP1"}, Becomes: "write it as appProtocol of the Service"},
			"backend-protocol", "backend-protocol-version"),
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "certificates are Secrets that listeners name"},
			"acm-pca-arn", "certificate-arn", "create-acm-cert"),
		{{Name: "listen-ports", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Exposes, Becomes: "the listeners of the Gateway, for HTTP 80 and HTTPS 443"}},
		{{Name: "ssl-redirect", Scope: "ingress", Valid: Int, Bad: BadDefault, Status: finding.Converted, Effect: finding.Exposes, Becomes: "RequestRedirect to https, 301, at every Ingress of the group"}},
		{{Name: "target-group-attributes", Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Breaks, Becomes: "the data plane's own"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Becomes: "the data plane's own"},
			"frontend-nlb-*", "enable-frontend-nlb", "group.order", "listener-attributes.*", "ssl-policy"),
		{{Name: "group.name", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Converted, Becomes: "one Gateway, as one load balancer"}},
		named(Row{Scope: "ingress or service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "a setting of AWS"},
			"customer-owned-ipv4-pool", "dry-run-plan", "healthcheck-*", "healthy-threshold-count", "ip-address-type", "ipam-ipv4-pool-id", "load-balancer-name", "manage-backend-security-group-rules",
			"minimum-load-balancer-capacity", "multi-cluster-target-group", "subnets", "success-codes", "tags", "target-control-port.*", "target-node-labels", "target-type", "unhealthy-threshold-count"),
	})
}

// albIdle is the idle timeout of one Ingress, in seconds; 0 when it states none.
func albIdle(s *ingress.Settings) int {
	for part := range strings.SplitSeq(s.Text("load-balancer-attributes"), ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if n, err := strconv.Atoi(strings.TrimSpace(value)); strings.TrimSpace(key) == "idle_timeout.timeout_seconds" && err == nil && n > 0 {
			return n
		}
	}
	return 0
}

// albWants is the idle timeout of the load balancer: 60 s, or what the oldest Ingress states.
func albWants(in *Input) statement.Wants {
	w := statement.Wants{}
	w.Set(statement.TimeoutPolicy, "request", "0s")
	idle := 60
	for _, g := range in.Ingresses { // the oldest that says so
		if n := albIdle(g.Settings); n > 0 {
			idle = n
			break
		}
	}
	text, _ := statement.Seconds(idle)
	w.Set(statement.TimeoutPolicy, "idle", text)
	return w
}

func albConvert(in *Input, s *ingress.Settings, short string) *Conversion {
	switch short {
	case "load-balancer-attributes":
		return albAttributes(in, s)
	case "ssl-redirect":
		return saying("http is redirected to https with 301, at every Ingress of the group")
	case "listen-ports":
		return albPorts(s)
	case "target-group-attributes":
		if strings.Contains(s.Text(short), "stickiness.enabled=true") {
			return notWritten(finding.Breaks, "sessions may go to another Pod: state stickiness by the data plane's own policy")
		}
		return notWritten(finding.Differs, "the data plane's own")
	}
	return nil
}

// albPorts are the ports that a load balancer listens on: a Gateway has 80 and 443.
func albPorts(s *ingress.Settings) *Conversion {
	var list []map[string]int
	if json.Unmarshal([]byte(s.Text("listen-ports")), &list) != nil {
		return withoutEffect("it is no list of ports")
	}
	plain := s.Has("ssl-redirect")
	for _, port := range list {
		for protocol, n := range port {
			if n != 80 && n != 443 || (protocol == "HTTP") != (n == 80) {
				return notWritten(finding.Breaks, "the Gateway listens on 80 and 443: add listeners for other ports")
			}
			plain = plain || protocol == "HTTP"
		}
	}
	if !plain {
		return notWritten(finding.Exposes, "http is not answered there, and a route answers it: bind the routes to listeners with TLS, then --accept listen-ports")
	}
	return saying("the listeners of the Gateway")
}

func albAttributes(in *Input, s *ingress.Settings) *Conversion {
	n := albIdle(s)
	if n == 0 {
		return notWritten(finding.Differs, "attributes of the load balancer are the data plane's own; idle_timeout.timeout_seconds is not among them")
	}
	text, ok := statement.Seconds(n)
	if !ok {
		return notWritten(finding.Differs, "it is no time that a TimeoutPolicy can have")
	}
	if w := albWants(in); w[statement.TimeoutPolicy]["idle"] == text {
		c := stating(statement.TimeoutPolicy, "idle", text).differing("the load balancer counts both sides; it is stated on the Gateway")
		c.fields = nil // the Gateway has it
		return c
	}
	return stating(statement.TimeoutPolicy, "idle", text).differing("another Ingress states another time for the load balancer, so it is stated on the route")
}

// albConflicts reports the groups whose Ingresses state different times: a load balancer has
// only one.
func albConflicts(in *Input, r *finding.Report) {
	groups := map[string][]*ingress.Ingress{}
	for _, g := range in.Ingresses {
		if name := g.Settings.Text("group.name"); name != "" && albIdle(g.Settings) > 0 {
			groups[name] = append(groups[name], g)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		list := groups[name]
		other := slices.IndexFunc(list, func(g *ingress.Ingress) bool { return albIdle(g.Settings) != albIdle(list[0].Settings) })
		if other >= 0 {
			f := r.About(list[other], finding.Conflict, "group %s: idle_timeout.timeout_seconds is %d here and %d in Ingress %s, and one load balancer has one: state one value",
				name, albIdle(list[other].Settings), albIdle(list[0].Settings), list[0].Place())
			f.Effect = finding.Differs
		}
	}
}
