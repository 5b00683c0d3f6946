package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/eventually"
)

// A short lease, so that another controller takes over soon.
const shortLease = 15 * time.Second

// crowded is how many routes a leader has to write when it is frozen: more than it can write before
// the signal arrives.
const crowded = 300

// TestAFrozenLeaderWritesNothingStale stops the process of the leader in the middle of its writes,
// as a suspended virtual machine does, and lets it go on when another one has taken over and has
// written something newer. What it had still planned is written by nobody, not even for a moment.
func TestAFrozenLeaderWritesNothingStale(t *testing.T) {
	c := start(t)
	c.apply(shop)
	c.helms("install", release, chart, "--create-namespace", "--set", "webhook.drainDelay=1s",
		"--set", "controller.leaseDuration="+shortLease.String())
	webhook, leader := c.launch("attache-webhook"), c.launch("attache-controller")
	webhook.awaitReady()
	leader.awaitReady()
	c.within(eventually.Limit, "see the first controller lead", leader.leads)
	for i := range crowded {
		c.apply(fmt.Sprintf(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r%d, namespace: shop}, spec: {parentRefs: [{name: public}], rules: [{backendRefs: [{name: checkout, port: 80}]}]}}`, i))
	}
	c.apply(policyOfPublic(7))
	c.within(eventually.Limit, "see 7s everywhere", c.everywhere("7s"))
	rounds := 1
	if soak(t) > 0 {
		rounds = 10
	}
	for round := range rounds {
		leader = c.frozen(leader, 10*round+8)
		c.alive([]*pod{webhook, leader})
	}
}

// frozen freezes the leader while it writes one timeout, has another controller write another one,
// and lets the old leader go on. It returns the new leader.
func (c *cluster) frozen(leader *pod, seconds int) *pod {
	c.Helper()
	other := c.launch("attache-controller")
	other.awaitReady()
	half := c.record()
	planned, newer := fmt.Sprintf("%ds", seconds), fmt.Sprintf("%ds", seconds+1)
	c.apply(policyOfPublic(seconds))
	c.within(eventually.Limit, "see the leader write", func(context.Context) error {
		if half.with(planned) == 0 {
			return errors.New("it has not begun")
		}
		return nil
	})
	leader.signal(syscall.SIGSTOP)
	written := half.with(planned)
	if written >= crowded {
		c.Fatalf("the leader had written all %d routes before it was frozen", written)
	}
	c.apply(policyOfPublic(seconds + 1))
	c.within(eventually.Limit, "see the other one lead", other.leads)
	c.within(eventually.Limit, "see "+newer+" everywhere", c.everywhere(newer))
	c.within(eventually.Limit, "see the policy settled", c.settled)

	seen := c.record()
	leader.signal(syscall.SIGCONT)
	leader.deposed()
	changes := seen.upToNow(c)
	c.Logf("the leader was frozen after %d of %d routes; when it went on, %d objects were changed", written, crowded, len(changes))
	for _, change := range changes[:min(len(changes), 5)] {
		c.Errorf("after another leader had written %s: %s", newer, change)
	}
	c.within(eventually.Limit, "see "+newer+" everywhere", c.everywhere(newer))
	return other
}

// TestALeaderThatIsCutOff cuts the leader alone off from the API server. Another one takes over, the
// old one ends, and whoever writes notices nothing.
func TestALeaderThatIsCutOff(t *testing.T) {
	c := start(t)
	c.apply(shop)
	c.helms("install", release, chart, "--create-namespace", "--set", "webhook.drainDelay=1s",
		"--set", "controller.leaseDuration="+shortLease.String())
	wire := newWire(t, c.plane.Config.Host)
	c.wire = wire
	leader := c.launch("attache-controller")
	leader.awaitReady()
	c.within(eventually.Limit, "see the first controller lead", leader.leads)
	c.wire = nil
	other, webhook := c.launch("attache-controller"), c.launch("attache-webhook")
	other.awaitReady()
	webhook.awaitReady()
	c.policiesServed()
	c.apply(ceiling)
	c.refuses("checkout", "90s")

	writer := c.writeAnd(rateOf(t, 50), "guardrail ceiling")
	wire.cutIt()
	c.apply(policyOfShop("checkout", "8s"))
	leader.deposed()
	c.within(eventually.Limit, "see the other one lead", other.leads)
	c.inForce("8s")
	wire.mend()
	c.apply(policyOfShop("checkout", "9s"))
	c.inForce("9s")
	writer.reaches(c, writer.soFar()+rateOf(t, 50))
	writer.stopsWithout(t, "the loss of a leader")
	c.alive([]*pod{other, webhook})
}

// policyOfPublic is a policy of the Gateway.
func policyOfPublic(seconds int) string {
	return fmt.Sprintf(`{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: public, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: public}], default: {request: %ds}}}`, seconds)
}

// leads returns no error when the process holds the Lease.
func (p *pod) leads(context.Context) error {
	is, err := p.scrape(`leader_election_master_status{name="controller.attache.dev"}`)
	if err == nil && is[0] != 1 {
		err = errors.New("it does not lead")
	}
	return err
}

// deposed waits until the process has ended because it lost the Lease.
func (p *pod) deposed() {
	p.c.Helper()
	p.c.within(eventually.Limit, "see the old leader end", func(context.Context) error {
		select {
		case <-p.exited:
			return nil
		default:
			return errors.New("it runs")
		}
	})
	if p.reason == nil {
		p.c.Error("the old leader ended without an error")
	}
}

func (p *pod) signal(s syscall.Signal) {
	p.c.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.c.Fatal(err)
	}
}

// everywhere checks that a timeout is published for each of the crowd.
func (c *cluster) everywhere(timeout string) func(context.Context) error {
	return func(context.Context) error {
		for _, kind := range recorded[:2] {
			n, items := 0, c.list(kind).Items
			for i := range items {
				if strings.Contains(content(&items[i]), timeout) {
					n++
				}
			}
			if n < crowded {
				return fmt.Errorf("%d of %d %ss say it", n, crowded, kind[1])
			}
		}
		return nil
	}
}

// settled checks that the status of the policy of the Gateway is that of its generation, and final.
func (c *cluster) settled(context.Context) error {
	u := c.object("attache.dev/v1alpha1", "TimeoutPolicy", "shop", "public")
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, condition := range conditions {
		m := condition.(map[string]any)
		if m["type"] == "Reconciling" {
			return fmt.Errorf("it is reconciling: %v", m["message"])
		}
		if m["type"] == "Ready" && m["status"] == "True" && m["observedGeneration"] == u.GetGeneration() {
			return nil
		}
	}
	return fmt.Errorf("its conditions are %v", conditions)
}

// recorded are the kinds into which a controller writes here; the first two have results.
var recorded = [][2]string{
	{"gateway.networking.k8s.io/v1", "HTTPRoute"}, {"attache.dev/v1alpha1", "EffectivePolicy"},
	{"gateway.networking.k8s.io/v1", "Gateway"}, {"gateway.networking.k8s.io/v1", "GatewayClass"}, {"attache.dev/v1alpha1", "TimeoutPolicy"},
}

// record is what watches saw.
type record struct {
	mu       sync.Mutex
	first    map[string]string // what each object said at the beginning
	now      map[string]string
	versions map[string]string
	changes  []string // from what was said at the beginning
}

// record begins to watch what a controller writes.
func (c *cluster) record() *record {
	c.Helper()
	watching, err := client.NewWithWatch(c.plane.Config, client.Options{})
	if err != nil {
		c.Fatal(err)
	}
	r := &record{first: map[string]string{}, now: map[string]string{}, versions: map[string]string{}}
	for _, kind := range recorded {
		list := c.list(kind)
		r.mu.Lock()
		for i := range list.Items {
			key := named(&list.Items[i])
			r.first[key], r.versions[key] = content(&list.Items[i]), list.Items[i].GetResourceVersion()
			r.now[key] = r.first[key]
		}
		r.mu.Unlock()
		events, err := watching.Watch(c.Context(), list, &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}})
		if err != nil {
			c.Fatal(err)
		}
		c.Cleanup(events.Stop)
		go r.follow(events)
	}
	return r
}

func (c *cluster) list(kind [2]string) *unstructured.UnstructuredList {
	c.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion(kind[0])
	list.SetKind(kind[1] + "List")
	if err := c.List(c.Context(), list); err != nil {
		c.Fatal(err)
	}
	return list
}

func (r *record) follow(events watch.Interface) {
	for e := range events.ResultChan() {
		u, is := e.Object.(*unstructured.Unstructured)
		if !is {
			continue
		}
		key, text := named(u), content(u)
		r.mu.Lock()
		if first, was := r.first[key]; was && text != r.now[key] && (text != first || e.Type == watch.Deleted) {
			r.changes = append(r.changes, fmt.Sprintf("%s %s: it said %s, and now %s", e.Type, key, first, text))
		}
		r.now[key], r.versions[key] = text, u.GetResourceVersion()
		r.mu.Unlock()
	}
}

// with is how many routes have a timeout now.
func (r *record) with(timeout string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, text := range r.now {
		if strings.HasPrefix(key, "HTTPRoute ") && strings.Contains(text, timeout) {
			n++
		}
	}
	return n
}

// upToNow returns the changes, including those that the API server has made already and the watches
// have not delivered yet.
func (r *record) upToNow(c *cluster) []string {
	c.Helper()
	for _, kind := range recorded {
		for _, u := range c.list(kind).Items {
			c.within(eventually.Limit, "see the watches catch up", func(context.Context) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				if seen := r.versions[named(&u)]; seen == "" || number(c, seen) < number(c, u.GetResourceVersion()) {
					return fmt.Errorf("of %s version %q was seen, not %s", named(&u), seen, u.GetResourceVersion())
				}
				return nil
			})
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.changes)
}

func named(u *unstructured.Unstructured) string {
	return u.GetKind() + " " + u.GetNamespace() + "/" + u.GetName()
}

// content is what a controller writes about an object.
func content(u *unstructured.Unstructured) string {
	text, err := json.Marshal([]any{u.GetAnnotations()["attache.dev/effective-policies"], u.GetOwnerReferences(), u.Object["status"]})
	if err != nil {
		return err.Error()
	}
	return string(text)
}
