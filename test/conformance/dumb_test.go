package conformance

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A data plane that enforces nothing fails every check.
func TestAPlaneThatEnforcesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("each check waits until its time is over, which -short leaves out")
	}
	upstream, err := StartUpstream("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(upstream.Stop)
	to, err := url.Parse("http://" + upstream.Address)
	if err != nil {
		t.Fatal(err)
	}
	const address = "127.41.0.1"
	for _, port := range []int{portOne, portTwo} {
		listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err != nil {
			t.Skipf("other loopback addresses than 127.0.0.1 do not work here: %v", err)
		}
		proxy := httputil.NewSingleHostReverseProxy(to)
		proxy.Transport = &http.Transport{DisableKeepAlives: true} // Go's tries again by itself on one that was used
		server := &http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
	}
	var had, idle []string
	for _, f := range slices.Concat(features, limited) {
		if f.Idle {
			idle = append(idle, f.Name)
		}
	}
	slices.Sort(idle)
	t.Run("features", func(t *testing.T) {
		results := make(chan string, len(features)+len(limited))
		t.Cleanup(func() {
			close(results)
			for name := range results {
				had = append(had, name)
			}
		})
		for _, f := range slices.Concat(features, limited) {
			if f.byAddress() {
				continue // its Service leads elsewhere
			}
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				e := &exchange{bed: &bed{Options: Options{Ports: [2]int{portOne, portTwo}}, upstream: upstream, address: address}, feature: &f, key: f.Name}
				if f.Check(context.Background(), e) == nil {
					results <- f.Name
				}
			})
		}
	})
	slices.Sort(had)
	if diff := cmp.Diff(idle, had); diff != "" {
		t.Errorf("features of a plane that enforces nothing (-want +got):\n%s", diff)
	}
}

func TestClaimAndTrafficAreCompared(t *testing.T) {
	idle := &Feature{Name: "idle", Idle: true}
	enforced, degraded, not := Claims{"P.f: Projected"}, Claims{"P.f: Projected", "P.g: Degraded IdempotentOnly"}, Claims{"P.f: Unsupported NoField", "P.g: Projected"}
	seen := context.DeadlineExceeded // some failure
	for _, c := range []struct {
		claims Claims
		err    error
		reads  bool
		want   string
	}{
		{enforced, nil, false, Passed},
		{enforced, seen, false, Failed},
		{degraded, nil, false, Passed},
		{degraded, seen, false, NotSupported},
		{not, nil, false, Failed},
		{not, seen, false, NotSupported},
		{not, seen, true, NotSupported},
		{nil, nil, false, Passed},
		{nil, seen, false, NotSupported},
		{nil, seen, true, Failed},
	} {
		if got := judge(&Feature{Name: "f"}, c.claims, c.err, c.reads); got.Result != c.want {
			t.Errorf("claim %s, %v: %s, want %s", c.claims.Claim(), c.err, got.Result, c.want)
		}
	}
	if got := judge(&Feature{Name: "f", Unclaimed: true}, enforced, seen, false); got.Result != NotSupported {
		t.Errorf("what the status does not speak of: %s", got.Result)
	}
	if got := judge(idle, not, nil, false); got.Result != Passed {
		t.Errorf("what a plane does that does nothing: %s", got.Result)
	}
}

// Every field of our kinds is the subject of some feature.
func TestEveryFieldHasAFeature(t *testing.T) {
	had := map[string]bool{}
	names := map[string]bool{}
	for _, f := range slices.Concat(features, limited) {
		if names[f.Name] {
			t.Errorf("two features are named %s", f.Name)
		}
		names[f.Name] = true
		for _, field := range f.Fields {
			had[field] = true
		}
	}
	for _, field := range []string{
		"TimeoutPolicy.request", "TimeoutPolicy.backend", "TimeoutPolicy.connect", "TimeoutPolicy.idle",
		"RetryPolicy.maxRetries", "RetryPolicy.retryOn", "RetryPolicy.backoffPolicy", "RetryPolicy.backoffBase", "RetryPolicy.backoffMax", "RetryPolicy.perTryTimeout",
		"RateLimitPolicy.requestsPerSecond", "RateLimitPolicy.burst", "RateLimitPolicy.key", "RateLimitPolicy.counter", "RateLimitPolicy.mode", "RateLimitPolicy.limits",
	} {
		if !had[field] {
			t.Errorf("no feature is about %s", field)
		}
	}
}
