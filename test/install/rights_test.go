package install

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
)

// right is a verb on a resource. A right on one name counts as one on the resource.
type right struct{ verb, group, resource string }

func (r right) String() string { return r.verb + " " + strings.TrimSuffix(r.resource+"."+r.group, ".") }

// used are the rights that the API server saw an account use, and what it refused.
func (c *cluster) used(account string) (used map[right]bool, refused []string) {
	c.Helper()
	file, err := os.Open(c.audit)
	if err != nil {
		c.Fatal(err)
	}
	defer file.Close()
	used = map[right]bool{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			Verb, RequestURI string
			User             struct{ Username string }
			ObjectRef        *struct{ APIGroup, Resource, Subresource string }
			Annotations      map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			c.Fatal(err)
		}
		if event.User.Username != "system:serviceaccount:"+namespace+":"+account || event.ObjectRef == nil {
			continue
		}
		if event.Annotations["authorization.k8s.io/decision"] == "forbid" {
			refused = append(refused, event.Verb+" "+event.RequestURI)
			continue
		}
		resource := event.ObjectRef.Resource
		if event.ObjectRef.Subresource != "" {
			resource += "/" + event.ObjectRef.Subresource
		}
		used[right{event.Verb, event.ObjectRef.APIGroup, resource}] = true
	}
	return used, refused
}

// granted are the rights that the release gives an account, on what the API server serves.
func (c *cluster) granted(account string) map[right]bool {
	c.Helper()
	served := c.served()
	bound := map[string]bool{}
	for _, kind := range []string{"ClusterRoleBinding", "RoleBinding"} {
		for _, u := range c.installed(kind) {
			subjects, _, _ := unstructured.NestedSlice(u.Object, "subjects")
			for _, s := range subjects {
				if s.(map[string]any)["name"] == account {
					role, _, _ := unstructured.NestedStringMap(u.Object, "roleRef")
					bound[role["kind"]+" "+role["name"]] = true
				}
			}
		}
	}
	granted := map[right]bool{}
	for _, kind := range []string{"ClusterRole", "Role"} {
		for _, u := range c.installed(kind) {
			rules, _, _ := unstructured.NestedSlice(u.Object, "rules")
			for _, rule := range rules {
				if !bound[kind+" "+u.GetName()] {
					continue
				}
				list := func(key string) []string {
					texts, _, _ := unstructured.NestedStringSlice(rule.(map[string]any), key)
					return texts
				}
				for _, g := range list("apiGroups") {
					for _, r := range list("resources") {
						for _, v := range list("verbs") {
							if served[g+"/"+r] {
								granted[right{v, g, r}] = true
							}
						}
					}
				}
			}
		}
	}
	return granted
}

// served are the resources of the API server, as group/resource.
func (c *cluster) served() map[string]bool {
	c.Helper()
	finder, err := discovery.NewDiscoveryClientForConfig(c.plane.Config)
	if err != nil {
		c.Fatal(err)
	}
	_, lists, err := finder.ServerGroupsAndResources()
	if err != nil {
		c.Fatal(err)
	}
	served := map[string]bool{}
	for _, l := range lists {
		group, _, versioned := strings.Cut(l.GroupVersion, "/")
		if !versioned {
			group = ""
		}
		for _, r := range l.APIResources {
			served[group+"/"+r.Name] = true
		}
	}
	return served
}

// installed are the RBAC objects of a kind that belong to the release.
func (c *cluster) installed(kind string) []unstructured.Unstructured {
	c.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("rbac.authorization.k8s.io/v1")
	list.SetKind(kind + "List")
	if err := c.List(c.Context(), list); err != nil {
		c.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(u unstructured.Unstructured) bool {
		return u.GetLabels()["app.kubernetes.io/part-of"] != "attache"
	})
}

// rightsFit compares what an account was granted with what it used. Rights that a test cannot use,
// and those that are for others, are named with a reason.
func (c *cluster) rightsFit(account string, unused map[right]string) {
	c.Helper()
	used, refused := c.used(account)
	for _, r := range refused {
		c.Errorf("%s was refused: %s", account, r)
	}
	granted := c.granted(account)
	for _, r := range slices.SortedFunc(maps.Keys(granted), func(a, b right) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
		// Where there is no streaming list, before Kubernetes 1.34, client-go lists before it watches.
		if r.verb == "list" && used[right{"watch", r.group, r.resource}] {
			continue
		}
		if _, excused := unused[r]; !used[r] && !excused {
			c.Errorf("%s may %s, and did not: take the right away, or say why it is needed", account, r)
		}
		if reason, excused := unused[r]; used[r] && excused {
			c.Errorf("%s did %s, although it is said not to be used here (%s)", account, r, reason)
		}
	}
	if len(used) < 10 {
		c.Errorf("%s used only %d rights", account, len(used))
	}
}

