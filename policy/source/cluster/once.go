package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/pager"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
)

// pageSize is the number of objects per request.
const pageSize = 500

// Reading is everything relevant on a cluster, read once: the input of a command that answers and
// exits.
type Reading struct {
	// Objects are the relevant objects for a snapshot, CRDs first.
	Objects []*unstructured.Unstructured
	// Skipped are resources that the user may not list and that do not affect the rest of the
	// answer: kinds of other projects, and routes that are not HTTP routes.
	Skipped []kschema.GroupResource
}

// ForbiddenError has the resources that the user may not list, out of those that every answer
// needs.
type ForbiddenError struct{ Resources []kschema.GroupResource }

// Error names them.
func (e *ForbiddenError) Error() string {
	names := make([]string, len(e.Resources))
	for i, r := range e.Resources {
		names[i] = r.String()
	}
	return "you may not list " + prose.List(names, 3)
}

// Snapshot returns the snapshot of what was read, and the problems of single objects.
func (r Reading) Snapshot(options policy.Options) (*policy.Snapshot, []hierarchy.Problem) {
	return policy.NewSnapshot(options).With(r.Objects...)
}

// Objects lists all relevant objects for a snapshot, which do not include guardrails. It reads page
// by page, and only keeps what a live source keeps. If the user may not list something that every
// answer needs, the error is a ForbiddenError.
func Objects(ctx context.Context, config *rest.Config, options policy.Options) (Reading, error) {
	var read Reading
	c, err := newClients(config)
	if err != nil {
		return read, err
	}
	kinds, err := c.definitions(ctx, options, &read)
	if err != nil {
		return read, err
	}
	var errs []error
	forbidden := &ForbiddenError{}
	for _, k := range kinds {
		err := c.each(ctx, k, func(u *unstructured.Unstructured) { read.Objects = append(read.Objects, u) })
		switch {
		case !apierrors.IsForbidden(err):
			errs = append(errs, err)
		case k.optional || slices.Contains(spareRoutes, k.Kind):
			read.Skipped = append(read.Skipped, k.resource.GroupResource())
		default:
			forbidden.Resources = append(forbidden.Resources, k.resource.GroupResource())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return read, err
	}
	if len(forbidden.Resources) > 0 {
		return read, forbidden
	}
	return read, nil
}

// spareRoutes are the kinds of routes whose absence does not affect others.
var spareRoutes = []string{"TLSRoute", "TCPRoute", "UDPRoute"}

// definitions reads the relevant CRDs, and returns the kinds to list.
func (c clients) definitions(ctx context.Context, options policy.Options, read *Reading) ([]kind, error) {
	var names []string
	err := c.each(ctx, crdObjects, func(u *unstructured.Unstructured) {
		if matters(u.GetName(), u.GetLabels(), options) && u.GetName() != effectiveCRD && u.GetName() != guardrailCRD {
			names = append(names, u.GetName())
		}
	})
	if apierrors.IsForbidden(err) {
		return nil, &ForbiddenError{[]kschema.GroupResource{crdResource.GroupResource()}}
	}
	if err != nil {
		return nil, err
	}
	kinds := []kind{namespaces}
	for _, name := range names {
		crd, err := c.definition(ctx, name)
		switch {
		case apierrors.IsForbidden(err):
			return nil, &ForbiddenError{[]kschema.GroupResource{crdResource.GroupResource()}}
		case err != nil:
			return nil, err
		case crd == nil:
			continue // it was deleted in the meantime
		}
		read.Objects = append(read.Objects, crd)
		if k, ok := kindOf(crd, options); ok {
			k.keep = keepNothing
			kinds = append(kinds, k)
		}
	}
	return kinds, nil
}

// each calls f for every object of a kind, compact.
func (c clients) each(ctx context.Context, k kind, f func(*unstructured.Unstructured)) error {
	pages := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		return c.list(ctx, k, options)
	})
	pages.PageSize = pageSize
	err := pages.EachListItem(ctx, metav1.ListOptions{}, func(object runtime.Object) error {
		u, err := k.object(object)
		if err == nil {
			f(u)
		}
		return err
	})
	switch {
	case err == nil:
		return nil
	case apierrors.IsNotFound(err) && k.GroupKind != crd.GroupKind:
		return nil // the kind was removed in the meantime
	}
	return fmt.Errorf("listing %s: %w", k.resource.GroupResource(), err)
}
