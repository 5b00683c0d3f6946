package ingress2gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/migrate"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/verify"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/validate"
	"github.com/attache-dev/attache/test/dataplane"
)

// judge is what the tests need of both converters.
type judge struct {
	*testing.T
	program string
	schemas *validate.Registry
	base    *policy.Snapshot
}

func newJudge(t *testing.T) *judge {
	t.Helper()
	if os.Getenv("ATTACHE_INGRESS2GATEWAY") == "" {
		t.Skip(`left out: "make ingress2gateway" builds ingress2gateway and compares with it`)
	}
	program, err := dataplane.Program(t.Context(), "ingress2gateway")
	if err != nil {
		t.Skipf("ingress2gateway cannot be built here: %v", err)
	}
	schemas, err := source.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	base, _ := policy.NewSnapshot(policy.Options{}).With(schemas.CRDs()...)
	return &judge{t, program, schemas, base}
}

// written is what ingress2gateway prints.
type written struct {
	objects []*unstructured.Unstructured
	// text is the output as it came, notices what it says besides.
	text, notices string
}

// theirs is what ingress2gateway makes of a world.
func (j *judge) theirs(world string) (written, error) {
	j.Helper()
	cmd := exec.CommandContext(j.Context(), j.program)
	cmd.Stdin = strings.NewReader(world)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return written{}, errors.New(errs.String())
	}
	var list []map[string]any
	if err := json.Unmarshal(out.Bytes(), &list); err != nil {
		j.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for _, object := range list {
		u := &unstructured.Unstructured{}
		data, err := json.Marshal(object)
		if err != nil {
			j.Fatal(err)
		}
		if err := u.UnmarshalJSON(data); err != nil { // whole numbers stay whole
			j.Fatal(err)
		}
		objects = append(objects, u)
	}
	slices.SortFunc(objects, func(a, b *unstructured.Unstructured) int {
		return strings.Compare(a.GetKind()+a.GetNamespace()+"/"+a.GetName(), b.GetKind()+b.GetNamespace()+"/"+b.GetName())
	})
	return written{objects, out.String(), errs.String()}, nil
}

// ours is what migrate makes of a world.
func (j *judge) ours(world string) *migrate.Result {
	j.Helper()
	result, err := migrate.Convert(j.read(world))
	if err != nil {
		j.Fatal(err)
	}
	return result
}

// compare compares the Ingresses with objects of the new side, and says what of them
// the API server would refuse.
func (j *judge) compare(world string, objects []*unstructured.Unstructured, report ...finding.Finding) (c *verify.Comparison, refused string) {
	j.Helper()
	var list []*unstructured.Unstructured
	for _, u := range objects {
		stored, problems, known := j.schemas.Prepare(context.Background(), u)
		switch {
		case !known:
			continue
		case len(problems) > 0:
			for _, p := range problems {
				refused += u.GetKind() + " " + u.GetName() + ": " + p.String() + "\n"
			}
			continue
		}
		list = append(list, stored)
	}
	snapshot, _ := j.base.With(list...)
	return verify.Compare(j.read(world), snapshot, verify.Options{Report: report}), refused
}

func (j *judge) read(world string) *oldside.Side {
	j.Helper()
	var objects []document.Object
	for _, part := range strings.Split(world, "---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(part), &u.Object); err != nil {
			j.Fatal(err)
		}
		if len(u.Object) > 0 {
			objects = append(objects, document.Object{Unstructured: u})
		}
	}
	old, err := oldside.Read(objects, option.Options{NewGateway: true, Gateway: types.NamespacedName{Namespace: "infra", Name: "edge"}, GatewayClass: "any"})
	if err != nil {
		j.Fatal(err)
	}
	return old
}

// different are the groups of requests that differ, in a few words.
func different(c *verify.Comparison) []string {
	var list []string
	for _, h := range c.Hosts {
		for _, g := range h.Groups {
			if g.Kind == verify.Different {
				list = append(list, fmt.Sprintf("%s old %s new %s", g.Example, g.Old, g.New))
			}
		}
	}
	return list
}

// ingress is a manifest. paths are written "Prefix /a svc:80".
func ingress(namespace, name, host string, annotations map[string]string, paths ...string) string {
	full := map[string]string{}
	for key, value := range annotations {
		full["nginx.ingress.kubernetes.io/"+key] = value
	}
	var list []any
	for _, p := range paths {
		words := strings.Fields(p)
		service, port, _ := strings.Cut(words[2], ":")
		by := map[string]any{"name": port}
		if n := 0; port[0] >= '0' && port[0] <= '9' {
			_, _ = fmt.Sscan(port, &n)
			by = map[string]any{"number": n}
		}
		list = append(list, map[string]any{"path": words[1], "pathType": words[0], "backend": map[string]any{"service": map[string]any{"name": service, "port": by}}})
	}
	rule := map[string]any{"http": map[string]any{"paths": list}}
	if host != "" {
		rule["host"] = host
	}
	data, _ := yaml.Marshal(map[string]any{
		"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": map[string]any{"namespace": namespace, "name": name, "annotations": full},
		"spec": map[string]any{"ingressClassName": "nginx", "rules": []any{rule}},
	})
	return string(data) + "---\n"
}

