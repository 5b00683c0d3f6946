package install

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/eventually"
)

// fewSeats are flags of an API server that handles few requests at a time.
var fewSeats = map[string][]string{"max-requests-inflight": {"10"}, "max-mutating-requests-inflight": {"6"}}

// The flood: so many workloads, each of which has so many writes under way.
const (
	workloads     = 16
	writesOfEach  = 10
	reviewsToTime = 8
)

// platform is a Gateway whose policies reach into the shop, and a team that may read routes there.
const platform = `{apiVersion: v1, kind: Namespace, metadata: {name: infra}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: front, namespace: infra}, spec: {gatewayClassName: public, listeners: [{name: http, protocol: HTTP, port: 80, allowedRoutes: {namespaces: {from: All}}}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: basket, namespace: shop}, spec: {parentRefs: [{name: front, namespace: infra}], rules: [{backendRefs: [{name: basket, port: 80}]}]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: platform}
rules:
- {apiGroups: [gateway.networking.k8s.io], resources: [httproutes], verbs: [get]}
- {apiGroups: [attache.dev], resources: [timeoutpolicies], verbs: [create]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: platform}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: platform}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: platform}]}
---
{apiVersion: v1, kind: Namespace, metadata: {name: flood}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: flood, namespace: flood}, rules: [{apiGroups: [""], resources: [configmaps], verbs: [create]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: flood, namespace: flood}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: flood}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:serviceaccounts"}]}`

// TestOthersFloodTheAPIServer lets workloads take all the seats that an API server has for
// workloads. Reviews ask the API server what their author may read. Without flowSchema.enabled their
// questions wait among the flood, so that authors are told less, and later. With it they are told
// everything, and a replica that starts then becomes ready.
func TestOthersFloodTheAPIServer(t *testing.T) {
	c := start(t, fewSeats)
	c.apply(shop + "\n---\n" + platform)
	c.helms("install", release, chart, "--create-namespace", "--set", "webhook.drainDelay=1s")
	running := []*pod{c.launch("attache-controller"), c.launch("attache-webhook")}
	for _, p := range running {
		p.awaitReady()
	}
	c.policiesServed()
	c.apply(ceiling)
	c.refuses("checkout", "90s")
	if told, _ := c.reviews("calm"); told != reviewsToTime {
		t.Fatalf("without a flood, %d of %d refusals name the route", told, reviewsToTime)
	}

	c.flood()
	told, took := c.reviews("flooded")
	t.Logf("without a FlowSchema: %d of %d refusals name the route, the slowest took %s", told, reviewsToTime, took.Round(time.Millisecond))
	if told == reviewsToTime {
		t.Error("the flood delays nothing")
	}

	c.helms("upgrade", release, chart, "--reset-then-reuse-values", "--set", "flowSchema.enabled=true")
	c.within(eventually.Limit, "see a refusal that names the route", func(context.Context) error {
		told, took = c.reviews(fmt.Sprintf("apart-%d", time.Now().UnixNano()))
		if told != reviewsToTime {
			return fmt.Errorf("%d of %d do", told, reviewsToTime)
		}
		return nil
	})
	t.Logf("with it: all of them do, the slowest took %s", took.Round(time.Millisecond))
	if c.dispatched("attache", "workload-high") == 0 {
		t.Error("the API server did not use the FlowSchema of the chart")
	}
	began := time.Now()
	fresh := c.launch("attache-webhook")
	fresh.awaitReady()
	t.Logf("a replica that was started meanwhile was ready after %s", time.Since(began).Round(time.Millisecond))
	if c.waiting() == 0 {
		t.Error("the flood is over")
	}
	c.alive(append(running, fresh))
}

