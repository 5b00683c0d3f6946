package charts

import (
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
)

// Variants are installations that tests try, here and on a real API server.
var variants = map[string]map[string]any{
	"as it comes":  {},
	"generated":    {"certificates": map[string]any{"provider": "generated"}},
	"cert-manager": {"certificates": map[string]any{"provider": "cert-manager"}},
	"everything on": {
		"platformNamespaces": []any{"infra"},
		"policyKinds":        []any{map[string]any{"group": "example.com", "resource": "corspolicies", "kind": "CORSPolicy", "manageStatus": true}},
		"routeKinds":         []any{map[string]any{"group": "example.com", "resource": "websocketroutes", "kind": "WebSocketRoute", "versions": []any{"v1"}}},
		"networkPolicy": map[string]any{
			"enabled": true, "apiServerCIDRs": []any{"10.0.0.0/28"},
			"egress":      map[string]any{"enabled": true, "additional": []any{toCollector}},
			"metricsFrom": []any{map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": "monitoring"}}}},
		},
		"metrics": map[string]any{
			"secure":         true,
			"serviceMonitor": map[string]any{"enabled": true, "labels": map[string]any{"release": "prometheus"}},
			"prometheusRule": map[string]any{"enabled": true, "disabled": []any{"AttacheRoutesWithheld"}},
			"dashboard":      map[string]any{"enabled": true, "annotations": map[string]any{"folder": "gateways"}},
		},
		"flowSchema": map[string]any{"enabled": true},
		"webhook":    placed("system-cluster-critical"),
		"controller": placed("system-cluster-critical"),
		"image":      map[string]any{"digest": "sha256:" + strings.Repeat("0", 64), "pullSecrets": []any{map[string]any{"name": "registry"}}},
	},
	"a given Secret, and callers that show certificates": {
		"certificates": map[string]any{"provider": "existing", "existingSecret": "tls", "caBundle": "YQ=="},
		"webhook":      map[string]any{"callers": map[string]any{"configMap": "callers", "names": []any{"kube-apiserver"}}},
	},
	"metrics with a given certificate": {
		"metrics": map[string]any{"secure": true, "certificateSecret": "metrics-tls", "serviceMonitor": map[string]any{"enabled": true}},
	},
	"callers that show certificates": {"webhook": map[string]any{"callers": map[string]any{"configMap": "callers"}}},
	"exporters":                      {"export": map[string]any{"exporters": []any{"envoy-gateway", "traefik", "standard"}}},
	"an exporter comes, another goes": {"export": map[string]any{
		"exporters": []any{"standard"}, "cleanup": []any{"envoy-gateway", "traefik"}, "refuseUnenforced": true,
		"parameters": map[string]any{"standard": map[string]any{"inject": "All"}, "traefik": map[string]any{"mode": "Plan"}},
	}},
	"what writes and protects more or less": {
		"export":     map[string]any{"exporters": []any{"envoy-gateway"}, "protect": false},
		"admission":  map[string]any{"namespaceLabels": true, "protectResults": false, "accessReviews": false},
		"controller": map[string]any{"reports": true, "podDisruptionBudget": map[string]any{"enabled": false}},
		"webhook":    map[string]any{"podDisruptionBudget": map[string]any{"enabled": false}},
		"flowSchema": map[string]any{"enabled": true}, "vendorPolicies": false,
	},
	"CRDs that go with the release": {"crds": map[string]any{"keep": false}, "hostUsers": false},
	"an issuer of one's own":        {"certificates": map[string]any{"provider": "cert-manager", "issuerRef": map[string]any{"name": "platform", "kind": "ClusterIssuer"}}},
	"as many pods as needed": {"webhook": map[string]any{
		"autoscaling": map[string]any{"enabled": true}, "tlsMinVersion": "1.2", "drainDelay": "1m30s",
		"podDisruptionBudget": map[string]any{"maxUnavailable": "20%"},
	}},
	"everything off": {
		"annotateRoutes": false, "crds": map[string]any{"install": false},
		"controller": map[string]any{"replicas": 1, "leaderElection": false},
		"rbac":       map[string]any{"aggregate": false}, "metrics": map[string]any{"enabled": false},
		"test": map[string]any{"enabled": false},
	},
}

// toCollector is an egress rule, as a NetworkPolicy has them.
var toCollector = map[string]any{
	"to":    []any{map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": "observability"}}}},
	"ports": []any{map[string]any{"port": int64(4317), "protocol": "TCP"}},
}

// placed are values of a component that say where its pods run.
func placed(priority string) map[string]any {
	return map[string]any{
		"priorityClassName": priority,
		"nodeSelector":      map[string]any{"kubernetes.io/os": "linux"},
		"tolerations":       []any{map[string]any{"key": "dedicated", "operator": "Exists"}},
		"affinity":          map[string]any{"nodeAffinity": map[string]any{}},
		"podLabels":         map[string]any{"team": "gateways"},
		"podAnnotations":    map[string]any{"example.com/a": "b"},
		"extraArgs":         []any{"--kube-api-qps=50"},
		"topologySpread":    map[string]any{"whenUnsatisfiable": "DoNotSchedule"},
	}
}

func rendered(t *testing.T, values map[string]any) []*unstructured.Unstructured {
	t.Helper()
	objects, err := Render(Release{Values: values, Hooks: true})
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func each(t *testing.T, test func(t *testing.T, objects []*unstructured.Unstructured)) {
	for name, values := range variants {
		t.Run(name, func(t *testing.T) { test(t, rendered(t, values)) })
	}
}

func find(objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	i := slices.IndexFunc(objects, func(u *unstructured.Unstructured) bool { return u.GetKind() == kind && u.GetName() == name })
	if i < 0 {
		return nil
	}
	return objects[i]
}

// kinds are the objects of a kind.
func kinds(objects []*unstructured.Unstructured, kind string) (found []*unstructured.Unstructured) {
	for _, u := range objects {
		if u.GetKind() == kind {
			found = append(found, u)
		}
	}
	return found
}

func TestTheChartHasTheCRDsThatTheFolderCRDsHas(t *testing.T) {
	entries, err := fs.ReadDir(files, "attache/files/crds")
	if err != nil {
		t.Fatal(err)
	}
	source := crds.Attache()
	if len(entries) != len(source) {
		t.Errorf(`the chart has %d CRDs, the folder crds %d: run "go generate ./charts"`, len(entries), len(source))
	}
	objects := rendered(t, nil)
	for _, file := range source {
		data, err := files.ReadFile("attache/files/crds/" + path.Base(file.Name))
		if err != nil || string(data) != string(file.Data) {
			t.Errorf(`the chart's copy of %s differs (%v): run "go generate ./charts"`, file.Name, err)
		}
		want := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(file.Data, &want.Object); err != nil {
			t.Fatal(err)
		}
		got := find(objects, "CustomResourceDefinition", want.GetName())
		if got == nil {
			t.Errorf("%s is not rendered", want.GetName())
			continue
		}
		annotations := want.GetAnnotations()
		annotations["helm.sh/resource-policy"] = "keep"
		want.SetAnnotations(annotations)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is rendered otherwise than it is written", want.GetName())
		}
	}
	if u := find(rendered(t, map[string]any{"crds": map[string]any{"install": false}}), "CustomResourceDefinition", "timeoutpolicies.attache.dev"); u != nil {
		t.Error("crds.install false installs CRDs")
	}
}

// Gateway API's CRDs are the cluster's: whatever the values, the chart has none of them, and gives nobody
// the right to write CRDs.
func TestGatewayAPIsCRDsAreLeftAlone(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		for _, u := range objects {
			group, _, _ := unstructured.NestedString(u.Object, "spec", "group")
			if u.GetKind() == "CustomResourceDefinition" && group != "attache.dev" {
				t.Errorf("the chart has the CRD %s", u.GetName())
			}
			rules, _, _ := unstructured.NestedSlice(u.Object, "rules")
			for _, r := range rules {
				rule, _ := r.(map[string]any)
				resources, _, _ := unstructured.NestedStringSlice(rule, "resources")
				verbs, _, _ := unstructured.NestedStringSlice(rule, "verbs")
				writes := slices.ContainsFunc(verbs, func(v string) bool { return v != "get" && v != "list" && v != "watch" })
				if writes && (slices.Contains(resources, "customresourcedefinitions") || slices.Contains(resources, "*")) {
					t.Errorf("%s %s may %v %v", u.GetKind(), u.GetName(), verbs, resources)
				}
			}
		}
	})
}

