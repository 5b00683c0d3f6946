package traffic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
	"github.com/attache-dev/attache/test/nginx"
)

// migrationHosts is how many random hosts are migrated, backends how many Services
// they send to.
const (
	migrationHosts = 30
	backends       = 4
)

// TestTraefikAnswersAsNginxAfterAMigration: random literal Ingresses are served by
// nginx as ingress-nginx renders them; migrate writes routes, Traefik serves those;
// migrate verify --old --new sends both the same requests, and no answer differs:
// neither status nor Location, nor the backend, nor the path that it was sent (M98).
func TestTraefikAnswersAsNginxAfterAMigration(t *testing.T) {
	if nginx.Program() == "" {
		t.Skip("no nginx here: test/nginx/prepare.sh gets one")
	}
	b := newBed(t)
	to := b.startBackends()
	ingresses, hosts := b.randomIngresses(rand.New(rand.NewPCG(14, 98)))
	folder := t.TempDir()
	old := filepath.Join(folder, "old.yaml")
	b.save(old, ingresses...)
	gateway := filepath.Join(folder, "gateway.yaml")
	b.save(gateway, b.gatewayOn80())

	written, code := b.command("migrate", "-f", old, "-f", gateway, "--gateway", b.namespace+"/public", "--no-defaults")
	if code != 0 {
		t.Fatalf("migrate: exit %d\n%s", code, written)
	}
	routes := filepath.Join(folder, "new.yaml")
	if err := os.WriteFile(routes, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, u := range b.parsed(written) {
		b.applyObject(u)
	}
	b.canary()

	front := b.startNginx(hosts, to, "127.20.4.1:"+b.proxy.Port(0))
	out, code := b.command("migrate", "verify", "-f", old, "-f", gateway, "-f", routes, "-o", "json",
		"--old", "http://"+front, "--new", "http://"+b.proxy.EntryPoints[0], "--backend-header", "X-Backend", "--body", "--rate", "300", "--max-requests", "1500")
	var result struct {
		Totals struct{ Hosts, Requests, Different int }
		Live   struct {
			Requests, Equal int
			Groups          []struct{ Kind, Request, Old, New, Why string }
		}
	}
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatalf("exit %d: %v\n%s", code, err, out)
	}
	for _, g := range result.Live.Groups {
		t.Errorf("%s: %s\n old %s\n new %s\n %s", g.Kind, g.Request, g.Old, g.New, g.Why)
	}
	redirects := strings.Count(written, "ReplaceFullPath")
	t.Logf("%d hosts, %d requests by the models: %d differ; %d sent to nginx and to Traefik: %d answers equal; %d paths redirect to themselves and a slash",
		result.Totals.Hosts, result.Totals.Requests, result.Totals.Different, result.Live.Requests, result.Live.Equal, redirects)
	if code != 0 || result.Totals.Different != 0 || result.Live.Equal < 300 || redirects == 0 {
		t.Error("the models differ, or too little was compared")
	}
}

// startBackends starts servers that say who they are and what path arrived, with a
// Service for each.
func (b *bed) startBackends() []string {
	b.Helper()
	var addresses []string
	for i := range backends {
		name := fmt.Sprintf("s%d", i)
		host := fmt.Sprintf("127.20.3.%d", 1+i)
		listener, err := net.Listen("tcp", host+":0")
		if err != nil {
			b.Fatal(err)
		}
		server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Backend", name)
			fmt.Fprintf(w, "%s %s\n", r.Host, r.URL.Path)
		})}
		go func() { _ = server.Serve(listener) }()
		b.Cleanup(func() { _ = server.Close() })
		addresses = append(addresses, listener.Addr().String())
		port := listener.Addr().(*net.TCPAddr).Port
		b.apply(fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {name: %s, namespace: NS}, spec: {clusterIP: %s, ports: [{port: %d, protocol: TCP}]}}", name, host, port))
	}
	return addresses
}

// location is one path of one host.
type location struct {
	path    string
	exact   bool
	backend int
}

