package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/test/controlplane"
)

// reportsCRD has the fields of OpenReports that attache writes; others would be
// pruned, and attache would be seen to write them.
const reportsCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: reports.openreports.io}
spec:
  group: openreports.io
  scope: Namespaced
  names: {kind: Report, plural: reports}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          source: {type: string}
          summary: {type: object, properties: {pass: {type: integer}, fail: {type: integer}, warn: {type: integer}, error: {type: integer}, skip: {type: integer}}}
          results:
            type: array
            items:
              type: object
              required: [policy]
              properties:
                source: {type: string}
                policy: {type: string}
                result: {type: string, enum: [pass, fail, warn, error, skip]}
                scored: {type: boolean}
                message: {type: string}
                properties: {type: object, additionalProperties: {type: string}}
                resources: {type: array, items: {type: object, properties: {apiVersion: {type: string}, kind: {type: string}, namespace: {type: string}, name: {type: string}, uid: {type: string}}}}
`

const reportKind = "Report.v1alpha1.openreports.io"

func (w *world) untilReported(fail int64) {
	w.Helper()
	within(w, patience, fmt.Sprintf("a report of %d failures", fail), func(context.Context) error {
		report := w.find(reportKind, status.ReportName)
		if report == nil {
			if fail == 0 {
				return nil
			}
			return fmt.Errorf("there is none")
		}
		if n, _, _ := unstructured.NestedInt64(report.Object, "summary", "fail"); fail == 0 || n != fail {
			return fmt.Errorf("it says %v", report.Object)
		}
		return nil
	})
}

func TestReportsAreWrittenOnlyOnDemandAndGoWhenThereIsNothingToSay(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(reportsCRD)
	w.apply(shop)
	w.apply(strings.NewReplacer("at-most-60s", "reported", "Deny", "Audit", "60s", "9s").Replace(atMost60s))
	manager := startManager(t, plane.Kubeconfig, "--reports")
	w.untilReported(2) // an objection to each route; the status counts paths
	report := w.object(reportKind, status.ReportName)
	results, _, _ := unstructured.NestedSlice(report.Object, "results")
	about := results[0].(map[string]any)["resources"].([]any)[0].(map[string]any)
	if about["name"] != "catalog" || about["uid"] != string(w.object("HTTPRoute", "catalog").GetUID()) || report.GetLabels()[status.ReportLabel] != status.ReportOwner {
		t.Errorf("the report is %v", report.Object)
	}
	w.edit("TimeoutPolicy", "public", request("5s"))
	w.untilReported(1)
	w.edit("TimeoutPolicy", "checkout", request("6s"))
	w.untilReported(0)
	w.edit("TimeoutPolicy", "checkout", request("60s"))
	w.untilReported(1)
	manager.terminate(t)
	startManager(t, plane.Kubeconfig)
	w.untilReported(0)
}
