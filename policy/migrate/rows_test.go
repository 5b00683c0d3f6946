package migrate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/finding"
)

var update = flag.Bool("update", false, "write testdata anew")

// sampleOf is a value that an annotation's parser takes.
func sampleOf(row *controller.Row) string {
	name := row.Name[strings.LastIndexByte(row.Name, '/')+1:]
	if row.Valid == controller.Bool {
		return "true"
	}
	switch name {
	case "permanent-redirect", "temporal-redirect":
		return "https://elsewhere.example.org/there"
	case "permanent-redirect-code", "temporal-redirect-code":
		return "307"
	case "rewrite-target":
		return "/other"
	case "upstream-vhost", "proxy-ssl-name":
		return "inner.example.com"
	case "server-alias":
		return "alias.example.com"
	case "mirror-target":
		return "http://copy:8080"
	case "listen-ports":
		return `[{"HTTP": 80}, {"HTTPS": 443}]`
	case "ssl-redirect":
		if row.Valid == controller.Int {
			return "443"
		}
		return "true"
	case "load-balancer-attributes":
		return "idle_timeout.timeout_seconds=90"
	case "router.middlewares", "service.middlewares":
		return "shop-limit@kubernetescrd"
	case "service.serverstransport":
		return "shop-slow@kubernetescrd"
	case "plugins":
		return "limit"
	case "proxy-ssl-secret":
		return "backend-ca"
	case "canary-by-header-pattern":
		return "^yes"
	case "custom-headers":
		return "shop/headers"
	}
	samples := map[controller.Check]string{
		controller.Int: "20", controller.Bool: "true", controller.OnOff: "on", controller.Size: "8m", controller.CIDRs: "10.0.0.0/8", controller.Upstream: "error http_502",
		controller.PathGroup: "/x", controller.URL: "https://auth.example.com", controller.URLVar: "https://auth.example.com", controller.Basic: "some-name", controller.Spaced: "some words",
		controller.Names: "alias.example.com", controller.Headers: "X-One, X-Two", controller.Header: "x-name", controller.Variable: "$request_uri", controller.Codes: "404,503",
		controller.Service: "fallback", controller.Protocol: "HTTPS", controller.Version: "1.1", controller.Balance: "ewma", controller.Cookie: "cookie", controller.AuthType: "basic",
		controller.Satisfy: "any", controller.Duration: "1s", controller.Path: "/start", controller.HAProxyTime: "30s",
	}
	if text, ok := samples[row.Valid]; ok {
		return text
	}
	return "anything"
}

// besides are annotations that another one needs to have an effect.
func besides(name string) map[string]string {
	with := func(list ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(list); i += 2 {
			m[nginx+list[i]] = list[i+1]
		}
		return m
	}
	switch {
	case strings.HasPrefix(name, "canary"):
		return with("canary", "true", "canary-by-header", "x-canary")
	case strings.HasPrefix(name, "cors-"):
		return with("enable-cors", "true")
	case strings.HasPrefix(name, "proxy-ssl-"):
		return with("backend-protocol", "HTTPS", "proxy-ssl-verify", "on", "proxy-ssl-secret", "backend-ca", "proxy-ssl-name", "inner.example.com")
	case strings.HasPrefix(name, "session-cookie-"), strings.HasPrefix(name, "affinity-"):
		return with("affinity", "cookie")
	case strings.HasPrefix(name, "auth-tls-"):
		return with("auth-tls-secret", "shop/ca")
	case name == "auth-secret", name == "auth-realm", name == "auth-secret-type":
		return with("auth-type", "basic")
	case strings.HasPrefix(name, "auth-"):
		return with("auth-url", "https://auth.example.com")
	case name == "permanent-redirect-code":
		return with("permanent-redirect", "https://elsewhere.example.org/there")
	case name == "temporal-redirect-code":
		return with("temporal-redirect", "https://elsewhere.example.org/there")
	case strings.HasPrefix(name, "upstream-hash-by-"):
		return with("upstream-hash-by", "$request_uri")
	case strings.HasPrefix(name, "mirror-"):
		return with("mirror-target", "http://copy:8080")
	case name == "limit-rate-after":
		return with("limit-rate", "5")
	case name == "limit-burst-multiplier":
		return with("limit-rps", "5")
	case name == "x-forwarded-prefix":
		return with("rewrite-target", "/other")
	case strings.HasPrefix(name, "fastcgi-"):
		return with("backend-protocol", "FCGI")
	case name == "satisfy":
		return with("auth-type", "basic")
	case name == "rate-limit-period":
		return map[string]string{"haproxy.org/rate-limit-requests": "5"}
	}
	return nil
}

// TestRowsOfTables: how each name of each table is converted, for a value that its parser takes
// and, where there are such, for values that do nothing and for one that it does not take. The
// files are the golden files of the tables (M97).
func TestRowsOfTables(t *testing.T) {
	for _, table := range controller.Tables("") {
		t.Run(table.Controller, func(t *testing.T) {
			var b strings.Builder
			for i := range table.Annotations {
				row := table.Annotations[i]
				good := sampleOf(&row)
				if !row.Valid.Accepts(good) {
					t.Errorf("%s: %q is no value that the table takes as %s", row.Name, good, row.Valid)
				}
				b.WriteString(stated(t, table.Controller, row, good))
				for _, off := range row.Off {
					b.WriteString(stated(t, table.Controller, row, off))
				}
				if bad := "{not-a-value"; !row.Valid.Accepts(bad) {
					b.WriteString(stated(t, table.Controller, row, bad))
				}
			}
			for i := range table.Keys {
				b.WriteString(keyed(t, table.Controller, &table.Keys[i]))
			}
			file := filepath.Join("testdata", "rows", table.Controller+".txt")
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("%s: run go test ./policy/migrate -run Rows -update and read the difference (- file, + now):\n%s", file, diff)
			}
		})
	}
}