// withTLS adds tls entries to a manifest, written "secret=host".
func withTLS(manifest string, entries ...string) string {
	u := &unstructured.Unstructured{}
	_ = yaml.Unmarshal([]byte(strings.TrimSuffix(manifest, "---\n")), &u.Object)
	var list []any
	for _, e := range entries {
		secret, host, _ := strings.Cut(e, "=")
		list = append(list, map[string]any{"hosts": []any{host}, "secretName": secret})
	}
	_ = unstructured.SetNestedSlice(u.Object, list, "spec", "tls")
	data, _ := yaml.Marshal(u.Object)
	return string(data) + "---\n"
}

// TestPlainIngressesComeOutAlike: random hosts with literal paths, each of one Ingress,
// within what ingress2gateway can do: what it writes answers as the Ingresses do, and
// what migrate writes does, too.
func TestPlainIngressesComeOutAlike(t *testing.T) {
	j := newJudge(t)
	random := rand.New(rand.NewPCG(14, 95))
	elements := []string{"a", "b", "ab", "docs"}
	requests, faulty := 0, 0
	for n := range 60 {
		world := ""
		for i := range 1 + random.IntN(3) {
			var paths []string
			seen := map[string]bool{}
			for range 1 + random.IntN(5) {
				path := "/"
				for range random.IntN(3) {
					path = strings.TrimSuffix(path, "/") + "/" + elements[random.IntN(len(elements))]
				}
				kind := []string{"Prefix", "Exact"}[random.IntN(2)]
				if !seen[path+kind] {
					seen[path+kind] = true
					paths = append(paths, fmt.Sprintf("%s %s s%d:80", kind, path, random.IntN(3)))
				}
			}
			world += ingress(fmt.Sprintf("ns%d", i), fmt.Sprintf("i%d", i), fmt.Sprintf("h%d.example.com", i), nil, paths...)
		}
		written, err := j.theirs(world)
		if err != nil {
			t.Fatalf("world %d: %v\n%s", n, err, world)
		}
		c, refused := j.compare(world, written.objects)
		if list := different(c); len(list) > 0 || refused != "" {
			t.Errorf("world %d, ingress2gateway: %q %s\n%s", n, list, refused, world)
			faulty++
		}
		requests += c.Totals.Requests
		ours, refused := j.compare(world, j.ours(world).Objects)
		if list := different(ours); len(list) > 0 || refused != "" {
			t.Errorf("world %d, migrate: %q %s\n%s", n, list, refused, world)
		}
	}
	t.Logf("60 worlds, %d requests: alike but for %d worlds", requests, faulty)
}

// TestMigrateReadsTheirRoutes: policies for the routes that ingress2gateway wrote (M39),
// which themselves limit the whole request to ten times a read timeout.
func TestMigrateReadsTheirRoutes(t *testing.T) {
	j := newJudge(t)
	world := ingress("a", "web", "shop.example.com", map[string]string{"proxy-read-timeout": "3600"}, "Prefix / web:80")
	written, err := j.theirs(world)
	if err != nil {
		t.Fatal(err)
	}
	tenTimes := slices.ContainsFunc(written.objects, func(u *unstructured.Unstructured) bool {
		text, _ := json.Marshal(u.Object)
		return strings.Contains(string(text), "10h0m0s")
	})
	if !tenTimes {
		t.Error("timeouts are not multiplied by ten any more: take the fault out")
	}
	var stored []*unstructured.Unstructured
	for _, u := range written.objects {
		if s, problems, known := j.schemas.Prepare(t.Context(), u); known && len(problems) == 0 {
			stored = append(stored, s)
		}
	}
	snapshot, _ := j.base.With(stored...)
	var input []document.Object
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.TrimSuffix(world, "---\n")), &u.Object); err != nil {
		t.Fatal(err)
	}
	input = append(input, document.Object{Unstructured: u})
	old, err := oldside.Read(input, option.Options{Routes: snapshot.Graph()})
	if err != nil {
		t.Fatal(err)
	}
	result, err := migrate.Convert(old)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(result.Objects)
	if !strings.Contains(string(text), `"idle":"3600s"`) || strings.Contains(string(text), "HTTPRoute\",\"metadata") {
		t.Errorf("policies for their routes: %s", text)
	}
}