// vital are the groups whose objects a cluster needs to start or to be repaired.
var vital = []string{"", "apps", "batch", "coordination.k8s.io", "certificates.k8s.io", "rbac.authorization.k8s.io",
	"apiextensions.k8s.io", "admissionregistration.k8s.io", "apiregistration.k8s.io", "node.k8s.io", "policy", "*"}

func TestNothingThatAClusterNeedsToStartIsIntercepted(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		w, err := WebhooksOf(objects)
		if err != nil {
			t.Fatal(err)
		}
		check := func(name string, rules []admissionregistrationv1.RuleWithOperations) {
			for _, r := range rules {
				// Reviews of Namespaces, which a value switches on, are never held up: see below.
				if name != "namespaces.attache.dev" && slices.ContainsFunc(r.APIGroups, func(g string) bool { return slices.Contains(vital, g) }) {
					t.Errorf("%s intercepts %v", name, r)
				}
				if name != "results.attache.dev" && slices.ContainsFunc(r.Resources, func(s string) bool { return strings.ContainsAny(s, "*/") }) {
					t.Errorf("%s intercepts subresources: %v", name, r)
				}
			}
		}
		for _, c := range w.Validating {
			for _, hook := range c.Webhooks {
				check(hook.Name, hook.Rules)
			}
		}
		for _, c := range w.Mutating {
			for _, hook := range c.Webhooks {
				check(hook.Name, hook.Rules)
			}
		}
	})
}

