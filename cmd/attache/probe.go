package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/policy"
)

// probe tests an installation like its users would, only with dry runs.
type probe struct {
	settings  settings
	namespace string
	timeout   time.Duration
}

func probeCommand() *cobra.Command {
	p := &probe{settings: settings{qps: 5, burst: 10}}
	command := &cobra.Command{
		Use:   "probe",
		Short: "Test an installation with dry runs: valid objects pass, and the webhooks refuse invalid ones",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := p.settings.connect()
			if err != nil {
				return err
			}
			return p.run(command.Context(), config, command.OutOrStdout())
		},
	}
	f := command.Flags()
	f.StringVar(&p.settings.kubeconfig, "kubeconfig", "", "kubeconfig `file`; without it $KUBECONFIG, the pod's own account, and ~/.kube/config are tried in turn")
	f.StringVar(&p.namespace, "namespace", ownNamespace(), "`namespace` in which a policy is tried; nothing is left there")
	f.DurationVar(&p.timeout, "timeout", time.Minute, "how long to retry before the test fails")
	return command
}

// trial is one write with its expected result.
type trial struct {
	says     string
	resource string
	object   map[string]any
	// refusedBy is the webhook that has to refuse it; empty when it has to pass.
	refusedBy string
}

func (p *probe) trials() []trial {
	name := map[string]any{"name": "attache-probe"}
	return []trial{
		{
			says: "a policy that is right is admitted", resource: "timeoutpolicies",
			object: map[string]any{
				"kind": "TimeoutPolicy", "metadata": map[string]any{"name": "attache-probe", "namespace": p.namespace},
				"spec": map[string]any{
					"targetRefs": []any{map[string]any{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "attache-probe"}},
					"default":    map[string]any{"request": "10s"},
				},
			},
		},
		{
			says: "a guardrail that cannot be read is refused", resource: "policyguardrails", refusedBy: "policies." + policy.Group,
			object: map[string]any{
				"kind": "PolicyGuardrail", "metadata": name,
				"spec": map[string]any{"cel": []any{map[string]any{"expression": "this is no expression", "message": "a probe"}}},
			},
		},
	}
}

// run repeats the trials until all have the expected result, or the time is up.
func (p *probe) run(ctx context.Context, config *rest.Config, out io.Writer) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connecting to the API server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	for _, t := range p.trials() {
		if err := p.until(ctx, func() error { return p.try(ctx, client, t) }); err != nil {
			return fmt.Errorf("not true that %s: %w", t.says, err)
		}
		if _, err := fmt.Fprintf(out, "ok  %s\n", t.says); err != nil {
			return err
		}
	}
	return nil
}

// until repeats a failing function once a second.
func (p *probe) until(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(min(time.Second, p.timeout)):
		}
	}
}

func (p *probe) try(ctx context.Context, client dynamic.Interface, t trial) error {
	object := &unstructured.Unstructured{Object: t.object}
	object.SetAPIVersion(policy.Group + "/v1alpha1")
	resource := schema.GroupVersionResource{Group: policy.Group, Version: "v1alpha1", Resource: t.resource}
	_, err := client.Resource(resource).Namespace(object.GetNamespace()).
		Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	switch {
	case t.refusedBy == "" && (err == nil || apierrors.IsAlreadyExists(err)):
		return nil
	case t.refusedBy == "":
		return err
	case err == nil:
		return errors.New("the API server let it pass: are the webhook configurations there, and do their failurePolicies say Ignore while no replica answers?")
	case !strings.Contains(err.Error(), fmt.Sprintf("%q denied the request", t.refusedBy)):
		return fmt.Errorf("it was refused, and not by webhook %s: %w", t.refusedBy, err)
	}
	return nil
}