// crowd is what has attache do all that it does: every kind, policies on every level, a guardrail.
const crowd = `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: all, namespace: shop}, spec: {gatewayClassName: public, allowedListeners: {namespaces: {from: Same}}, listeners: [{name: http, protocol: HTTP, port: 80}, {name: tls, protocol: TLS, port: 443, tls: {mode: Passthrough}}, {name: tcp, protocol: TCP, port: 90}, {name: udp, protocol: UDP, port: 53}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: ListenerSet, metadata: {name: more, namespace: shop}, spec: {parentRef: {name: all}, listeners: [{name: http, protocol: HTTP, port: 81}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: set, namespace: shop}, spec: {parentRefs: [{kind: ListenerSet, name: more}], rules: [{backendRefs: [{name: a, port: 80}]}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GRPCRoute, metadata: {name: grpc, namespace: shop}, spec: {parentRefs: [{name: all}], rules: [{backendRefs: [{name: a, port: 80}]}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: TLSRoute, metadata: {name: tls, namespace: shop}, spec: {hostnames: [a.example.com], parentRefs: [{name: all}], rules: [{backendRefs: [{name: a, port: 80}]}]}}
---
{apiVersion: gateway.networking.k8s.io/v1alpha2, kind: TCPRoute, metadata: {name: tcp, namespace: shop}, spec: {parentRefs: [{name: all}], rules: [{backendRefs: [{name: a, port: 80}]}]}}
---
{apiVersion: gateway.networking.k8s.io/v1alpha2, kind: UDPRoute, metadata: {name: udp, namespace: shop}, spec: {parentRefs: [{name: all}], rules: [{backendRefs: [{name: a, port: 80}]}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: class, namespace: attache-system}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: GatewayClass, name: public}], default: {request: 21s, connect: 3s, idle: 60s}}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: gateway, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: all}], default: {request: 20s, connect: 2s, idle: 50s}}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: set, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: ListenerSet, name: more}], default: {request: 19s}}}
---
{apiVersion: attache.dev/v1alpha1, kind: RetryPolicy, metadata: {name: retry, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: all}], default: {maxRetries: 2}}}
---
{apiVersion: attache.dev/v1alpha1, kind: RateLimitPolicy, metadata: {name: rate, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: all}], default: {requestsPerSecond: 100}}}
---
{apiVersion: attache.dev/v1alpha1, kind: PolicyGuardrail, metadata: {name: short}, spec: {enforcement: Warn, cel: [{expression: "!has(effective.TimeoutPolicy) || !has(effective.TimeoutPolicy.request) || duration(effective.TimeoutPolicy.request) < duration('1m')", message: a minute is too long}]}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: other}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: guest, namespace: other}, spec: {parentRefs: [{name: open, namespace: shop}], rules: [{backendRefs: [{name: a, port: 80}]}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: open, namespace: shop}, spec: {gatewayClassName: public, listeners: [{name: http, protocol: HTTP, port: 80, allowedRoutes: {namespaces: {from: All}}}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: open, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: open}], override: {request: 11s}}}`

// exercise has attache do all that it does.
func (c *cluster) exercise() {
	c.Helper()
	c.apply(crowd)
	c.within(60*time.Second, "see everything resolved", func(context.Context) error {
		for _, name := range []string{"httproute.set", "grpcroute.grpc", "tlsroute.tls", "tcproute.tcp", "udproute.udp"} {
			if c.object("attache.dev/v1alpha1", "EffectivePolicy", "shop", name) == nil {
				return fmt.Errorf("there is no EffectivePolicy %s", name)
			}
		}
		return nil
	})
	// What nobody reaches any more has no result.
	for _, u := range []*unstructured.Unstructured{
		c.object("attache.dev/v1alpha1", "TimeoutPolicy", "shop", "open"),
		c.object("attache.dev/v1alpha1", "TimeoutPolicy", namespace, "class"),
	} {
		if err := c.Delete(c.Context(), u); err != nil {
			c.Fatal(err)
		}
	}
	c.within(60*time.Second, "see the results of what is gone removed", func(context.Context) error {
		if c.object("attache.dev/v1alpha1", "EffectivePolicy", "other", "httproute.guest") != nil {
			return errors.New("it is there")
		}
		return nil
	})
}

// notHere are rights that nothing here has the controller use.
var notHere = map[right]string{
	{"create", "attache.dev", "effectivepolicies"}:        "an apply that creates is a patch in the audit log, and asks for both rights",
	{"update", "attache.dev", "effectivepolicies"}:        "puts right what somebody else wrote into results, where both locks are missing",
	{"update", "attache.dev", "effectivepolicies/status"}: "the same",
	{"update", "", "secrets"}:                             "replaces the authority, after eight months",
	{"create", "events.k8s.io", "events"}:                 "tells of a result that a guardrail holds back, which takes a write that nobody reviewed",
	{"patch", "", "events"}:                               "counts a repeated event of the Lease",
}
