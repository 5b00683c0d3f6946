package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
)

// What identifies the reports that attache writes.
const (
	// ReportName is the name of the one report in a namespace.
	ReportName = "attache-guardrails"
	// ReportLabel, with the value ReportOwner, marks reports as ours.
	ReportLabel = "app.kubernetes.io/managed-by"
	ReportOwner = "attache"
	// MaxResults is the maximum number of results that a report lists; its summary counts all.
	MaxResults = 100
)

// ReportFormat is an API in which reports are written.
type ReportFormat struct {
	// Name is what settings call it.
	Name     string
	Kind     schema.GroupVersionKind
	Resource schema.GroupVersionResource
	// sourced formats have the source on the report as well as on each result.
	sourced bool
}

// OpenReports and WGPolicy are the formats. They differ in their names, and in that only a report of
// OpenReports has a source.
var (
	OpenReports = ReportFormat{
		Name:     "openreports",
		Kind:     schema.GroupVersionKind{Group: "openreports.io", Version: "v1alpha1", Kind: "Report"},
		Resource: schema.GroupVersionResource{Group: "openreports.io", Version: "v1alpha1", Resource: "reports"},
		sourced:  true,
	}
	WGPolicy = ReportFormat{
		Name:     "wgpolicy",
		Kind:     schema.GroupVersionKind{Group: "wgpolicyk8s.io", Version: "v1alpha2", Kind: "PolicyReport"},
		Resource: schema.GroupVersionResource{Group: "wgpolicyk8s.io", Version: "v1alpha2", Resource: "policyreports"},
	}
)

// ReportFormats returns all formats. The first one is the default.
func ReportFormats() []ReportFormat { return []ReportFormat{OpenReports, WGPolicy} }

// ReportFormatNamed returns the format that settings call by a name; the error lists the names.
func ReportFormatNamed(name string) (ReportFormat, error) {
	var names []string
	for _, f := range ReportFormats() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return ReportFormat{}, fmt.Errorf("unknown format %q: use %s", name, strings.Join(names, " or "))
}

// Object returns the report of a namespace with nothing in it.
func (f ReportFormat) Object(namespace string) *unstructured.Unstructured {
	return named(f.Kind.GroupVersion().String(), f.Kind.Kind, namespace, ReportName)
}

// ReportEntry is a violation in a report.
type ReportEntry struct {
	Guardrail string
	// Result is fail, warn or error, as both formats have them.
	Result string
	Target hierarchy.Ref
	// APIVersion and UID belong to the target.
	APIVersion, UID string
	// Path says where the violation is, Message what it is, and Field which value it concerns.
	Path, Message, Field string
}

// Report returns the report of a namespace, nil when there is nothing to report. It contains no
// time, so that equal violations make equal reports.
func (f ReportFormat) Report(namespace string, entries []ReportEntry) *unstructured.Unstructured {
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
	report := f.Object(namespace)
	report.SetLabels(map[string]string{ReportLabel: ReportOwner})
	if f.sourced {
		report.Object["source"] = ReportOwner
	}
	report.Object["summary"] = map[string]any{"pass": int64(0), "fail": sums["fail"], "warn": sums["warn"], "error": sums["error"], "skip": int64(0)}
	report.Object["results"] = results
	return report
}
