package charts

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// TestTheServiceMonitorFindsEveryPod follows what the Prometheus Operator follows: from the ServiceMonitor
// to the Services that it selects, to the pods that those select, to the port that serves metrics.
func TestTheServiceMonitorFindsEveryPod(t *testing.T) {
	objects := rendered(t, variants["everything on"])
	monitors := kinds(objects, "ServiceMonitor")
	if len(monitors) != 1 {
		t.Fatalf("%d ServiceMonitors", len(monitors))
	}
	selector := stringMap(t, monitors[0], "spec", "selector", "matchLabels")
	namespaces, _, _ := unstructured.NestedStringSlice(monitors[0].Object, "spec", "namespaceSelector", "matchNames")
	endpoints := mapsOf(t, monitors[0], "spec", "endpoints")
	scraped := map[string]int{}
	for _, service := range kinds(objects, "Service") {
		if !labels.SelectorFromSet(selector).Matches(labels.Set(service.GetLabels())) {
			continue
		}
		if !slices.Contains(namespaces, service.GetNamespace()) {
			t.Errorf("Service %s is in namespace %s, and the monitor looks in %q", service.GetName(), service.GetNamespace(), namespaces)
		}
		target := ""
		for _, port := range mapsOf(t, service, "spec", "ports") {
			if port["name"] == endpoints[0]["port"] {
				target, _ = port["targetPort"].(string)
			}
		}
		pods := labels.SelectorFromSet(stringMap(t, service, "spec", "selector"))
		for _, deployment := range kinds(objects, "Deployment") {
			pod := podOf(deployment)
			if !pods.Matches(labels.Set(pod.GetLabels())) {
				continue
			}
			containers := mapsOf(t, pod, "spec", "containers")
			ports, _, _ := unstructured.NestedSlice(containers[0], "ports")
			if !slices.ContainsFunc(ports, func(p any) bool { return p.(map[string]any)["name"] == target }) {
				t.Errorf("Deployment %s has no port %q", deployment.GetName(), target)
			}
			scraped[deployment.GetName()]++
		}
	}
	for _, deployment := range kinds(objects, "Deployment") {
		if n := scraped[deployment.GetName()]; n != 1 {
			t.Errorf("pods of Deployment %s are scraped %d times", deployment.GetName(), n)
		}
	}
}

func stringMap(t *testing.T, u *unstructured.Unstructured, path ...string) map[string]string {
	t.Helper()
	found, ok, err := unstructured.NestedStringMap(u.Object, path...)
	if err != nil || !ok {
		t.Fatalf("%s %s has no %q: %v", u.GetKind(), u.GetName(), path, err)
	}
	return found
}

func mapsOf(t *testing.T, u *unstructured.Unstructured, path ...string) (list []map[string]any) {
	t.Helper()
	found, ok, err := unstructured.NestedSlice(u.Object, path...)
	if err != nil || !ok {
		t.Fatalf("%s %s has no %q: %v", u.GetKind(), u.GetName(), path, err)
	}
	for _, one := range found {
		list = append(list, one.(map[string]any))
	}
	return list
}

// TestPrometheusIsAskedWhoItIs: without the value, metrics are served to everybody, and nobody may
// ask whose a token is; with it, the ServiceMonitor shows a token over HTTPS, and verifies the
// certificate where there is one that it can verify.
func TestPrometheusIsAskedWhoItIs(t *testing.T) {
	monitor := func(values map[string]any) map[string]any {
		values["serviceMonitor"] = map[string]any{"enabled": true}
		return mapsOf(t, kinds(rendered(t, map[string]any{"metrics": values}), "ServiceMonitor")[0], "spec", "endpoints")[0]
	}
	plain := monitor(map[string]any{})
	if plain["scheme"] != nil || plain["tlsConfig"] != nil || plain["bearerTokenFile"] != nil {
		t.Errorf("by default: %v", plain)
	}
	for _, u := range rendered(t, nil) {
		if text := u.GetName(); text == "attache-metrics-reviewer" || text == "attache-metrics-reader" {
			t.Errorf("by default there is %s %s", u.GetKind(), text)
		}
	}
	own := monitor(map[string]any{"secure": true})
	if own["scheme"] != "https" || own["bearerTokenFile"] == nil || own["tlsConfig"].(map[string]any)["insecureSkipVerify"] != true {
		t.Errorf("secure: %v", own)
	}
	given := monitor(map[string]any{"secure": true, "certificateSecret": "metrics-tls"})
	if trust := given["tlsConfig"].(map[string]any); trust["insecureSkipVerify"] != nil || trust["serverName"] != "attache-metrics.attache-system.svc" || trust["ca"] == nil {
		t.Errorf("with a certificate: %v", given)
	}
}
