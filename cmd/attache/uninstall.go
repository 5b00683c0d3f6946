package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
)

// uninstall removes what attache wrote, and keeps policies.
type uninstall struct {
	settings           settings
	namespace, release string
	patience           time.Duration

	client    dynamic.Interface
	discovery discovery.DiscoveryInterface
	out       io.Writer
}

func uninstallCommand() *cobra.Command {
	u := &uninstall{settings: settings{qps: 50, burst: 100}}
	command := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove what attache wrote into a cluster; run it before \"helm uninstall\"",
		Long: `Take away what attache wrote into a cluster, in an order in which traffic stays as its owners wrote it:
the processes first, then admission, then what stands in routes and Gateways, then what those named.
Policies, guardrails and CRDs stay. It can be run again after a failure. Who runs it needs the rights
of an administrator.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := u.settings.connect()
			if err != nil {
				return err
			}
			if u.client, err = dynamic.NewForConfig(config); err != nil {
				return fmt.Errorf("connecting to the API server: %w", err)
			}
			if u.discovery, err = discovery.NewDiscoveryClientForConfig(config); err != nil {
				return fmt.Errorf("connecting to the API server: %w", err)
			}
			u.out = command.OutOrStdout()
			return u.run(command.Context())
		},
	}
	f := command.Flags()
	f.StringVar(&u.settings.kubeconfig, "kubeconfig", "", "kubeconfig `file`; without it $KUBECONFIG, the pod's own account, and ~/.kube/config are tried in turn")
	f.StringVar(&u.namespace, "namespace", "attache-system", "`namespace` of the release")
	f.StringVar(&u.release, "release", "attache", "`name` of the release")
	f.DurationVar(&u.patience, "timeout", 2*time.Minute, "how long to wait for the processes to end")
	return command
}

// step is one step of uninstalling. It returns how many objects it changed.
type step struct {
	does string
	do   func(context.Context) (int, error)
}

func (u *uninstall) run(ctx context.Context) error {
	steps := []step{
		{"processes told to end", u.endProcesses},
		{"controllers waited for", u.awaitController},
		{"webhook configurations and admission policies deleted", u.endAdmission},
		{"routes and Gateways given back to their owners", u.giveBack},
		{"objects of data planes deleted", u.deleteExported},
		{"EffectivePolicies deleted", u.deleteResults},
		{"policy reports deleted", u.deleteReports},
		{"Leases and certificates deleted", u.deleteOwn},
	}
	for i, s := range steps {
		n, err := s.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.does, err)
		}
		fmt.Fprintf(u.out, "%d/%d  %3d  %s\n", i+1, len(steps), n, s.does)
	}
	fmt.Fprintf(u.out, "\nPolicies, guardrails and CRDs stay. What is left to do:\n\n  helm uninstall %s --namespace %s\n", u.release, u.namespace)
	return nil
}

// ours selects what the release installed.
func (u *uninstall) ours() string {
	return "app.kubernetes.io/part-of=attache,app.kubernetes.io/instance=" + u.release
}

var (
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	leases      = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	admission   = []schema.GroupVersionResource{
		{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"},
		{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"},
	}
)

// endProcesses scales to zero replicas, so that nothing is written any more.
func (u *uninstall) endProcesses(ctx context.Context) (int, error) {
	client := u.client.Resource(deployments).Namespace(u.namespace)
	return u.each(ctx, deployments, u.namespace, u.ours(), func(d *unstructured.Unstructured) error {
		_, err := client.Patch(ctx, d.GetName(), mergePatch, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{})
		return err
	})
}

// awaitController waits until no process holds the Lease.
func (u *uninstall) awaitController(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, u.patience)
	defer cancel()
	for {
		l, err := u.client.Resource(leases).Namespace(u.namespace).Get(ctx, lease, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return 0, nil
		case err != nil:
			return 0, err
		}
		holder, _, _ := unstructured.NestedString(l.Object, "spec", "holderIdentity")
		renewed, _, _ := unstructured.NestedString(l.Object, "spec", "renewTime")
		seconds, _, _ := unstructured.NestedInt64(l.Object, "spec", "leaseDurationSeconds")
		at, err := time.Parse(time.RFC3339Nano, renewed)
		if holder == "" || err != nil || time.Since(at) > time.Duration(seconds)*time.Second {
			return 1, nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%s still holds the Lease %s: end it, and run this again", holder, lease)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// endAdmission removes the admission configurations, so that everything can be written again.
func (u *uninstall) endAdmission(ctx context.Context) (int, error) {
	all := 0
	for _, resource := range admission {
		n, err := u.deleteEach(ctx, resource, "", u.ours(), nil)
		if all += n; err != nil {
			return all, err
		}
	}
	return all, nil
}

// deleteEach deletes the objects for which a test is true; all of them without a test.
func (u *uninstall) deleteEach(ctx context.Context, resource schema.GroupVersionResource, namespace, labels string, test func(*unstructured.Unstructured) bool) (int, error) {
	n := 0
	_, err := u.each(ctx, resource, namespace, labels, func(o *unstructured.Unstructured) error {
		if test != nil && !test(o) {
			return nil
		}
		n++
		err := u.client.Resource(resource).Namespace(o.GetNamespace()).Delete(ctx, o.GetName(), metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	})
	return n, err
}

// each calls f for every object of a resource, page by page; for none if the cluster does not have
// the resource.
func (u *uninstall) each(ctx context.Context, resource schema.GroupVersionResource, namespace, labels string, f func(*unstructured.Unstructured) error) (int, error) {
	n, options := 0, metav1.ListOptions{LabelSelector: labels, Limit: 500}
	for {
		list, err := u.client.Resource(resource).Namespace(namespace).List(ctx, options)
		if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("listing %s: %w", resource.GroupResource(), err)
		}
		for i := range list.Items {
			o := &list.Items[i]
			if err := f(o); err != nil {
				return n, fmt.Errorf("%s %s: %w", o.GetKind(), strings.TrimPrefix(o.GetNamespace()+"/"+o.GetName(), "/"), err)
			}
			n++
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return n, nil
		}
	}
}