// Whoever owns a namespace may label it, and the objects in it. So webhooks select namespaces by the one
// label that nobody can change, and objects not at all.
func TestNoLabelKeepsAWriteFromTheWebhooks(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		w, err := WebhooksOf(objects)
		if err != nil {
			t.Fatal(err)
		}
		check := func(name string, namespaces, selected *metav1.LabelSelector) {
			if namespaces == nil || selected == nil || len(selected.MatchLabels)+len(selected.MatchExpressions) > 0 {
				t.Errorf("%s has the selectors %v and %v", name, namespaces, selected)
				return
			}
			for _, e := range namespaces.MatchExpressions {
				if e.Key != corev1.LabelMetadataName || e.Operator != metav1.LabelSelectorOpNotIn {
					t.Errorf("%s selects namespaces by %v", name, e)
				}
			}
			if len(namespaces.MatchLabels) > 0 {
				t.Errorf("%s selects namespaces by %v", name, namespaces.MatchLabels)
			}
		}
		for _, c := range w.Validating {
			for _, hook := range c.Webhooks {
				check(hook.Name, hook.NamespaceSelector, hook.ObjectSelector)
			}
		}
		for _, c := range w.Mutating {
			for _, hook := range c.Webhooks {
				check(hook.Name, hook.NamespaceSelector, hook.ObjectSelector)
			}
		}
	})
}

