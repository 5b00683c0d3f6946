package cluster

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/pager"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
)

// pageSize is how many objects one request asks for.
const pageSize = 500

// Once lists everything that matters and returns the snapshot of it: what a
// command needs that answers and ends. The problems are those of the objects.
func Once(ctx context.Context, config *rest.Config, options policy.Options) (*policy.Snapshot, []hierarchy.Problem, error) {
	objects, err := Objects(ctx, config, options)
	if err != nil {
		return nil, nil, err
	}
	snapshot, problems := policy.NewSnapshot(options).With(objects...)
	return snapshot, problems, nil
}

// Objects lists everything that matters to a snapshot, CRDs first; guardrails do
// not. It reads page
// by page, and keeps nothing but what a live source keeps.
func Objects(ctx context.Context, config *rest.Config, options policy.Options) ([]*unstructured.Unstructured, error) {
	c, err := newClients(config)
	if err != nil {
		return nil, err
	}
	var names []string
	err = c.each(ctx, crdObjects, func(u *unstructured.Unstructured) {
		if matters(u.GetName(), u.GetLabels(), options) && u.GetName() != effectiveCRD && u.GetName() != guardrailCRD {
			names = append(names, u.GetName())
		}
	})
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	kinds := []kind{namespaces}
	for _, name := range names {
		crd, err := c.definition(ctx, name)
		if err != nil {
			return nil, err
		}
		if crd == nil {
			continue // it went in the meantime
		}
		objects = append(objects, crd)
		if k, ok := kindOf(crd, options); ok {
			k.keep = keepNothing
			kinds = append(kinds, k)
		}
	}
	var errs []error
	for _, k := range kinds {
		errs = append(errs, c.each(ctx, k, func(u *unstructured.Unstructured) { objects = append(objects, u) }))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return objects, nil
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
		return nil // the kind went in the meantime
	case apierrors.IsForbidden(err):
		return fmt.Errorf("you may not list %s: ask for the right to get, list and watch them: %w", k.resource.GroupResource(), err)
	}
	return fmt.Errorf("listing %s: %w", k.resource.GroupResource(), err)
}
