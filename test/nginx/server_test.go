package nginx

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/attache-dev/attache/test/eventually"
)

// start runs nginx with servers on one port, and a backend that says what arrived.
func start(t *testing.T, servers string) (address string) {
	t.Helper()
	path := Program()
	if path == "" {
		t.Skip("no nginx here: test/nginx/prepare.sh gets one")
	}
	folder := t.TempDir()
	front, back := filepath.Join(folder, "front.sock"), filepath.Join(folder, "back.sock")
	config := fmt.Sprintf(`
daemon off;
master_process off;
pid %[1]s/pid;
error_log %[1]s/error.log crit;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  server_names_hash_max_size 65536; server_names_hash_bucket_size 128;
  upstream back { server unix:%[2]s; keepalive 8; }
  server { listen unix:%[2]s; location / { return 200 "$http_x_location $request_uri"; } }
  server { listen unix:%[3]s default_server; location / { return 404; } }
%[4]s
}
`, folder, back, front, strings.ReplaceAll(servers, "FRONT", front))
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(path, "-c", file, "-p", folder, "-e", filepath.Join(folder, "error.log"))
	var output strings.Builder
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		if err := command.Process.Kill(); err != nil {
			t.Logf("stopping nginx: %v", err)
		}
		t.Logf("nginx ended: %v", <-ended)
	})
	eventually.OK(t, eventually.Limit, "nginx to listen", func(ctx context.Context) error {
		select {
		case err := <-ended:
			ended <- err
			return eventually.Final(fmt.Errorf("it ended: %w\n%s\n%s", err, output.String(), readFile(filepath.Join(folder, "error.log"))))
		default:
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", front)
		if err == nil {
			conn.Close()
		}
		return err
	})
	return front
}

func readFile(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// client sends requests to a socket and follows no redirect.
func client(address string) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 4,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", address)
			},
		},
	}
}

// place is one location as an Ingress states it.
type place struct {
	path    string
	exact   bool
	pattern bool
	rewrite string
	id      int
}

// render writes the server of a host as ingress-nginx renders it: a rewrite or
// use-regex anywhere makes every location a regular expression, locations stand by
// length and then text, from the end, and a Prefix without a final slash becomes two.
func render(host string, places []place) string {
	regex := slices.ContainsFunc(places, func(p place) bool { return p.pattern })
	exact := map[string]bool{}
	for _, p := range places {
		exact[p.path] = exact[p.path] || p.exact
	}
	sorted := slices.Clone(places)
	slices.SortStableFunc(sorted, func(a, b place) int {
		if len(a.path) != len(b.path) {
			return len(b.path) - len(a.path)
		}
		return strings.Compare(b.path, a.path)
	})
	var b strings.Builder
	fmt.Fprintf(&b, "  server { listen unix:FRONT; server_name %s;\n", host)
	one := func(p place, path string, exact bool) {
		switch {
		case regex:
			fmt.Fprintf(&b, "    location ~* \"^%s\" {", path)
		case exact:
			fmt.Fprintf(&b, "    location = %s {", path)
		default:
			fmt.Fprintf(&b, "    location %s {", path)
		}
		if p.rewrite != "" && p.rewrite != p.path {
			fmt.Fprintf(&b, " rewrite \"(?i)%s\" %s break;", p.path, p.rewrite)
		}
		fmt.Fprintf(&b, " proxy_set_header X-Location \"%d\"; proxy_pass http://back; }\n", p.id)
	}
	for _, p := range sorted {
		if p.exact || p.pattern || strings.HasSuffix(p.path, "/") {
			one(p, p.path, p.exact)
			continue
		}
		one(p, p.path+"/", false)
		if !exact[p.path] {
			one(p, p.path, true)
		}
	}
	b.WriteString("  }\n")
	return b.String()
}

// check asks nginx whether it takes a configuration.
func check(t *testing.T, file, folder string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), Program(), "-t", "-c", file, "-p", folder, "-e", filepath.Join(folder, "error.log")).CombinedOutput()
	return string(out), err
}