func TestTheWebhooksFailAsDecided(t *testing.T) {
	w, err := RenderWebhooks(Release{})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, hook := range w.Validating[0].Webhooks {
		names = append(names, hook.Name)
		if *hook.FailurePolicy != admissionregistrationv1.Fail || *hook.TimeoutSeconds != 5 || *hook.SideEffects != admissionregistrationv1.SideEffectClassNone || *hook.MatchPolicy != admissionregistrationv1.Equivalent {
			t.Errorf("%+v", hook)
		}
	}
	if !slices.Equal(names, []string{"policies.attache.dev", "results.attache.dev", "gateway-api.attache.dev"}) {
		t.Errorf("webhooks %q", names)
	}
	hook := w.Mutating[0].Webhooks[0]
	if *hook.FailurePolicy != admissionregistrationv1.Ignore || *hook.TimeoutSeconds != 2 || *hook.ReinvocationPolicy != admissionregistrationv1.IfNeededReinvocationPolicy {
		t.Errorf("%+v", hook)
	}
	off, err := RenderWebhooks(Release{Values: map[string]any{"annotateRoutes": false}})
	if err != nil || len(off.Mutating) != 0 {
		t.Errorf("annotateRoutes false leaves %d mutating configurations, %v", len(off.Mutating), err)
	}
}

// Webhooks on Namespaces have locked up many a cluster.
func TestNamespacesAreInterceptedOnDemandAndNeverHeldUp(t *testing.T) {
	w, err := RenderWebhooks(Release{Values: map[string]any{"admission": map[string]any{"namespaceLabels": true}}})
	if err != nil {
		t.Fatal(err)
	}
	hooks := w.Validating[0].Webhooks
	hook := hooks[len(hooks)-1]
	if hook.Name != "namespaces.attache.dev" || *hook.FailurePolicy != admissionregistrationv1.Ignore || len(hook.MatchConditions) != 3 ||
		!slices.Equal(hook.Rules[0].Operations, []admissionregistrationv1.OperationType{admissionregistrationv1.Update}) {
		t.Errorf("%+v", hook)
	}
}

func TestNobodyMayWriteGuardrailsByARoleOfNamespaces(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		for _, u := range objects {
			if u.GetKind() != "ClusterRole" || len(u.GetLabels()) == 0 {
				continue
			}
			aggregated := false
			for label := range u.GetLabels() {
				aggregated = aggregated || strings.HasPrefix(label, "rbac.authorization.k8s.io/aggregate-to-")
			}
			if text := fmt.Sprint(u.Object["rules"]); aggregated && strings.Contains(text, "policyguardrails") {
				t.Errorf("%s has guardrails", u.GetName())
			}
		}
	})
}