// reviews has members of the platform team, whom nobody has asked about before, write what a
// guardrail forbids. It returns how many of the refusals name the route concerned, which is in a
// namespace that the authors may read, and how long the slowest one took.
func (c *cluster) reviews(team string) (told int, slowest time.Duration) {
	c.Helper()
	for i := range reviewsToTime {
		somebody := c.as(fmt.Sprintf("%s-%d", team, i), "platform")
		policy := policyObject("front")
		policy.SetNamespace("infra")
		policy.Object["spec"] = map[string]any{
			"targetRefs": []any{map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "front"}},
			"override":   map[string]any{"request": "90s"},
		}
		began := time.Now()
		err := somebody.Create(c.Context(), policy, client.DryRunAll)
		slowest = max(slowest, time.Since(began))
		if err == nil || !strings.Contains(err.Error(), "refused by guardrail ceiling") {
			c.Fatalf("the policy is not refused by the guardrail: %v", err)
		}
		if strings.Contains(err.Error(), "shop/basket") {
			told++
		}
	}
	return told, slowest
}

// as is a client of somebody else.
func (c *cluster) as(user string, groups ...string) client.Client {
	c.Helper()
	config := rest.CopyConfig(c.plane.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append(groups, "system:authenticated")}
	other, err := client.New(config, client.Options{Mapper: c.RESTMapper()})
	if err != nil {
		c.Fatal(err)
	}
	return other
}

// flood makes workloads write ConfigMaps, whose webhook does not answer, until the test ends. It
// returns when requests of workloads wait for each other.
func (c *cluster) flood() {
	c.Helper()
	over := make(chan struct{})
	silent := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the end of the call is not noticed
		select {
		case <-over:
		case <-r.Context().Done():
		}
	}))
	ctx, cancel := context.WithCancel(context.Background())
	var writes sync.WaitGroup
	c.Cleanup(func() {
		cancel()
		close(over)
		writes.Wait()
		silent.Close()
	})
	if err := c.Create(c.Context(), silence(silent)); err != nil {
		c.Fatal(err)
	}
	for i := range workloads * writesOfEach {
		workload := c.as(fmt.Sprintf("system:serviceaccount:flood:workload-%d", i%workloads), "system:serviceaccounts")
		writes.Go(func() {
			for ctx.Err() == nil {
				// What becomes of it does not matter.
				_ = workload.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("config-%d", i), Namespace: "flood"}}, client.DryRunAll)
			}
		})
	}
	c.within(eventually.Limit, "see workloads wait", func(context.Context) error {
		if n := c.waiting(); n < workloads*writesOfEach/2 {
			return fmt.Errorf("%v requests wait", n)
		}
		return nil
	})
}

// silence is a webhook for the ConfigMaps of the flood.
func silence(server *httptest.Server) client.Object {
	ignore, none, seconds := admissionregistrationv1.Ignore, admissionregistrationv1.SideEffectClassNone, int32(30)
	return &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "silence"},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: "silence.example.com",
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				URL:      &server.URL,
				CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
			},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "flood"}},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
			}},
			FailurePolicy: &ignore, SideEffects: &none, TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"},
		}},
	}
}

// waiting is how many requests of workloads the API server has in its queues.
func (c *cluster) waiting() float64 {
	c.Helper()
	return c.flowing("current_inqueue_requests", `flow_schema="service-accounts"`)
}

// dispatched is how many requests the API server has handled by a FlowSchema at a level.
func (c *cluster) dispatched(schema, level string) float64 {
	c.Helper()
	return c.flowing("dispatched_requests_total", `flow_schema="`+schema+`",priority_level="`+level+`"`)
}

// flowing is the sum of a metric of API Priority and Fairness.
func (c *cluster) flowing(metric, labels string) float64 {
	c.Helper()
	admin, err := kubernetes.NewForConfig(c.plane.Config)
	if err != nil {
		c.Fatal(err)
	}
	text, err := admin.RESTClient().Get().AbsPath("/metrics").DoRaw(c.Context())
	if err != nil {
		c.Fatal(err)
	}
	sum := 0.0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "apiserver_flowcontrol_"+metric+"{") || !strings.Contains(line, labels) {
			continue
		}
		var n float64
		if _, err := fmt.Sscan(line[strings.LastIndex(line, " ")+1:], &n); err != nil {
			c.Fatal(errors.Join(errors.New(line), err))
		}
		sum += n
	}
	return sum
}
