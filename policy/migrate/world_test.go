package migrate_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/migrate"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/verify"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/validate"
)

const nginx = "nginx.ingress.kubernetes.io/"

func registry(t testing.TB) *validate.Registry {
	t.Helper()
	r, err := source.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fataler is what *rapid.T and *testing.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func toNewGateway() option.Options {
	return option.Options{NewGateway: true, Gateway: types.NamespacedName{Namespace: "infra", Name: "edge"}, GatewayClass: "any"}
}

func objectsOf(list []*unstructured.Unstructured) []document.Object {
	var objects []document.Object
	for _, u := range list {
		objects = append(objects, document.Object{Unstructured: u})
	}
	return objects
}

// converted is a world before and after.
type converted struct {
	old     []*unstructured.Unstructured
	options option.Options
	result  *migrate.Result
}

func convert(t fataler, old []*unstructured.Unstructured, options option.Options) converted {
	t.Helper()
	read, err := oldside.Read(objectsOf(old), options)
	if err != nil {
		t.Fatalf("%v", err)
	}
	result, err := migrate.Convert(read)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return converted{old, options, result}
}

// verify compares the old side with objects of the new one.
func (c converted) verify(t fataler, r *validate.Registry, objects []*unstructured.Unstructured, report []finding.Finding) *verify.Comparison {
	t.Helper()
	read, err := oldside.Read(objectsOf(c.old), c.options)
	if err != nil {
		t.Fatalf("%v", err)
	}
	snapshot, problems := kinds(r).With(prepared(t, r, objects)...)
	for _, p := range problems {
		t.Fatalf("%s: %s", p.Ref, p.Message)
	}
	return verify.Compare(read, snapshot, verify.Options{Report: report, Bridge: c.options.Bridge})
}

// kinds is the snapshot of the CRDs, made once.
func kinds(r *validate.Registry) *policy.Snapshot {
	once.Do(func() { base, _ = policy.NewSnapshot(policy.Options{}).With(r.CRDs()...) })
	return base
}

var (
	once sync.Once
	base *policy.Snapshot
)

// prepared are objects as the API server stores them.
func prepared(t fataler, r *validate.Registry, objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	t.Helper()
	var list []*unstructured.Unstructured
	for _, u := range objects {
		p, problems, known := r.Prepare(context.Background(), u)
		if !known || len(problems) > 0 {
			t.Fatalf("the API server refuses %s %s/%s: %v\n%v", u.GetKind(), u.GetNamespace(), u.GetName(), problems, u.Object)
		}
		list = append(list, p)
	}
	return list
}

func ingressOf(namespace, name string, annotations map[string]string, spec map[string]any) *unstructured.Unstructured {
	spec["ingressClassName"] = "nginx"
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": map[string]any{"namespace": namespace, "name": name}, "spec": spec,
	}}
	if len(annotations) > 0 {
		u.SetAnnotations(annotations)
	}
	return u
}

func serviceOf(name string) map[string]any {
	return map[string]any{"service": map[string]any{"name": name, "port": map[string]any{"number": int64(80)}}}
}

// aWorld are random Ingresses. regexes says whether paths can be regular
// expressions.
func aWorld(regexes bool) *rapid.Generator[[]*unstructured.Unstructured] {
	return rapid.Custom(func(t *rapid.T) []*unstructured.Unstructured {
		var list []*unstructured.Unstructured
		for i := range rapid.IntRange(1, 5).Draw(t, "ingresses") {
			list = append(list, anIngress(t, i, regexes))
		}
		return list
	})
}

