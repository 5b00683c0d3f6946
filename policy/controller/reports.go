package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/status"
)

// retryReports is how long a report that could not be written waits.
const retryReports = 10 * time.Second

// reports are the policy reports: one for each namespace with violations. They belong to the
// goroutine of the audit.
type reports struct {
	format status.ReportFormat
	// known is the text of the report of each namespace, empty when the report is not known.
	known map[string]string
}

// resource finds how the API server names a kind that is written.
func (c *Controller) resource(gk schema.GroupKind) (schema.GroupVersionResource, bool) {
	switch gk {
	case c.reports.format.Kind.GroupKind():
		return c.reports.format.Resource, true
	case eventKind:
		return eventResource, true
	}
	return c.source.Resource(gk)
}

// findReports looks for the reports that an earlier process left behind.
func (c *Controller) findReports(ctx context.Context) {
	list, err := c.client.Resource(c.reports.format.Resource).List(ctx, metav1.ListOptions{LabelSelector: status.ReportLabel + "=" + status.ReportOwner})
	switch {
	case apierrors.IsNotFound(err) || (!c.options.Reports && apierrors.IsForbidden(err)):
		return // there are no reports in this cluster, or none of ours
	case err != nil:
		c.options.Log.Error(err, "Cannot look for reports of an earlier time; those of namespaces without violations stay")
		return
	}
	for i := range list.Items {
		c.reports.known[list.Items[i].GetNamespace()] = ""
	}
}

// writeReports brings the reports of all namespaces up to date, and reports whether it succeeded.
// Reports that are up to date are not written.
func (c *Controller) writeReports(ctx context.Context, published map[hierarchy.Ref]*effective.Target) (done bool) {
	want := map[string]*unstructured.Unstructured{}
	if c.options.Reports {
		for namespace, entries := range c.entries(published) {
			want[namespace] = c.reports.format.Report(namespace, entries)
		}
	}
	done = true
	write := func(namespace string, w status.Write, text string) {
		if err := c.write(ctx, w); err != nil {
			c.options.Log.Error(err, "Cannot write a report, trying again", "namespace", namespace)
			done = false
			return
		}
		if c.reports.known[namespace] = text; w.Verb == status.Delete {
			delete(c.reports.known, namespace)
		}
	}
	for namespace, report := range want {
		text, err := json.Marshal(report.Object)
		if err == nil && c.reports.known[namespace] != string(text) {
			write(namespace, status.Write{Verb: status.Apply, Object: report}, string(text))
		}
	}
	for namespace := range c.reports.known {
		if want[namespace] == nil {
			write(namespace, status.Write{Verb: status.Delete, Object: c.reports.format.Object(namespace)}, "")
		}
	}
	return done
}

// entries returns all violations by namespace.
func (c *Controller) entries(published map[hierarchy.Ref]*effective.Target) map[string][]status.ReportEntry {
	entries := map[string][]status.ReportEntry{}
	for target, found := range c.audit.all() {
		for _, v := range found {
			e := status.ReportEntry{
				Guardrail: v.Guardrail, Result: result(v), Target: target,
				APIVersion: fmt.Sprintf("%s/%s", target.GroupKind.Group, c.source.Version(target)),
				Path:       v.Where(), Message: v.Message, Field: v.FieldPath,
			}
			if p := published[target]; p != nil {
				e.UID = p.UID
			}
			entries[target.Namespace] = append(entries[target.Namespace], e)
		}
	}
	return entries
}

// result returns what reports call a violation.
func result(v evaluate.Violation) string {
	switch {
	case v.Failed:
		return "error"
	case v.Enforcement == guardrail.Warn:
		return "warn"
	}
	return "fail"
}

// reasonInvalidPolicyKind is the reason of the event about a CRD with mistakes in its declarations.
const reasonInvalidPolicyKind = "InvalidPolicyKind"

var crdResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// kindFaults records the events about CRDs, by their names. A CRD has no status for this, so that
// its author only sees an event (semantics, names in annotations).
type kindFaults map[string]string

// news returns the kinds with faults for which there was no event yet, or a different one.
func (told kindFaults) news(s *policy.Snapshot) map[string]string {
	news := map[string]string{}
	for _, k := range s.Kinds() {
		var lines []string
		for _, f := range k.Faults {
			lines = append(lines, f.String())
		}
		note := strings.Join(lines, "; ")
		switch {
		case note == "":
			delete(told, k.Definition.Name)
		case told[k.Definition.Name] != note:
			told[k.Definition.Name], news[k.Definition.Name] = note, note
		}
	}
	return news
}

// tellOfKinds sends an event about each CRD in the news.
func (c *Controller) tellOfKinds(ctx context.Context, news map[string]string) {
	for name, note := range news {
		about, err := c.client.Resource(crdResource).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			continue // it is gone, or "kinds" and the log have to suffice
		}
		about.SetResourceVersion("") // the same fault in a later version is the same event
		c.tell(ctx, c.planner.Event(about, status.Event{
			Type: status.EventWarning, Reason: reasonInvalidPolicyKind,
			Note: "Left out, as it makes no sense; the rest counts: " + note,
		}))
	}
}
