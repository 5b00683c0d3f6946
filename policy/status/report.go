package status

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
)

// What identifies the reports that attache writes.
const (
	// ReportVersion and ReportKind are the API version and kind of OpenReports.
	ReportVersion = "openreports.io/v1alpha1"
	ReportKind    = "Report"
	// ReportName is the name of the one report in a namespace.
	ReportName = "attache-guardrails"
	// ReportLabel, with the value ReportOwner, marks reports as ours.
	ReportLabel = "app.kubernetes.io/managed-by"
	ReportOwner = "attache"
	// MaxResults is the maximum number of results that a report lists; its summary counts all.
	MaxResults = 100
)

// ReportEntry is a violation in a report.
type ReportEntry struct {
	Guardrail string
	// Result is fail, warn or error, as OpenReports has them.
	Result string
	Target hierarchy.Ref
	// APIVersion and UID belong to the target.
	APIVersion, UID string
	// Path says where the violation is, Message what it is, and Field which value it concerns.
	Path, Message, Field string
}

// Report returns the report of a namespace, nil when there is nothing to report. It contains no
// time, so that equal violations make equal reports.
func Report(namespace string, entries []ReportEntry) *unstructured.Unstructured {
	if len(entries) == 0 {
		return nil
	}
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b ReportEntry) int {
		return cmp.Or(strings.Compare(a.Guardrail, b.Guardrail), hierarchy.Compare(a.Target, b.Target),
			strings.Compare(a.Path, b.Path), strings.Compare(a.Message, b.Message))
	})
	sums := map[string]int64{}
	var results []any
	for _, e := range entries {
		sums[e.Result]++
		if len(results) == MaxResults {
			continue
		}
		result := map[string]any{
			"source": ReportOwner, "policy": e.Guardrail, "result": e.Result, "scored": e.Result == "fail", "message": e.Message,
			"resources": []any{map[string]any{
				"apiVersion": e.APIVersion, "kind": e.Target.Kind, "namespace": e.Target.Namespace, "name": e.Target.Name, "uid": e.UID,
			}},
		}
		properties := map[string]any{"path": e.Path}
		if e.Field != "" {
			properties["field"] = e.Field
		}
		result["properties"] = properties
		results = append(results, result)
	}
	report := named(ReportVersion, ReportKind, namespace, ReportName)
	report.SetLabels(map[string]string{ReportLabel: ReportOwner})
	report.Object["source"] = ReportOwner
	report.Object["summary"] = map[string]any{"pass": int64(0), "fail": sums["fail"], "warn": sums["warn"], "error": sums["error"], "skip": int64(0)}
	report.Object["results"] = results
	return report
}
