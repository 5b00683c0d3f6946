package request_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
)

func TestARequestAsPeopleWriteIt(t *testing.T) {
	for text, want := range map[string]request.Request{
		"https://www.example.com":                         {Method: "GET", Scheme: "https", Host: "www.example.com", Path: "/"},
		"POST https://WWW.Example.com:8443/Pay?a=1&b#top": {Method: "POST", Scheme: "https", Host: "www.example.com", Port: 8443, Path: "/Pay", Query: "a=1&b"},
		"www.example.com/pay":                             {Method: "GET", Host: "www.example.com", Path: "/pay"},
		"delete /pay":                                     {Method: "DELETE", Path: "/pay"},
		"?q=1":                                            {Method: "GET", Path: "/", Query: "q=1"},
		"http://[::1]:80/%zz":                             {Method: "GET", Scheme: "http", Host: "[::1]", Port: 80, Path: "/%zz"},
		"grpcs://api.example.com/shop.Cart/Add":           {Method: "POST", Scheme: "grpcs", Host: "api.example.com", Path: "/shop.Cart/Add"},
		"/go?to=http://other.example.com":                 {Method: "GET", Path: "/go", Query: "to=http://other.example.com"},
	} {
		got, err := request.Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	got, err := request.Parse("a.example.com", "X-Tier: gold", "x-empty:")
	want := []hierarchy.Header{{Name: "x-tier", Value: "gold"}, {Name: "x-empty"}}
	if diff := cmp.Diff(want, got.Headers); err != nil || diff != "" {
		t.Errorf("headers: %v (-want +got):\n%s", err, diff)
	}
}

func TestWhatIsNoRequestIsToldWhatToWrite(t *testing.T) {
	for text, want := range map[string]string{
		"":                          `"" names no request: write '[METHOD] URL', for example 'POST https://www.example.com/pay'`,
		"GET":                       `"GET" is a method without a URL: write '[METHOD] URL', for example 'POST https://www.example.com/pay'`,
		"get":                       "", // a host of one label
		"https:///pay":              `"https:///pay" names no host: write '[METHOD] URL', for example 'POST https://www.example.com/pay'`,
		"GET https://a.b/c d":       `"GET https://a.b/c d" has more than one space: a space in a URL is written %20; write '[METHOD] URL', for example 'POST https://www.example.com/pay'`,
		"https://a.b/ x":            `"https://a.b/" is no method: a method is a word such as GET or POST; write '[METHOD] URL', for example 'POST https://www.example.com/pay'`,
		"ftp://a.b/":                `"ftp" is not a scheme that a Gateway serves: write http, https, grpc or grpcs`,
		"https://u:p@a.b/":          `"u:p@a.b" holds a user name: leave it out; credentials go into a header`,
		"https://a.b:99999/":        `"99999" is no port: write a number from 1 to 65535`,
		"https://a.b:/":             `"" is no port: write a number from 1 to 65535`,
		"https://*.example.com/":    `"*.example.com" is not the host of a request: ask with one host, for example www.example.com`,
		"https://münchen.example/":  `"münchen.example" is no host: write a name such as www.example.com, in its ASCII form (xn--…), or an IP address`,
		"https://a.b/\r\nHost:%20c": `"https://a.b/\r\nHost:%20c" has a control character: write it in per cent form, such as %0A`,
		"GET grpc://a.b/x.Y/Z":      `"GET" is not the method of a gRPC call: leave it out; it is POST`,
		"grpc://a.b/x.Y":            `"/x.Y" is no gRPC call: write grpc://host/package.Service/Method`,
		"https://a..b/":             `"a..b" is no host: write a name such as www.example.com, in its ASCII form (xn--…), or an IP address`,
	} {
		_, err := request.Parse(text)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
	for header, want := range map[string]string{
		"x-tier gold":        `"x-tier gold" is no header: write 'name: value', for example 'x-tier: gold'`,
		"x tier: gold":       `"x tier" is not the name of a header: write 'name: value', for example 'x-tier: gold'`,
		"x: a\r\nx-admin: 1": `"x: a\r\nx-admin: 1" has a control character in its value: a header is one line; write 'name: value', for example 'x-tier: gold'`,
		"Host: a.b":          `"Host: a.b" is said by the URL: write the host there: 'GET https://a.b/'`,
	} {
		if _, err := request.Parse("a.example.com", header); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", header, err, want)
		}
	}
}

const fuzzWorld = head + `Gateway
metadata: {name: g, namespace: shop}
spec: {gatewayClassName: edge, listeners: [{name: a, port: 80, protocol: HTTP}, {name: b, port: 443, protocol: HTTPS, hostname: "*.example.com"}, {name: c, port: 444, protocol: TLS, tls: {mode: Passthrough}}]}
---
` + head + `HTTPRoute
metadata: {name: r, namespace: shop}
spec:
  parentRefs: [{name: g}]
  hostnames: ["*.example.com", a.example.com]
  rules:
  - matches: [{path: {value: /a/b/c}, headers: [{name: x, type: RegularExpression, value: "(a+)+b"}]}, {path: {type: RegularExpression, value: "/(.*)*x"}}, {queryParams: [{name: q, value: "1"}]}]
  - filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /z}}}]
---
` + head + `GRPCRoute
metadata: {name: c, namespace: shop}
spec: {parentRefs: [{name: g}], rules: [{matches: [{method: {service: shop.Cart}}, {method: {type: RegularExpression, method: "A.*"}}]}]}
---
` + head + `TLSRoute
metadata: {name: t, namespace: shop}
spec: {parentRefs: [{name: g}], hostnames: [t.example.com], rules: [{backendRefs: [{name: b, port: 1}]}]}`

// Every question gets either an answer or an error for people.
func FuzzAsk(f *testing.F) {
	x := index(f, fuzzWorld)
	for _, text := range []string{
		"POST https://a.example.com:443/a/b/c?q=1", "grpc://a.example.com/shop.Cart/Add", "/a", "http://a.example.com/%zz/../%2e//", "t.example.com",
		"http://a.example.com/" + strings.Repeat("a/", 1<<10), "GET  \x00", "http://[", "http://a.example.com?" + strings.Repeat("&=%", 1<<8), "…",
	} {
		f.Add(text, "x: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", true)
	}
	f.Fuzz(func(t *testing.T, text, header string, gateway bool) {
		r, err := request.Parse(text, header)
		if err != nil {
			if message := err.Error(); message == "" || strings.ContainsAny(message, "\r\n") || len(message) > 700 || !utf8.ValidString(message) {
				t.Errorf("an error that is not for people: %q", message)
			}
			return
		}
		if again, err := request.Parse(text, header); err != nil || !cmp.Equal(r, again) {
			t.Errorf("read differently the second time: %v %v", r, again)
		}
		q := request.Question{Request: r, Fallthrough: gateway, NoIsolation: !gateway}
		if gateway || r.Host == "" {
			q.Gateway = hierarchy.GatewayRef("shop", "g")
		}
		answers := x.Ask(&q)
		if len(answers) == 0 {
			t.Fatal("no answer")
		}
		report := request.NewReport(&q, answers)
		for i := range answers {
			a := &answers[i]
			if (a.Hit.Route != nil) != (a.Result == request.Matched || a.Result == request.Redirected) || (report.Answers[i].Route != nil) != (a.Hit.Route != nil) {
				t.Errorf("%s with route %v", a.Result, a.Hit.Route)
			}
			if a.Location != "" && strings.ContainsAny(a.Location, "\r\n") {
				t.Errorf("a header in the Location: %q", a.Location)
			}
		}
	})
}
