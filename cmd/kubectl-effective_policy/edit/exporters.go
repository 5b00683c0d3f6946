package edit

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export/exporters"
)

// readPlanes finds out which exporters are switched on in a cluster, and reads the objects of their
// data planes' APIs: the effect of an edit depends on both.
func (s *Base) readPlanes(ctx context.Context, client dynamic.Interface) error {
	seen := exportersSeen{}
	switch err := listEach(ctx, client, workspace.EffectiveResource, seen.add); {
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil
	case err != nil:
		return fmt.Errorf("EffectivePolicy objects: %w", err)
	}
	s.exporters = seen.config()
	for _, row := range exporters.All() {
		if !s.exporters.Enables(row.Name()) {
			continue
		}
		for _, k := range row.Kinds {
			resource := schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Plural}
			err := listEach(ctx, client, resource, func(u *unstructured.Unstructured) { s.unknown = append(s.unknown, u) })
			if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
				return fmt.Errorf("%s: %w", resource.GroupResource(), err)
			}
		}
	}
	return nil
}

// exportersSeen are the exporters in published results, each with its mode.
type exportersSeen struct {
	any   bool
	modes map[string]enforcement.Mode
}

// add adds one EffectivePolicy.
func (e *exportersSeen) add(u *unstructured.Unstructured) {
	for _, entry := range workspace.EntriesOf(u.Object, "status", "enforcement") {
		e.any = true
		name, _ := entry["exporter"].(string)
		if name == "" {
			continue
		}
		if e.modes == nil {
			e.modes = map[string]enforcement.Mode{}
		}
		if entry["state"] != string(enforcement.Planned) {
			e.modes[name] = enforcement.Write
		} else if e.modes[name] == "" {
			e.modes[name] = enforcement.Plan
		}
	}
}

// config returns the configuration that the results imply. If nothing is published, every exporter
// counts as switched on, as with manifests.
func (e *exportersSeen) config() enforcement.Config {
	if !e.any {
		return enforcement.Config{All: true}
	}
	c := enforcement.Config{Parameters: map[string]enforcement.Settings{}}
	for name, mode := range e.modes {
		c.Enabled = append(c.Enabled, name)
		c.Parameters[name] = enforcement.Settings{Mode: mode}
	}
	slices.Sort(c.Enabled)
	return c
}

// listEach calls f with every object of a resource.
func listEach(ctx context.Context, client dynamic.Interface, resource schema.GroupVersionResource, f func(u *unstructured.Unstructured)) error {
	options := metav1.ListOptions{Limit: 500}
	for {
		list, err := client.Resource(resource).List(ctx, options)
		if err != nil {
			return err
		}
		for i := range list.Items {
			f(&list.Items[i])
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}