func TestBadValuesAreRefusedWithTheirName(t *testing.T) {
	for name, test := range map[string]struct {
		release Release
		says    string
	}{
		"a misspelt name":        {Release{Values: map[string]any{"replica": 3}}, "replica"},
		"a wrong failure policy": {Release{Values: map[string]any{"admission": map[string]any{"failurePolicies": map[string]any{"policies": "fail"}}}}, "failurePolicies"},
		"no Secret":              {Release{Values: map[string]any{"certificates": map[string]any{"provider": "existing"}}}, "certificates.existingSecret"},
		"callers unasked":        {Release{Values: map[string]any{"webhook": map[string]any{"callers": map[string]any{"names": []any{"kube-apiserver"}}}}}, "webhook.callers.configMap"},
		"two writers":            {Release{Values: map[string]any{"controller": map[string]any{"leaderElection": false}}}, "two controllers"},
		"kube-system":            {Release{Namespace: "kube-system"}, "namespace of its own"},
		"no eviction":            {Release{Values: map[string]any{"webhook": map[string]any{"podDisruptionBudget": map[string]any{"maxUnavailable": 0}}}}, "set webhook.podDisruptionBudget.enabled=false"},
		"none in percent":        {Release{Values: map[string]any{"controller": map[string]any{"podDisruptionBudget": map[string]any{"maxUnavailable": "0%"}}}}, "controller.podDisruptionBudget.maxUnavailable is 0%"},
		"half a pod":             {Release{Values: map[string]any{"controller": map[string]any{"podDisruptionBudget": map[string]any{"maxUnavailable": "a half"}}}}, "/controller/podDisruptionBudget/maxUnavailable"},
		"more than the most":     {Release{Values: map[string]any{"webhook": map[string]any{"autoscaling": map[string]any{"enabled": true, "minReplicas": 11}}}}, "webhook.autoscaling.maxReplicas is 10"},
		"nothing to scale by":    {Release{Values: map[string]any{"webhook": map[string]any{"autoscaling": map[string]any{"enabled": true}, "resources": map[string]any{"requests": map[string]any{"cpu": nil}}}}}, "webhook.resources.requests.cpu is not set"},
		"an old TLS":             {Release{Values: map[string]any{"webhook": map[string]any{"tlsMinVersion": "1.1"}}}, "/webhook/tlsMinVersion"},
		"no metrics to secure":   {Release{Values: map[string]any{"metrics": map[string]any{"enabled": false, "secure": true}}}, "metrics.secure is true, and metrics.enabled is false"},
		"an unused certificate":  {Release{Values: map[string]any{"metrics": map[string]any{"certificateSecret": "tls"}}}, "set metrics.secure=true"},
		"nothing to scrape":      {Release{Values: map[string]any{"metrics": map[string]any{"enabled": false, "serviceMonitor": map[string]any{"enabled": true}}}}, "metrics.serviceMonitor.enabled is true, and metrics.enabled is false"},
		"nothing to alert on":    {Release{Values: map[string]any{"metrics": map[string]any{"enabled": false, "prometheusRule": map[string]any{"enabled": true}}}}, "metrics.prometheusRule.enabled is true"},
		"egress of no policy":    {Release{Values: map[string]any{"networkPolicy": map[string]any{"egress": map[string]any{"enabled": true}}}}, "Set networkPolicy.enabled=true"},
		"more than everything":   {Release{Values: map[string]any{"networkPolicy": map[string]any{"enabled": true, "egress": map[string]any{"additional": []any{toCollector}}}}}, "set networkPolicy.egress.enabled=true"},
		"parameters of no use":   {Release{Values: map[string]any{"export": map[string]any{"parameters": map[string]any{"traefik": map[string]any{"mode": "Observe"}}}}}, "export.parameters.traefik has no effect"},
		"on and off":             {Release{Values: map[string]any{"export": map[string]any{"exporters": []any{"traefik"}, "cleanup": []any{"traefik"}}}}, "traefik is in export.exporters and in export.cleanup"},
		"a version as a number":  {Release{Values: map[string]any{"upgrade": map[string]any{"acceptFrom": 0.1}}}, "/upgrade/acceptFrom"},
		"a webhook on apps":      {Release{Values: map[string]any{"policyKinds": []any{map[string]any{"group": "apps", "resource": "deployments", "kind": "Deployment"}}}}, "no policy or route kind"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Render(test.release); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRightsAreTheLeastThatWork(t *testing.T) {
	// Of Secrets nobody may read but the one of the authority.
	type right struct{ group, resource, verb, name string }
	allowed := func(objects []*unstructured.Unstructured, account string) map[right]bool {
		bound := map[string]bool{}
		for _, u := range objects {
			if !strings.HasSuffix(u.GetKind(), "RoleBinding") {
				continue
			}
			subjects, _, _ := unstructured.NestedSlice(u.Object, "subjects")
			for _, s := range subjects {
				if s.(map[string]any)["name"] == account {
					name, _, _ := unstructured.NestedString(u.Object, "roleRef", "name")
					bound[name] = true
				}
			}
		}
		rights := map[right]bool{}
		for _, u := range objects {
			if !strings.HasSuffix(u.GetKind(), "Role") || !bound[u.GetName()] {
				continue
			}
			rules, _, _ := unstructured.NestedSlice(u.Object, "rules")
			for _, rule := range rules {
				list := func(key string) []string {
					texts, _, _ := unstructured.NestedStringSlice(rule.(map[string]any), key)
					return texts
				}
				for _, g := range list("apiGroups") {
					for _, r := range list("resources") {
						for _, v := range list("verbs") {
							rights[right{g, r, v, strings.Join(list("resourceNames"), ",")}] = true
						}
					}
				}
			}
		}
		return rights
	}
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		for r := range allowed(objects, "attache-webhook") {
			if r == (right{"authorization.k8s.io", "subjectaccessreviews", "create", ""}) {
				continue // it asks, and writes nothing by that
			}
			if secure := find(objects, "ClusterRole", "attache-metrics-reader") != nil; secure && r == (right{"authentication.k8s.io", "tokenreviews", "create", ""}) {
				continue // the same
			}
			if !slices.Contains([]string{"get", "list", "watch"}, r.verb) || r.resource == "secrets" && r.name != "attache-webhook-authority" || slices.Contains([]string{"*", "effectivepolicies", "events"}, r.resource) {
				t.Errorf("the webhook may %v", r)
			}
		}
		writes := allowed(objects, "attache-controller")
		for r := range writes {
			if r.resource == "secrets" && r.verb != "create" && r.name != "attache-webhook-authority" || r.resource == "*" || r.verb == "*" || r.group == "*" ||
				slices.Contains([]string{"impersonate", "escalate", "bind", "deletecollection"}, r.verb) ||
				r.resource == "events" && r.verb != "create" && r.verb != "patch" || r.verb == "delete" && !slices.Contains([]string{"effectivepolicies", "reports", "policyreports", "backendtrafficpolicies", "middlewares"}, r.resource) {
				t.Errorf("the controller may %v", r)
			}
		}
		args, _, _ := unstructured.NestedStringSlice(mapsOf(t, podOf(find(objects, "Deployment", "attache-controller")), "spec", "containers")[0], "args")
		if writes[right{"openreports.io", "reports", "patch", ""}] != slices.Contains(args, "--reports=true") {
			t.Error("reports may be written exactly when somebody asked for them")
		}
		annotates := find(objects, "MutatingWebhookConfiguration", "attache") != nil
		if writes[right{"gateway.networking.k8s.io", "httproutes", "patch", ""}] != annotates {
			t.Error("routes may be patched exactly when they are annotated")
		}
	})
}

// TestReportsNeedRightsOnTheirFormatOnly looks at what the controller may do with policy reports: write
// them when they are switched on, remove its own in any case, and nothing in the other format.
func TestReportsNeedRightsOnTheirFormatOnly(t *testing.T) {
	resources := map[string]string{"openreports": "reports.openreports.io", "wgpolicy": "policyreports.wgpolicyk8s.io"}
	for format, chosen := range resources {
		for _, on := range []bool{false, true} {
			objects := rendered(t, map[string]any{"controller": map[string]any{"reports": on, "reportsFormat": format}})
			rules, _, _ := unstructured.NestedSlice(find(objects, "ClusterRole", "attache-controller").Object, "rules")
			verbs := map[string][]any{}
			for _, rule := range rules {
				r := rule.(map[string]any)
				for _, resource := range r["resources"].([]any) {
					name := fmt.Sprintf("%v.%v", resource, r["apiGroups"].([]any)[0])
					verbs[name] = append(verbs[name], r["verbs"].([]any)...)
				}
			}
			want := []any{"list", "delete"}
			if on {
				want = []any{"list", "create", "patch", "delete"}
			}
			if !slices.Equal(verbs[chosen], want) {
				t.Errorf("%s, %t: %s may be %v, want %v", format, on, chosen, verbs[chosen], want)
			}
			for other, resource := range resources {
				if other != format && verbs[resource] != nil {
					t.Errorf("%s, %t: %s may be %v", format, on, resource, verbs[resource])
				}
			}
			if text := fmt.Sprint(find(objects, "Deployment", "attache-controller").Object); !strings.Contains(text, "--reports-format="+format) {
				t.Errorf("%s: the controller is not told the format", format)
			}
		}
	}
}
