package doctor

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The label and the name of policy reports that the controller writes.
const (
	reportSelector = "app.kubernetes.io/managed-by=attache"
	reportName     = "attache-guardrails"
)

// ReportFormat is a format of policy reports by its name, and its resource.
type ReportFormat struct {
	Name     string
	Resource schema.GroupVersionResource
}

// ReportFormats are all formats. A test compares them with the engine's, which this package does not
// import.
func ReportFormats() []ReportFormat {
	return []ReportFormat{
		{"openreports", schema.GroupVersionResource{Group: "openreports.io", Version: "v1alpha1", Resource: "reports"}},
		{"wgpolicy", schema.GroupVersionResource{Group: "wgpolicyk8s.io", Version: "v1alpha2", Resource: "policyreports"}},
	}
}

// reports looks for policy reports in a format that the controller does not look at. It says nothing
// when there are none, when the release does not say its format, and of what may not be read.
func (e *examination) reports(ctx context.Context) {
	settings, err := e.Client.CoreV1().ConfigMaps(e.Namespace).Get(ctx, settingsName, getOptions)
	if err != nil || settings.Data["reportsFormat"] == "" {
		return
	}
	for _, format := range ReportFormats() {
		if format.Name == settings.Data["reportsFormat"] {
			continue // the controller brings these up to date, or removes them
		}
		n, err := e.each(ctx, format.Resource, reportSelector, func(u *unstructured.Unstructured) bool { return u.GetName() == reportName })
		switch {
		case err != nil && !apierrors.IsForbidden(err):
			e.failed("policy reports", format.Resource.GroupResource().String(), err)
		case n > 0:
			e.say("policy reports", Warning, "%d in the format %s are out of date, since controller.reportsFormat is %s: kubectl delete %s -A -l %s",
				n, format.Name, settings.Data["reportsFormat"], format.Resource.GroupResource(), reportSelector)
		}
	}
}
