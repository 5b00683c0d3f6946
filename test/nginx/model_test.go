package nginx

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/request"
)

// TestTheModelAnswersAsNginx compares random hosts, with and without regular
// expressions (M12 to M19).
func TestTheModelAnswersAsNginx(t *testing.T) {
	hosts := 300
	if text := os.Getenv("ATTACHE_NGINX_HOSTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		hosts = n
	}
	const batch = 500
	random := rand.New(rand.NewPCG(14, 1))
	requests, redirects, rewritten, missing := 0, 0, 0, 0
	for first := 0; first < hosts; first += batch {
		var locations []*routing.Location
		var config strings.Builder
		names := map[string][]place{}
		for i := first; i < min(first+batch, hosts); i++ {
			host := fmt.Sprintf("h%d.example.com", i)
			places := somePlaces(random)
			names[host] = places
			config.WriteString(render(host, places))
			for _, p := range places {
				locations = append(locations, &routing.Location{
					Host: host, Path: p.path, Exact: p.exact, Pattern: p.pattern, Age: p.id,
					Action: &routing.Action{Backend: &routing.Backend{Namespace: "n", Name: "s" + strconv.Itoa(p.id), Port: 80}, Rewrite: p.rewrite},
				})
			}
		}
		view := routing.NewView(routing.Dialect{Nginx: true}, locations)
		http := client(start(t, config.String()))
		for _, host := range slices.Sorted(mapsKeys(names)) {
			for _, path := range somePaths(random, names[host]) {
				want, _ := view.Answer(&request.Request{Method: "GET", Scheme: "http", Host: host, Path: path})
				got := ask(t, http, host, path)
				requests++
				switch {
				case want.Code != 0:
					redirects++
				case want.Status != 0:
					missing++
				case want.Path != path:
					rewritten++
				}
				if text := modelText(want); text != got {
					t.Fatalf("%s%s: nginx %q, the model %q\n%s", host, path, got, text, render(host, names[host]))
				}
			}
		}
	}
	t.Logf("%d hosts, %d requests, no difference: %d redirects of slashes, %d rewritten, %d without a location", hosts, requests, redirects, rewritten, missing)
	if redirects == 0 || rewritten == 0 || missing == 0 {
		t.Error("some kind of answer was never compared")
	}
}

func mapsKeys(m map[string][]place) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func modelText(a routing.Answer) string {
	switch {
	case a.Code != 0:
		return fmt.Sprintf("%d %s", a.Code, strings.TrimPrefix(a.Redirect, "http://"))
	case a.Status != 0:
		return strconv.Itoa(a.Status)
	}
	return "200 " + strings.TrimPrefix(a.Backends[0].Backend.Name, "s") + " " + a.Path
}

// ask is the answer of nginx in the same words.
func ask(t *testing.T, c *http.Client, host, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return "200 " + string(body)
	case http.StatusMovedPermanently:
		return "301 " + strings.TrimPrefix(answer.Header.Get("Location"), "http://")
	}
	return strconv.Itoa(answer.StatusCode)
}

var (
	elements = []string{"a", "b", "ab", "api", "docs", "v2"}
	tails    = []string{"(/|$)(.*)", "/(.*)", "/?(.*)", "(.*)", ".*", "$", "/[0-9]+", "/(a|b)/(.*)", ""}
	targets  = []string{"/", "/x", "/$1", "/$2", "/x/$1", "/x/$2", "/x/$1/y"}
)

// somePlaces are random locations of one host, as several Ingresses could state
// them. No two are one location of nginx (M18).
func somePlaces(random *rand.Rand) []place {
	regexHost := random.IntN(2) == 0
	var list []place
	for id := range 1 + random.IntN(6) {
		p := place{id: id, exact: random.IntN(4) == 0, path: "/"}
		for range random.IntN(3) {
			p.path = strings.TrimSuffix(p.path, "/") + "/" + elements[random.IntN(len(elements))]
		}
		if random.IntN(5) == 0 && p.path != "/" {
			p.path += "/"
		}
		if regexHost && random.IntN(2) == 0 {
			p.pattern, p.exact = true, random.IntN(6) == 0
			p.path = strings.TrimSuffix(p.path, "/") + tails[random.IntN(len(tails))]
			if p.path == "" || p.path[0] != '/' {
				p.path = "/" + p.path
			}
			if random.IntN(3) > 0 {
				p.rewrite = targets[random.IntN(len(targets))]
			}
		}
		if !slices.ContainsFunc(list, func(o place) bool {
			return strings.TrimSuffix(o.path, "/") == strings.TrimSuffix(p.path, "/") && o.exact == p.exact
		}) {
			list = append(list, p)
		}
	}
	return list
}

// somePaths are requests to a host: what its locations say, and what is near.
func somePaths(random *rand.Rand, places []place) []string {
	seen := map[string]bool{"/": true}
	for _, p := range places {
		texts := []string{p.path}
		if p.pattern {
			texts = routing.Samples(p.path)
		}
		for _, text := range texts {
			for _, path := range []string{text, strings.TrimSuffix(text, "/"), text + "/", text + "/~z", text + "x", strings.ToUpper(text)} {
				if path = strings.ReplaceAll(path, "//", "/"); strings.HasPrefix(path, "/") && !strings.ContainsAny(path, "(|$*?+[\\ ") {
					seen[path] = true
				}
			}
		}
	}
	var list []string
	for path := range seen {
		list = append(list, path)
	}
	slices.Sort(list)
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(len(list), 40)]
}

// TestTwoPrefixesThatAreOneLocationAreRefused is the fact behind M18.
func TestTwoPrefixesThatAreOneLocationAreRefused(t *testing.T) {
	if Program() == "" {
		t.Skip("no nginx here: test/nginx/prepare.sh gets one")
	}
	folder := t.TempDir()
	file := folder + "/nginx.conf"
	text := "pid " + folder + "/pid; events {} http { client_body_temp_path " + folder + "/a; " +
		strings.ReplaceAll(render("h", []place{{path: "/a"}, {path: "/a/", id: 1}}), "unix:FRONT", "127.0.0.1:1") + " upstream back { server 127.0.0.1:1; } }"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := check(t, file, folder)
	if err == nil || !strings.Contains(out, `duplicate location "/a/"`) {
		t.Errorf("nginx -t: %v\n%s", err, out)
	}
}
