package charts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestEveryAlertHasARunbook follows the links of the rendered alerts to the page.
func TestEveryAlertHasARunbook(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "monitoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	rule := find(rendered(t, map[string]any{"metrics": map[string]any{"prometheusRule": map[string]any{"enabled": true}}}), "PrometheusRule", "attache")
	alerts := alertsOf(t, rule)
	if len(alerts) < 10 {
		t.Fatalf("%d alerts", len(alerts))
	}
	for _, alert := range alerts {
		name := alert["alert"].(string)
		if !strings.Contains(string(page), "\n### "+name+"\n") {
			t.Errorf("docs/monitoring.md has no section %s", name)
		}
		link, _, _ := unstructured.NestedString(alert, "annotations", "runbook_url")
		if !strings.HasSuffix(link, "/docs/monitoring.md#"+strings.ToLower(name)) {
			t.Errorf("alert %s links to %q", name, link)
		}
	}
}

func TestAlertsCanBeLeftOut(t *testing.T) {
	rule := find(rendered(t, variants["everything on"]), "PrometheusRule", "attache")
	if slices.ContainsFunc(alertsOf(t, rule), func(a map[string]any) bool { return a["alert"] == "AttacheRoutesWithheld" }) {
		t.Error("an alert that was left out is there")
	}
}

func alertsOf(t *testing.T, rule *unstructured.Unstructured) []map[string]any {
	t.Helper()
	if rule == nil {
		t.Fatal("there is no PrometheusRule")
	}
	groups, _, err := unstructured.NestedSlice(rule.Object, "spec", "groups")
	if err != nil {
		t.Fatal(err)
	}
	var alerts []map[string]any
	for _, g := range groups {
		rules, _, err := unstructured.NestedSlice(g.(map[string]any), "rules")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rules {
			alerts = append(alerts, r.(map[string]any))
		}
	}
	return alerts
}