func anIngress(t *rapid.T, i int, regexes bool) *unstructured.Unstructured {
	namespace := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "namespace")
	annotations := map[string]string{}
	for range rapid.IntRange(0, 3).Draw(t, "annotations") {
		one := rapid.SampledFrom(someAnnotations()).Draw(t, "annotation")
		annotations[nginx+one[0]] = one[1]
	}
	if regexes && rapid.Bool().Draw(t, "rewrites") {
		annotations[nginx+"rewrite-target"] = rapid.SampledFrom([]string{"/", "/x", "/$1", "/$2", "/x/$2"}).Draw(t, "target")
	}
	var rules []any
	for range rapid.IntRange(1, 2).Draw(t, "rules") {
		var paths []any
		for range rapid.IntRange(0, 4).Draw(t, "paths") {
			paths = append(paths, map[string]any{
				"path": aPath(t, regexes), "pathType": rapid.SampledFrom([]string{"Prefix", "Prefix", "Exact", "ImplementationSpecific"}).Draw(t, "type"),
				"backend": serviceOf(rapid.SampledFrom([]string{"s1", "s2", "s3"}).Draw(t, "service")),
			})
		}
		rule := map[string]any{}
		if host := rapid.SampledFrom([]string{"x.example.com", "y.example.com", "*.example.com", ""}).Draw(t, "host"); host != "" {
			rule["host"] = host
		}
		if len(paths) > 0 {
			rule["http"] = map[string]any{"paths": paths}
		}
		rules = append(rules, rule)
	}
	spec := map[string]any{"rules": rules}
	if rapid.IntRange(0, 3).Draw(t, "default") == 0 {
		spec["defaultBackend"] = serviceOf("fallback")
	}
	if rapid.IntRange(0, 2).Draw(t, "tls") == 0 {
		spec["tls"] = []any{map[string]any{"hosts": []any{"x.example.com"}, "secretName": "x-tls"}}
	}
	u := ingressOf(namespace, fmt.Sprintf("i%d", i), annotations, spec)
	u.Object["metadata"].(map[string]any)["creationTimestamp"] = fmt.Sprintf("2026-01-%02dT00:00:00Z", 1+i) // ages differ: no tie
	return u
}

func aPath(t *rapid.T, regexes bool) string {
	path := "/"
	for range rapid.IntRange(0, 2).Draw(t, "depth") {
		path = strings.TrimSuffix(path, "/") + "/" + rapid.SampledFrom([]string{"a", "b", "ab", "docs"}).Draw(t, "element")
	}
	if rapid.IntRange(0, 4).Draw(t, "slash") == 0 && path != "/" {
		path += "/"
	}
	if regexes && rapid.Bool().Draw(t, "regex") {
		path = strings.TrimSuffix(path, "/") + rapid.SampledFrom([]string{"(/|$)(.*)", "/(.*)", "/?(.*)", ".*", "/[0-9]+", "$", "/(a|b)/(.*)"}).Draw(t, "tail")
		if path[0] != '/' {
			path = "/" + path
		}
	}
	return path
}

// someAnnotations are names and values that matter to routes and policies.
func someAnnotations() [][2]string {
	return [][2]string{
		{"ssl-redirect", "false"}, {"force-ssl-redirect", "true"}, {"app-root", "/start"}, {"permanent-redirect", "https://elsewhere.example.org/there"},
		{"temporal-redirect", "https://elsewhere.example.org"}, {"upstream-vhost", "inner.example.com"}, {"enable-cors", "true"},
		{"proxy-read-timeout", "300"}, {"proxy-send-timeout", "10"}, {"proxy-connect-timeout", "2"}, {"limit-rps", "7"}, {"limit-rpm", "90"},
		{"proxy-next-upstream", "error http_502"}, {"proxy-next-upstream-tries", "1"}, {"proxy-next-upstream-tries", "5"},
		{"auth-url", "https://auth.example.com"}, {"whitelist-source-range", "10.0.0.0/8"}, {"whitelist-source-range", "ten"},
		{"limit-rps", "many"}, {"proxy-read-timeout", "120s"}, {"server-alias", "alias.example.com"}, {"from-to-www-redirect", "true"},
		{"canary", "true"}, {"canary-weight", "20"}, {"canary-by-header", "x-canary"}, {"canary-by-cookie", "canary"},
		{"configuration-snippet", "more_set_headers 1;"}, {"proxy-body-size", "8m"}, {"prox-read-timeout", "1"}, {"preserve-trailing-slash", "true"},
		{"permanent-redirect-code", "308"}, {"mirror-target", "http://copy:8080"}, {"x-forwarded-prefix", "/p"},
	}
}
