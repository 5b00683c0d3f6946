package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/test/eventually"
)

var (
	racePairs = flag.Int("race.pairs", 2000, "pairs of writes that TestRacesPublishNothingThatIsForbidden makes")
	raceDelay = flag.Duration("race.delay", time.Second, "the longest time by which a webhook replica's watches are late in it")
)

const (
	raceLanes     = 80
	raceGuardrail = `
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: races}
spec:
  enforcement: Deny
  cel:
  - expression: "!has(effective.TimeoutPolicy) || !has(effective.TimeoutPolicy.request) || duration(effective.TimeoutPolicy.request) <= duration('60s')"
    message: no request may take longer than 60s
    fieldPath: effective.TimeoutPolicy.request
  - expression: "!has(effective.RetryPolicy) || (has(effective.TimeoutPolicy) && has(effective.TimeoutPolicy.request))"
    message: no retries without a timeout
`
	raceLane = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: LANE, namespace: shop}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: LANE, namespace: shop}, spec: {parentRefs: [{name: LANE}], rules: [{name: a}]}}
`
)

// pair is two writes, each of which is fine where the other is not. A block is
// what follows targetRef in the spec of a policy; an empty one is no policy.
type pair struct{ name, kind, above, aboveAfter, own, ownAfter string }

var pairs = []pair{
	{"a bound goes, a route asks for more", "TimeoutPolicy",
		`default: {request: 10s}, bounds: {request: {max: 60s}}`, `default: {request: 10s}`, `default: {request: 30s}`, `default: {request: 90s}`},
	{"an override goes, a route asks for more", "TimeoutPolicy",
		`override: {request: 20s}`, `override: {connect: 1s}`, `default: {request: 30s}`, `default: {request: 90s}`},
	{"a default rises, a route's own goes", "TimeoutPolicy",
		`default: {request: 10s}`, `default: {request: 90s}`, `default: {request: 30s}`, ``},
	{"a timeout goes, retries come", "RetryPolicy",
		`default: {request: 10s}`, `default: {connect: 1s}`, ``, `default: {maxRetries: 2}`},
}

// Two webhook replicas whose watches are late, each by a time of its own that
// keeps changing, and one controller. Pairs of writes come at once; each write is
// fine by itself. Every version of every route and EffectivePolicy is looked at.
func TestRacesPublishNothingThatIsForbidden(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}})
	admin := rest.CopyConfig(a.plane.Config)
	admin.QPS, admin.Burst = 5000, 5000
	w := a.as(admin, "shop")
	var begun atomic.Bool // until the replicas are ready nothing is late
	late := a.late(func() time.Duration {
		if !begun.Load() {
			return 0
		}
		return time.Duration(rand.Int64N(int64(*raceDelay) + 1))
	})
	var replicas []string
	for range 2 {
		_, address := a.replicaWith(late())
		replicas = append(replicas, address)
	}
	a.board.to(relay(t, nil, replicas...))
	account, err := a.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	controller := startManager(t, account.Kubeconfig)
	w.apply(`
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/gateway}}`)
	w.apply(raceGuardrail)
	begun.Store(true)
	lookout := newLookout(t, admin)

	var admitted, denied, failed, done atomic.Int64
	var lanes sync.WaitGroup
	for i := range raceLanes {
		lanes.Go(func() {
			l := &lane{w: w, name: fmt.Sprintf("lane-%d", i), pair: pairs[i%len(pairs)]}
			if err := l.build(); err != nil {
				t.Error(err)
				return
			}
			for done.Add(1) <= int64(*racePairs) {
				n, err := l.race(*raceDelay)
				switch {
				case err != nil:
					failed.Add(1)
					t.Logf("%s: %v", l.name, err)
				case n == 2:
					admitted.Add(1)
				default:
					denied.Add(1)
				}
			}
		})
	}
	restarted := make(chan struct{})
	go func() { // in the middle the controller is killed
		defer close(restarted)
		within(t, 10*time.Minute, "half of the pairs", func(context.Context) error {
			if done.Load() < int64(*racePairs/2) {
				return errors.New("not yet")
			}
			return nil
		})
		controller.kill()
		controller = startManager(t, account.Kubeconfig)
	}()
	lanes.Wait()
	<-restarted
	controller.idle(t)
	versions, values := lookout.end()
	t.Logf("%d pairs: of %d both writes were admitted, of %d at least one was denied, %d failed; %d versions with %d different contents were looked at",
		*racePairs, admitted.Load(), denied.Load(), failed.Load(), versions, values)
	t.Logf("policies said %d times that they are held back", lookout.holds.Load())
	if lookout.holds.Load() == 0 {
		t.Error("nothing was ever held back")
	}
	if admitted.Load() == 0 {
		t.Error("no race was lost, so nothing was tested: make replicas later")
	}
	if failed.Load() > int64(*racePairs/20) {
		t.Errorf("%d pairs could not be written", failed.Load())
	}
}

// lane is a Gateway with a route, and the two policies that are edited.
type lane struct {
	w    *world
	name string
	pair pair
}

func (l *lane) build() error {
	if err := l.set("TimeoutPolicy", l.name+"-above", "Gateway", l.pair.above); err != nil {
		return err
	}
	if err := l.set(l.pair.kind, l.name, "HTTPRoute", l.pair.own); err != nil {
		return err
	}
	for _, text := range strings.Split(strings.ReplaceAll(raceLane, "LANE", l.name), "\n---\n") {
		if err := l.w.Create(l.w.Context(), parsed(l.w, text)); err != nil {
			return err
		}
	}
	return nil
}

// race makes both writes, in either order and soon after each other, and says how
// many were admitted; then it puts all back, and waits until the replicas know.
func (l *lane) race(delay time.Duration) (admitted int, err error) {
	var errs [2]error
	var both sync.WaitGroup
	var gaps [2]time.Duration
	gaps[rand.IntN(2)] = time.Duration(rand.Int64N(int64(delay) * 3 / 2))
	both.Go(func() {
		l.late(gaps[0])
		errs[0] = l.set("TimeoutPolicy", l.name+"-above", "Gateway", l.pair.aboveAfter)
	})
	both.Go(func() {
		l.late(gaps[1])
		errs[1] = l.set(l.pair.kind, l.name, "HTTPRoute", l.pair.ownAfter)
	})
	both.Wait()
	for _, e := range errs {
		switch {
		case e == nil:
			admitted++
		case !strings.Contains(e.Error(), "races"):
			err = e
		}
	}
	// Touching a route has it annotated, perhaps by a replica that is late.
	touch := fmt.Appendf(nil, `{"metadata":{"labels":{"touched":"%d"}}}`, rand.Uint32())
	route := parsed(l.w, fmt.Sprintf("{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: %s, namespace: shop}}", l.name))
	err = errors.Join(err, l.w.Patch(l.w.Context(), route, client.RawPatch("application/merge-patch+json", touch)))
	l.late(time.Duration(rand.Int64N(int64(delay)))) // what was lost lies there for a while
	back := eventually.Try(l.w.Context(), 5*delay+patience, func(context.Context) error {
		if err := l.set("TimeoutPolicy", l.name+"-above", "Gateway", l.pair.above); err != nil {
			return err
		}
		return l.set(l.pair.kind, l.name, "HTTPRoute", l.pair.own)
	})
	if back != nil {
		return admitted, errors.Join(err, fmt.Errorf("it could not be put back: %w", back))
	}
	l.late(delay + 100*time.Millisecond) // replicas know everything this much later
	return admitted, err
}

// late returns some time later, or when the test ends. It plays the distance between writers and
// replicas, for which there is no event to wait for.
func (l *lane) late(by time.Duration) {
	select {
	case <-time.After(by):
	case <-l.w.Context().Done():
	}
}

// set makes a policy, changes it, or removes it.
func (l *lane) set(kind, name, target, block string) error {
	ctx, cancel := context.WithTimeout(l.w.Context(), 20*time.Second)
	defer cancel()
	u := named(kind, "shop", name)
	if block == "" {
		return client.IgnoreNotFound(l.w.Delete(ctx, u))
	}
	u = parsed(l.w, fmt.Sprintf("{apiVersion: attache.dev/v1alpha1, kind: %s, metadata: {name: %s, namespace: shop}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: %s, name: %s}, %s}}",
		kind, name, target, l.name, block))
	return l.w.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("racer"), client.ForceOwnership)
}

// lookout looks at every version of what data planes read.
type lookout struct {
	t        testing.TB
	stops    []func()
	watching sync.WaitGroup
	versions atomic.Int64
	holds    atomic.Int64 // versions of a policy that say that it is held back
	mu       sync.Mutex
	values   map[string]bool
}

func newLookout(t testing.TB, config *rest.Config) *lookout {
	t.Helper()
	clients, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	l := &lookout{t: t, values: map[string]bool{}}
	for _, resource := range []schema.GroupVersionResource{
		{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"},
		{Group: "attache.dev", Version: "v1alpha1", Resource: "effectivepolicies"},
		{Group: "attache.dev", Version: "v1alpha1", Resource: "timeoutpolicies"},
	} {
		objects := clients.Resource(resource)
		list, err := objects.List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		// It begins again where it ended, so that no version is missed.
		w, err := watch.NewRetryWatcherWithContext(t.Context(), list.GetResourceVersion(), &cache.ListWatch{
			WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
				return objects.Watch(ctx, o)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		l.stops = append(l.stops, w.Stop)
		l.watching.Go(func() {
			for event := range w.ResultChan() {
				if u, ok := event.Object.(*unstructured.Unstructured); ok {
					l.look(u)
				} else {
					t.Errorf("the watch on %s ends: %v", resource.Resource, event.Object)
				}
			}
		})
	}
	t.Cleanup(func() { l.end() })
	return l
}

// end stops looking, and says how many versions and contents there were.
func (l *lookout) end() (versions int64, values int) {
	for _, stop := range l.stops {
		stop()
	}
	l.watching.Wait()
	return l.versions.Load(), len(l.values)
}

var seconds = regexp.MustCompile(`^([0-9]+)s$`)

// look checks one version, knowing nothing of the engine.
func (l *lookout) look(u *unstructured.Unstructured) {
	if u.GetKind() == "TimeoutPolicy" {
		if strings.Contains(fmt.Sprint(u.Object["status"]), status.ReasonGuardrailViolated) {
			l.holds.Add(1)
		}
		return
	}
	l.versions.Add(1)
	text := u.GetAnnotations()[publish.Annotation]
	if u.GetKind() == publish.Kind {
		if !strings.HasPrefix(u.GetName(), "httproute.") {
			return // traffic is on routes
		}
		body, err := json.Marshal(u.Object["status"])
		if err != nil {
			l.t.Error(err)
		}
		text = string(body)
	}
	if text == "" || text == "null" {
		return
	}
	var value struct {
		Scopes []struct {
			Effective map[string]map[string]any `json:"effective"`
		} `json:"scopes"`
	}
	withheld := strings.Contains(text, `"withheld":`) || strings.Contains(text, `"type":"Published"`) && !strings.Contains(text, `"reason":"Published"`)
	if err := json.Unmarshal([]byte(text), &value); err != nil || len(value.Scopes) == 0 && !withheld {
		l.t.Errorf("%s %s cannot be read: %v: %s", u.GetKind(), u.GetName(), err, text)
	}
	for _, scope := range value.Scopes {
		request, _ := scope.Effective["TimeoutPolicy"]["request"].(string)
		_, retries := scope.Effective["RetryPolicy"]
		parts := seconds.FindStringSubmatch(request)
		tooLong := request != "" && (parts == nil || len(parts[1]) > 2 || parts[1] > "60")
		if tooLong || retries && request == "" {
			l.t.Errorf("published: %s %s version %s says %s", u.GetKind(), u.GetName(), u.GetResourceVersion(), text)
		}
		l.mu.Lock()
		l.values[fmt.Sprint(u.GetKind(), scope.Effective)] = true
		l.mu.Unlock()
	}
}

// replicaWith starts a webhook process that reaches the API server by another
// address.
func (a *admission) replicaWith(server string) (p *process, address string) {
	a.Helper()
	config, err := os.ReadFile(a.webhooks.Kubeconfig)
	if err != nil {
		a.Fatal(err)
	}
	text := regexp.MustCompile(`server: \S+`).ReplaceAllString(string(config), "server: https://"+server)
	file := filepath.Join(a.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		a.Fatal(err)
	}
	account := a.webhooks
	defer func() { a.webhooks = account }()
	a.webhooks.Kubeconfig = file
	return a.replica("--subject-access-reviews=false")
}

// late returns a function that makes addresses of the API server whose answers
// come late.
func (a *admission) late(delay func() time.Duration) func() string {
	server, err := url.Parse(a.plane.Config.Host)
	if err != nil {
		a.Fatal(err)
	}
	return func() string { return relay(a, delay, server.Host) }
}

// relay passes connections on, to one backend after the other. What comes back
// is late by a delay, in order.
func relay(t testing.TB, delay func() time.Duration, backends ...string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for n := 0; ; n++ {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", backends[n%len(backends)])
			if err != nil {
				_ = in.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(out, in)
				_ = out.Close()
			}()
			go func() {
				carry(in, out, delay)
				_ = in.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

// carry copies, late by delays that are drawn for each part.
func carry(to io.Writer, from io.Reader, delay func() time.Duration) {
	if delay == nil {
		_, _ = io.Copy(to, from)
		return
	}
	type part struct {
		data []byte
		due  time.Time
	}
	parts := make(chan part, 1<<16)
	go func() {
		defer close(parts)
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				parts <- part{append([]byte(nil), buffer[:n]...), time.Now().Add(delay())}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range parts {
		<-time.After(time.Until(p.due)) // how late it is
		if _, err := to.Write(p.data); err != nil {
			return
		}
	}
}