// stated is what becomes of one annotation on an Ingress, or on its Service.
func stated(t *testing.T, which string, row controller.Row, value string) string {
	t.Helper()
	full := strings.Replace(row.Name, "*", "x", 1)
	short := full[strings.LastIndexByte(full, '/')+1:]
	annotations := map[string]string{}
	for name, other := range besides(short) {
		if which == controller.IngressNginx || !strings.HasPrefix(name, nginx) {
			annotations[name] = other
		}
	}
	canary := annotations[nginx+"canary"] != ""
	annotations[full] = value
	spec := map[string]any{"rules": []any{map[string]any{"host": "shop.example.com", "http": map[string]any{"paths": []any{map[string]any{
		"path": "/shop", "pathType": "Prefix", "backend": serviceOf("web"),
	}}}}}}
	u := ingressOf("shop", "web", annotations, spec)
	service := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"namespace": "shop", "name": "web"}, "spec": map[string]any{}}}
	if row.Scope == "service" {
		service.SetAnnotations(annotations)
		u.SetAnnotations(nil)
	}
	world := append([]*unstructured.Unstructured{u, service}, helpers()...)
	if canary {
		world = append(world, ingressOf("shop", "a-primary", nil, map[string]any{"rules": []any{map[string]any{"host": "shop.example.com", "http": map[string]any{"paths": []any{map[string]any{
			"path": "/shop", "pathType": "Prefix", "backend": serviceOf("primary"),
		}}}}}}))
	}
	for _, each := range world {
		if each.GetKind() == "Ingress" {
			if err := unstructured.SetNestedField(each.Object, "of-it", "spec", "ingressClassName"); err != nil {
				t.Fatal(err)
			}
		}
	}
	options := toNewGateway()
	options.Controller, options.IngressClass = which, "of-it"
	c := convert(t, world, options)
	var found []string
	for _, f := range c.result.Findings {
		if f.Annotation == full {
			text := string(f.Status)
			if f.Effect != "" {
				text += " " + string(f.Effect)
			}
			if f.Held {
				text += " held"
			}
			found = append(found, text+": "+strings.Replace(f.Message, short+": ", "", 1))
		}
	}
	if len(found) != 1 {
		t.Errorf("%s: %s %q has %d findings, want 1: %q", which, full, value, len(found), found)
	}
	return fmt.Sprintf("%s\n  %s\n", full, strings.Join(found, "\n  "))
}

// helpers are objects that values refer to.
func helpers() []*unstructured.Unstructured {
	of := func(apiVersion, kind, name string, more map[string]any) *unstructured.Unstructured {
		object := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"namespace": "shop", "name": name}}
		for key, value := range more {
			object[key] = value
		}
		return &unstructured.Unstructured{Object: object}
	}
	return []*unstructured.Unstructured{
		of("traefik.io/v1alpha1", "Middleware", "limit", map[string]any{"spec": map[string]any{"rateLimit": map[string]any{"average": int64(10), "burst": int64(30)}}}),
		of("traefik.io/v1alpha1", "ServersTransport", "slow", map[string]any{"spec": map[string]any{"forwardingTimeouts": map[string]any{"dialTimeout": "3s", "responseHeaderTimeout": "90s"}}}),
		of("configuration.konghq.com/v1", "KongPlugin", "limit", map[string]any{"plugin": "rate-limiting", "config": map[string]any{"minute": int64(100), "hour": int64(1000), "limit_by": "ip"}}),
		of("v1", "ConfigMap", "headers", map[string]any{"data": map[string]any{"X-Frame-Options": "DENY"}}),
	}
}

// keyed is what becomes of one key of the controller's ConfigMap.
func keyed(t *testing.T, which string, row *controller.Row) string {
	t.Helper()
	key := strings.Replace(row.Name, "*", "x", 1)
	config := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": "ingress", "name": "controller"}, "data": map[string]any{key: sampleOf(row)},
	}}
	u := ingressOf("shop", "web", nil, map[string]any{"rules": []any{map[string]any{"host": "shop.example.com"}}})
	options := toNewGateway()
	options.Controller, options.IngressClass = which, "nginx"
	options.ConfigMap.Namespace, options.ConfigMap.Name = "ingress", "controller"
	if which != controller.IngressNginx {
		options.IngressClass = "of-it"
		if err := unstructured.SetNestedField(u.Object, "of-it", "spec", "ingressClassName"); err != nil {
			t.Fatal(err)
		}
	}
	c := convert(t, []*unstructured.Unstructured{u, config}, options)
	i := slices.IndexFunc(c.result.Findings, func(f finding.Finding) bool { return f.Key == key })
	if i < 0 {
		t.Errorf("%s: the key %s has no finding", which, key)
		return ""
	}
	f := c.result.Findings[i]
	return fmt.Sprintf("ConfigMap %s\n  %s %s: %s\n", key, f.Status, f.Effect, f.Message)
}