// randomIngresses are hosts with literal paths, each of one Ingress.
func (b *bed) randomIngresses(random *rand.Rand) ([]*unstructured.Unstructured, map[string][]location) {
	b.Helper()
	elements := []string{"a", "b", "ab", "api", "docs"}
	hosts := map[string][]location{}
	var list []*unstructured.Unstructured
	for i := range migrationHosts {
		host := b.host(fmt.Sprintf("m%d", i))
		var paths []any
		for range 1 + random.IntN(5) {
			l := location{path: "/", exact: random.IntN(3) == 0, backend: random.IntN(backends)}
			for range random.IntN(3) {
				l.path = strings.TrimSuffix(l.path, "/") + "/" + elements[random.IntN(len(elements))]
			}
			if random.IntN(3) == 0 && l.path != "/" {
				l.path += "/"
			}
			if slices.ContainsFunc(hosts[host], func(o location) bool {
				return strings.TrimSuffix(o.path, "/") == strings.TrimSuffix(l.path, "/") && (o.exact == l.exact)
			}) {
				continue
			}
			hosts[host] = append(hosts[host], l)
			kind := "Prefix"
			if l.exact {
				kind = "Exact"
			}
			service := &unstructured.Unstructured{}
			service.SetAPIVersion("v1")
			service.SetKind("Service")
			service.SetNamespace(b.namespace)
			service.SetName(fmt.Sprintf("s%d", l.backend))
			b.read(service)
			ports, _, _ := unstructured.NestedSlice(service.Object, "spec", "ports")
			paths = append(paths, map[string]any{"path": l.path, "pathType": kind, "backend": map[string]any{
				"service": map[string]any{"name": service.GetName(), "port": map[string]any{"number": ports[0].(map[string]any)["port"]}},
			}})
		}
		list = append(list, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": map[string]any{"namespace": b.namespace, "name": fmt.Sprintf("m%d", i)},
			"spec": map[string]any{"ingressClassName": "nginx", "rules": []any{map[string]any{"host": host, "http": map[string]any{"paths": paths}}}},
		}})
	}
	return list, hosts
}

// gatewayOn80 is the Gateway with the port that it would have in a cluster, for the
// models.
func (b *bed) gatewayOn80() *unstructured.Unstructured {
	for _, u := range b.parsed(above) {
		if u.GetKind() == "Gateway" {
			listeners, _, _ := unstructured.NestedSlice(u.Object, "spec", "listeners")
			first := listeners[0].(map[string]any)
			first["port"] = int64(80)
			if err := unstructured.SetNestedSlice(u.Object, []any{first}, "spec", "listeners"); err != nil {
				b.Fatal(err)
			}
			return u
		}
	}
	b.Fatal("no Gateway")
	return nil
}

func (b *bed) save(file string, objects ...*unstructured.Unstructured) {
	b.Helper()
	var text bytes.Buffer
	for _, u := range objects {
		data, err := yaml.Marshal(u.Object)
		if err != nil {
			b.Fatal(err)
		}
		text.WriteString("---\n")
		text.Write(data)
	}
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
}

// command runs the command, and returns what it prints and its exit code.
func (b *bed) command(args ...string) (string, int) {
	b.Helper()
	var out, errs bytes.Buffer
	code := command.Main(b.Context(), append([]string{"kubectl-effective_policy"}, args...), genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errs}, "")
	if code > 1 {
		b.Fatalf("%v: exit %d\n%s", args, code, errs.String())
	}
	return out.String(), code
}

// startNginx serves the hosts as ingress-nginx renders literal ones: a Prefix is its
// path with a final slash and, unless there is an Exact one, the path itself.
func (b *bed) startNginx(hosts map[string][]location, to []string, address string) string {
	b.Helper()
	folder := b.TempDir()
	var servers strings.Builder
	for host, list := range hosts {
		fmt.Fprintf(&servers, "server { listen %s; server_name %s;\n", address, host)
		exact := map[string]bool{}
		for _, l := range list {
			exact[l.path] = exact[l.path] || l.exact
		}
		for _, l := range list {
			pass := "{ proxy_set_header Host $host; proxy_http_version 1.1; proxy_pass http://" + to[l.backend] + "; }\n"
			switch {
			case l.exact:
				servers.WriteString("location = " + l.path + " " + pass)
			case strings.HasSuffix(l.path, "/"):
				servers.WriteString("location " + l.path + " " + pass)
			default:
				servers.WriteString("location " + l.path + "/ " + pass)
				if !exact[l.path] {
					servers.WriteString("location = " + l.path + " " + pass)
				}
			}
		}
		if !slices.ContainsFunc(list, func(l location) bool { return l.path == "/" && !l.exact }) {
			servers.WriteString("location / { return 404; }\n")
		}
		servers.WriteString("}\n")
	}
	config := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log crit;
events { worker_connections 512; }
http { access_log off; port_in_redirect off; server_names_hash_max_size 4096; server_names_hash_bucket_size 256;
client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
server { listen %[2]s default_server; return 404; }
%[3]s}
`, folder, address, servers.String())
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(b.Context()), nginx.Program(), "-c", file, "-p", folder, "-e", filepath.Join(folder, "error.log"))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // killed, it ends with an error
		close(ended)
	}()
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	b.within("nginx to listen on "+address, func(context.Context) error {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return fmt.Errorf("%w: %s", err, output.String())
		}
		return conn.Close()
	})
	return address
}
