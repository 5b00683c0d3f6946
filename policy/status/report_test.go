package status_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/status"
)

// Reports have the same content in every format: all are counted, the first hundred are listed. Only
// the names differ, and that a report of OpenReports has a source.
func TestReportsAreTheSameInEveryFormat(t *testing.T) {
	web := hierarchy.RefOf(status.WGPolicy.Object("shop")) // of any kind
	var entries []status.ReportEntry
	for i := range status.MaxResults + 20 {
		e := status.ReportEntry{
			Guardrail: "short", Result: "fail", Message: "too long", Path: fmt.Sprintf("rule %03d", i), APIVersion: "gateway.networking.k8s.io/v1",
			Target: web,
		}
		if i%2 == 1 {
			e.Result = "warn"
		}
		entries = append(entries, e)
	}
	open, wg := status.OpenReports.Report("shop", entries), status.WGPolicy.Report("shop", entries)
	for report, apiVersion := range map[*unstructured.Unstructured]string{open: "openreports.io/v1alpha1 Report", wg: "wgpolicyk8s.io/v1alpha2 PolicyReport"} {
		results, _, _ := unstructured.NestedSlice(report.Object, "results")
		summary, _, _ := unstructured.NestedMap(report.Object, "summary")
		if len(results) != status.MaxResults || summary["fail"] != int64(60) || summary["warn"] != int64(60) {
			t.Errorf("%d results, and the summary %v", len(results), summary)
		}
		if got := report.GetAPIVersion() + " " + report.GetKind(); got != apiVersion {
			t.Errorf("the report is a %s, not a %s", got, apiVersion)
		}
		if report.GetLabels()[status.ReportLabel] != status.ReportOwner || report.GetName() != status.ReportName || report.GetNamespace() != "shop" {
			t.Errorf("its metadata are %v", report.Object["metadata"])
		}
	}
	if open.Object["source"] != status.ReportOwner {
		t.Errorf("its source is %v", open.Object["source"])
	}
	delete(open.Object, "source") // v1alpha2 of PolicyReport has none, and the API server would drop it
	open.SetGroupVersionKind(status.WGPolicy.Kind)
	if diff := cmp.Diff(open.Object, wg.Object); diff != "" {
		t.Errorf("the formats differ (- openreports):\n%s", diff)
	}
	if report := status.WGPolicy.Report("shop", nil); report != nil {
		t.Errorf("there is a report of nothing: %v", report)
	}
}

func TestReportFormatsHaveNames(t *testing.T) {
	for _, f := range status.ReportFormats() {
		if got, err := status.ReportFormatNamed(f.Name); err != nil || got != f {
			t.Errorf("%s is %v, %v", f.Name, got, err)
		}
	}
	if _, err := status.ReportFormatNamed("sarif"); err == nil || err.Error() != `unknown format "sarif": use openreports or wgpolicy` {
		t.Errorf("the error is %v", err)
	}
}
