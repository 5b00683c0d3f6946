package migrate_test

import (
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/migrate"
	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/validate"
)

// notRefused fails when the API server would refuse an object that is written (M98).
func notRefused(t *testing.T, world ...*unstructured.Unstructured) {
	t.Helper()
	r := schemas()
	options := toNewGateway()
	options.Retries = option.RetriesMethods
	options.Check = nil
	options.Accept = []string{"auth-url", "whitelist-source-range", "limit-connections", "configuration-snippet"}
	read, err := oldside.Read(objectsOf(world), options)
	if err != nil {
		return // input that nothing can be made of
	}
	result, err := migrate.Convert(read)
	if err != nil {
		return
	}
	for _, u := range result.Objects {
		if _, problems, _ := r.Prepare(t.Context(), u); len(problems) > 0 {
			t.Errorf("the API server refuses %s %s: %v\n%s\n%s", u.GetKind(), u.GetName(), problems[0], text(world), text([]*unstructured.Unstructured{u}))
		}
	}
	said := map[string]int{}
	for _, f := range result.Findings {
		if f.Annotation != "" {
			said[f.Ingress+" "+f.Annotation]++
		}
	}
	for key, n := range said {
		if n != 1 {
			t.Errorf("%s has %d findings", key, n)
		}
	}
}

// schemas are those of the API server, read once.
var schemas = sync.OnceValue(func() *validate.Registry {
	r, err := source.Builtin()
	if err != nil {
		panic(err)
	}
	return r
})

// FuzzAnnotations gives any value to any annotation of any controller.
func FuzzAnnotations(f *testing.F) {
	var names []string
	for _, table := range controller.Tables("") {
		for i := range table.Annotations {
			names = append(names, table.Annotations[i].Name)
			f.Add(len(names)-1, sampleOf(&table.Annotations[i]), "/shop")
		}
	}
	for _, value := range []string{"", "-1", "99999999999999999999", "\x00", "$1", "https://[::1]:0", "a,b,,c", "{}", "0.5", "\n", strings.Repeat("a", 5000)} {
		f.Add(0, value, "/")
	}
	f.Fuzz(func(t *testing.T, at int, value, path string) {
		if at < 0 {
			return
		}
		name := strings.Replace(names[at%len(names)], "*", "x", 1)
		spec := map[string]any{"rules": []any{map[string]any{"host": "shop.example.com", "http": map[string]any{"paths": []any{map[string]any{
			"path": path, "pathType": "Prefix", "backend": serviceOf("web"),
		}}}}}}
		u := ingressOf("shop", "web", map[string]string{name: value}, spec)
		if !strings.HasPrefix(name, nginx) {
			delete(spec, "ingressClassName") // the prefix says whose it is
		}
		service := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service", "metadata": map[string]any{"namespace": "shop", "name": "web"}}}
		service.SetAnnotations(map[string]string{name: value})
		notRefused(t, u, service)
	})
}

// FuzzRegexes gives any path to a host of regular expressions, with any target.
func FuzzRegexes(f *testing.F) {
	for _, seed := range [][2]string{
		{"/api(/|$)(.*)", "/$2"}, {"/(a|b)/api/(.*)", "/$2"}, {"/v[0-9]+", "/"}, {"/a(", "/x"}, {"/$", ""}, {"/(?i)x", "/$1"}, {"/[", "/$9"}, {"/a{1000}", "$"}, {"/(((((a)))))", "/$1$2"}, {"//", "//"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, path, target string) {
		notRefused(t, ingressOf("shop", "web", map[string]string{nginx + "use-regex": "true", nginx + "rewrite-target": target}, map[string]any{"rules": []any{map[string]any{
			"host": "shop.example.com", "http": map[string]any{"paths": []any{
				map[string]any{"path": path, "pathType": "ImplementationSpecific", "backend": serviceOf("web")},
				map[string]any{"path": "/fixed", "pathType": "Exact", "backend": serviceOf("fixed")},
			}},
		}}}))
	})
}

// FuzzConfigMap gives any value to any key of the controller's ConfigMap.
func FuzzConfigMap(f *testing.F) {
	var names []string
	keys := controller.Tables(controller.IngressNginx)[0].Keys
	for i := range keys {
		names = append(names, keys[i].Name)
		f.Add(i, sampleOf(&keys[i]))
	}
	f.Add(0, "null")
	f.Fuzz(func(t *testing.T, at int, value string) {
		if at < 0 {
			return
		}
		config := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": "ingress", "name": "controller", "labels": map[string]any{"app.kubernetes.io/name": "ingress-nginx"}},
			"data": map[string]any{names[at%len(names)]: value},
		}}
		notRefused(t, config, ingressOf("shop", "web", nil, map[string]any{
			"tls":   []any{map[string]any{"hosts": []any{"shop.example.com"}, "secretName": "tls"}},
			"rules": []any{map[string]any{"host": "shop.example.com", "http": map[string]any{"paths": []any{map[string]any{"path": "/", "pathType": "Prefix", "backend": serviceOf("web")}}}}},
		}))
	})
}
