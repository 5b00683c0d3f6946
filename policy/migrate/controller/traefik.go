package controller

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// traefikRows are the annotations of Traefik's Ingress provider, from its page
// reference/routing-configuration/kubernetes/ingress (v3).
func traefikRows() []Row {
	return inOrder([][]Row{
		{{Name: "router.middlewares", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "RateLimitPolicy of rateLimit, RetryPolicy of retry; others are lost"}},
		{{Name: "service.middlewares", Scope: "service", Valid: Any, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "RateLimitPolicy of rateLimit, RetryPolicy of retry; others are lost"}},
		{{Name: "service.serverstransport", Scope: "service", Valid: Any, Bad: BadDefault, Status: finding.Approximated, Effect: finding.Differs, Becomes: "TimeoutPolicy connect and idle of its forwardingTimeouts"}},
		{{Name: "router.entrypoints", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Off: []string{"web", "web,websecure", "websecure,web", "http,https", "https,http"},
			Becomes: "a route is bound to listeners of its Gateway, and answers where only these entry points did", Advice: "bind the routes to the listeners that stand for them (sectionName), then --accept router.entrypoints"}},
		{{Name: "router.tls", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Off: []string{"false"}, Becomes: "Traefik answers https alone there, and a route answers http, too", Advice: "bind the routes to listeners with TLS (sectionName), then --accept router.tls"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Off: []string{"PathPrefix"}, Becomes: "routes have PathPrefix, which takes more paths than Path or another expression", Advice: "write the matches, then --accept it"}, "router.pathmatcher"),
		{{Name: "router.priority", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"0"}, Becomes: "routes have no priorities: Exact comes first, then the longest path"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Becomes: "certificates are those of listeners"}, "router.tls.certresolver", "router.tls.domains.*"),
		{{Name: "service.serversscheme", Scope: "service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"http"}, Becomes: "write appProtocol of the Service"}},
		named(Row{Scope: "service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"false"}, Becomes: "sessions may go to another Pod", Advice: "sessionPersistence is experimental in Gateway API; state it by the data plane's own policy"}, "service.sticky.cookie", "service.sticky.cookie.*"),
		{{Name: "router.tls.options", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Exposes, Becomes: "TLS options can ask clients for certificates; a listener states that", Advice: "state it on the Gateway, then --accept router.tls.options"}},
		named(Row{Scope: "service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Differs, Off: []string{"false"}, Becomes: "the data plane's own"}, "service.nativelb", "service.nodeportlb"),
		{{Name: "service.passhostheader", Scope: "service", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.Breaks, Off: []string{"true"}, Becomes: "backends are sent the Host of the request, not the server's"}},
		{{Name: "router.rulesyntax", Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "the rules of routes are Gateway API's"}},
		named(Row{Scope: "ingress", Valid: Any, Bad: BadDefault, Status: finding.Lost, Effect: finding.None, Becomes: "logs, figures and traces are settings of the data plane"},
			"router.observability.*"),
	})
}

// traefikWants are the defaults of a ServersTransport.
func traefikWants(*Input) statement.Wants {
	w := statement.Wants{}
	w.Set(statement.TimeoutPolicy, "request", "0s")
	w.Set(statement.TimeoutPolicy, "connect", "30s")
	return w
}

func traefikConvert(in *Input, s *ingress.Settings, short string) *Conversion {
	switch short {
	case "router.middlewares", "service.middlewares":
		return traefikMiddlewares(in, s, short)
	case "service.serverstransport":
		return traefikTransport(in, s.Text(short), s.Namespace)
	}
	return nil
}

// traefikObject finds what a name such as shop-limit@kubernetescrd stands for: the
// namespace and the name, joined.
func traefikObject(in *Input, kind, reference string) (*document.Object, string) {
	joined, provider, _ := strings.Cut(strings.TrimSpace(reference), "@")
	if provider != "kubernetescrd" {
		return nil, joined
	}
	for i := range joined {
		if joined[i] == '-' {
			if found := document.Find(in.Objects, kind, joined[:i], joined[i+1:]); found != nil {
				return found, joined
			}
		}
	}
	return nil, joined
}

// traefikMiddlewares is what becomes of the Middlewares of a router or of a service. If one
// of them is lost that protects, or that leads requests elsewhere, the whole annotation is
// lost.
func traefikMiddlewares(in *Input, s *ingress.Settings, short string) *Conversion {
	total := statement.Wants{}
	var lost, said []string
	worst, holds := finding.Effect(""), false
	for reference := range strings.SplitSeq(s.Text(short), ",") {
		object, name := traefikObject(in, "Middleware", reference)
		if object == nil {
			lost, worst = append(lost, name+" (not in the input)"), finding.Exposes
			continue
		}
		spec, _ := object.Object["spec"].(map[string]any)
		for _, kind := range slices.Sorted(maps.Keys(spec)) {
			config, _ := spec[kind].(map[string]any)
			conv := traefikMiddleware(kind, config)
			if conv.Status == finding.Lost {
				lost, worst, holds = append(lost, kind+" of "+name+prefixed(": ", conv.Text)), worse(worst, conv.Effect), holds || conv.holds
				continue
			}
			for field, value := range conv.fields {
				total.Merge(conv.kind, field, value)
			}
			if conv.Text != "" {
				said = append(said, conv.Text)
			}
		}
	}
	c := &Conversion{Status: finding.Converted, fields: map[string]any{}, several: total, holds: holds}
	switch {
	case worst == finding.Exposes:
		c.Status, c.Effect = finding.Lost, finding.Exposes
		c.Text = "no policy stands for " + strings.Join(lost, ", ") + ": put the protection elsewhere, then --accept " + short
	case worst == finding.Breaks:
		c.Status, c.Effect = finding.Lost, finding.Breaks
		c.Text = "nothing stands for " + strings.Join(lost, ", ") + ": write a filter or the data plane's own policy, then --accept " + short
	case len(lost) > 0 && len(total) == 0:
		c.Status, c.Effect, c.Text = finding.Lost, worst, "no policy stands for "+strings.Join(lost, ", ")
	case len(lost) > 0:
		said = append(said, "lost: "+strings.Join(lost, ", "))
		fallthrough
	case len(said) > 0:
		c.differing(strings.Join(said, "; "))
		c.Effect = worse(finding.Differs, worst)
	case len(total) == 0:
		c.Status, c.Effect, c.Text = finding.NoEffect, finding.None, "its middlewares do nothing"
	}
	return c
}

// traefikMiddleware is what becomes of one Middleware.
func traefikMiddleware(kind string, config map[string]any) *Conversion {
	switch kind {
	case "rateLimit":
		return traefikRate(config)
	case "retry":
		n := whole(config["attempts"])
		if n < 1 || n > 101 {
			return notWritten(finding.Differs, "a RetryPolicy takes 0 to 100 retries")
		}
		c := stating(statement.RetryPolicy, "maxRetries", n-1)
		if n > 1 {
			c.fields["retryOn"] = []any{"connect-failure"}
			if text := traefikTime(config["initialInterval"]); text != "" {
				c.fields["backoffBase"] = text
			}
		}
		return c
	case "stripPrefix", "stripPrefixRegex", "addPrefix", "replacePath", "replacePathRegex", "redirectRegex", "redirectScheme":
		return notWritten(finding.Breaks, "").holding()
	case "buffering":
		return notWritten(finding.Breaks, "")
	case "circuitBreaker", "compress", "contentType", "errors", "grpcWeb", "headers":
		return notWritten(finding.Differs, "")
	}
	return notWritten(finding.Exposes, "") // what protects, and what is not known
}

func traefikRate(config map[string]any) *Conversion {
	average := whole(config["average"])
	if average == 0 {
		return limited(nil)
	}
	per := "1s"
	if text := traefikTime(config["period"]); text != "" {
		per = text
	}
	burst := max(whole(config["burst"]), 1) // the whole bucket (V15)
	key := "ClientIP"
	criterion, _ := config["sourceCriterion"].(map[string]any)
	if name, _ := criterion["requestHeaderName"].(string); name != "" {
		key = "Header:" + name
	}
	if host, _ := criterion["requestHost"].(bool); host {
		return notWritten(finding.Exposes, "a RateLimitPolicy does not count by host")
	}
	if average < 0 || average > statement.MostRequests || burst > statement.MostRequests {
		return notWritten(finding.Exposes, "a RateLimitPolicy takes numbers from 1 to 1000000000")
	}
	c := limited(limitOf("per-period", average, max(burst-average, 0), per, key))
	if burst < average {
		c.differing("Traefik lets " + strconv.FormatInt(burst, 10) + " through at once, a RateLimitPolicy no fewer than the rate")
	}
	return c
}

// traefikTime reads a duration: seconds as a number, or Go's form.
func traefikTime(value any) string {
	if text, ok := value.(string); ok {
		d, err := time.ParseDuration(text)
		if err != nil {
			n, wrong := strconv.Atoi(text)
			if wrong != nil {
				return ""
			}
			d = time.Duration(n) * time.Second
		}
		return statement.Duration(d)
	}
	return statement.Duration(time.Duration(whole(value)) * time.Second)
}

// traefikTransport is what becomes of the ServersTransport of a Service.
func traefikTransport(in *Input, reference, _ string) *Conversion {
	object, name := traefikObject(in, "ServersTransport", reference)
	if object == nil {
		return notWritten(finding.Differs, "ServersTransport "+name+" is not in the input")
	}
	spec, _ := object.Object["spec"].(map[string]any)
	times, _ := spec["forwardingTimeouts"].(map[string]any)
	c := &Conversion{kind: statement.TimeoutPolicy, fields: map[string]any{}, Status: finding.Converted}
	if text := traefikTime(times["dialTimeout"]); text != "" {
		c.fields["connect"] = text
	}
	if text := traefikTime(times["responseHeaderTimeout"]); text != "" {
		c.fields["idle"] = text
		c.differing("Traefik limits the wait for the answer's headers only")
	}
	if len(c.fields) == 0 {
		return withoutEffect("it states no timeouts")
	}
	return c
}
