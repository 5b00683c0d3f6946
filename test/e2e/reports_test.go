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

// reportsCRD is the CRD of a format of reports. It has the fields that attache writes, and the API
// server drops others: attache would be seen to write them.
func reportsCRD(format status.ReportFormat) string {
	source := ""
	if format == status.OpenReports {
		source = "source: {type: string}"
	}
	return strings.NewReplacer("GROUP", format.Kind.Group, "VERSION", format.Kind.Version, "KIND", format.Kind.Kind,
		"PLURAL", format.Resource.Resource, "SOURCE", source).Replace(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: PLURAL.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: KIND, plural: PLURAL}
  versions:
  - name: VERSION
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          SOURCE
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
`)
}

// reportKind is how a world names a kind of reports.
func reportKind(format status.ReportFormat) string {
	return format.Kind.Kind + "." + format.Kind.Version + "." + format.Kind.Group
}

func (w *world) untilReported(format status.ReportFormat, fail int64) {
	w.Helper()
	within(w, patience, fmt.Sprintf("a report of %d failures", fail), func(context.Context) error {
		report := w.find(reportKind(format), status.ReportName)
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
	for _, format := range status.ReportFormats() {
		t.Run(format.Name, func(t *testing.T) {
			plane := controlplane.Shared(t)
			w := newWorld(t, plane.Config, plane.NewNamespace(t))
			w.apply(reportsCRD(format))
			w.apply(shop)
			w.apply(strings.NewReplacer("at-most-60s", "reported", "Deny", "Audit", "60s", "9s").Replace(atMost60s))
			manager := startManager(t, plane.Kubeconfig, "--reports", "--reports-format="+format.Name)
			w.untilReported(format, 2) // an objection to each route; the status counts paths
			report := w.object(reportKind(format), status.ReportName)
			results, _, _ := unstructured.NestedSlice(report.Object, "results")
			about := results[0].(map[string]any)["resources"].([]any)[0].(map[string]any)
			if about["name"] != "catalog" || about["uid"] != string(w.object("HTTPRoute", "catalog").GetUID()) || report.GetLabels()[status.ReportLabel] != status.ReportOwner {
				t.Errorf("the report is %v", report.Object)
			}
			w.edit("TimeoutPolicy", "public", request("5s"))
			w.untilReported(format, 1)
			w.edit("TimeoutPolicy", "checkout", request("6s"))
			w.untilReported(format, 0)
			w.edit("TimeoutPolicy", "checkout", request("60s"))
			w.untilReported(format, 1)
			manager.terminate(t)
			startManager(t, plane.Kubeconfig, "--reports-format="+format.Name)
			w.untilReported(format, 0)
		})
	}
}
