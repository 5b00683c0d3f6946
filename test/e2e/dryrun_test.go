package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/test/edits"
)

// everything is the resourceVersion of every object that a dry run could leave behind: what versions
// lists, among it reports, and every event.
func (w *world) everything() map[string]string {
	w.Helper()
	versions := w.versions()
	for _, u := range w.all("Event.v1.events.k8s.io", "") {
		versions["Event "+u.GetNamespace()+"/"+u.GetName()] = u.GetResourceVersion()
	}
	return versions
}

// still waits until the controller has nothing to do and nothing is written any more.
func (w *world) still(p *process) map[string]string {
	w.Helper()
	var last map[string]string
	within(w, patience, "nothing to be written any more", func(context.Context) error {
		p.idle(w)
		now := w.everything()
		differ := changed(last, now)
		if last = now; len(differ) > 0 {
			return fmt.Errorf("these are: %q", differ)
		}
		return nil
	})
	return last
}

// A dry run of every edit of the corpus, with a controller that writes results, status, events and
// reports, leaves nothing: neither a changed object nor an event nor a report.
func TestADryRunLeavesNothing(t *testing.T) {
	cases, err := edits.Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	a := startAdmission(t, map[string]any{
		"platformNamespaces": []any{edits.Platform},
		"admission":          map[string]any{"namespaceLabels": true},
		"controller":         map[string]any{"reports": true},
	})
	account, err := a.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	admin := a.as(a.plane.Config, "")
	admin.apply(reportsCRD(status.OpenReports))
	replica, address := a.replica()
	a.board.to(address)
	controller := startManager(t, account.Kubeconfig, "--platform-namespaces", "attache-system,"+edits.Platform, "--reports")
	admin.create(editors)
	reports := 0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			w := newWorld(t, a.plane.Config, c.Edit.GetNamespace())
			defer w.clear(c)
			for _, u := range c.World {
				w.put(u)
			}
			e := w.editor(c)
			within(t, patience, "the verdict", func(ctx context.Context) error {
				got, err := e.make(ctx, c, client.DryRunAll)
				if diff := cmp.Diff(c.Verdict.String(), got.String()); err == nil && diff != "" {
					err = errors.New("-want +got:\n" + diff)
				}
				return err
			})
			before := w.still(controller)
			for key := range before {
				if strings.HasPrefix(key, "Report ") {
					reports++
				}
			}
			reviewed := replica.metricWith(t, "attache_admission_requests_total", "true")
			for range 3 {
				if got, err := e.make(t.Context(), c, client.DryRunAll); err != nil || got.Denied != c.Verdict.Denied {
					t.Errorf("got %v, %v", got, err)
				}
			}
			if got := replica.metricWith(t, "attache_admission_requests_total", "true") - reviewed; got < 3 && len(c.Verdict.Warnings) > 0 {
				t.Errorf("the metric counts %v dry runs", got)
			}
			if differ := changed(before, w.still(controller)); len(differ) > 0 {
				t.Errorf("three dry runs left %q", differ)
			}
		})
	}
	if reports == 0 {
		t.Error("no case had a report, so that none could have changed")
	}
}
