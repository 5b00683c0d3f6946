package workspace

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/profiles"
)

// SettingsName is the ConfigMap with the settings of a cluster's manager. Every user may read it
// (api.md section 5).
const SettingsName = "attache-settings"

// managerFlags are flags that the manager has, too: with the same values, the manager and the
// command give the same answers.
type managerFlags struct {
	platformNamespaces []string
	policyKinds        []string
	routeKinds         []string
	profiles           []string
	// Namespace is the namespace of the manager on a cluster.
	Namespace string
}

// engine returns the settings of the engine, from the flags only.
func (f *managerFlags) engine() (policy.Options, error) {
	settings := policy.Options{Compile: compileLater}
	if len(f.platformNamespaces) > 0 {
		settings.PlatformNamespaces = f.platformNamespaces
	}
	var err error
	if settings.PolicyKinds, err = kindNames("policy-kinds", f.policyKinds); err != nil {
		return settings, err
	}
	if settings.RouteKinds, err = kindNames("route-kinds", f.routeKinds); err != nil {
		return settings, err
	}
	settings.Profiles, err = profiles.Read(f.profiles)
	return settings, err
}

// Undefined returns the kinds that are read without a CRD.
func Undefined(settings policy.Options) []schema.GroupKind {
	return slices.Concat(settings.PolicyKinds, settings.RouteKinds, profiles.Set(settings.Profiles).Kinds())
}

// kindNames reads words such as BackendTrafficPolicy.gateway.envoyproxy.io.
func kindNames(flag string, words []string) ([]schema.GroupKind, error) {
	var kinds []schema.GroupKind
	for _, word := range words {
		gk := schema.ParseGroupKind(word)
		if gk.Kind == "" || gk.Group == "" || strings.Contains(word, "/") || gk.Kind[0] < 'A' || gk.Kind[0] > 'Z' {
			return nil, fmt.Errorf("--%s: %q is not a kind: write Kind.group, such as BackendTrafficPolicy.gateway.envoyproxy.io", flag, word)
		}
		kinds = append(kinds, gk)
	}
	return kinds, nil
}

// Settings returns the settings of the engine for manifests. These seldom include the GatewayClass,
// so one that a Gateway names counts as existing.
func (o *Flags) Settings() (policy.Options, error) {
	settings, err := o.Manager.engine()
	settings.AssumeClasses = true
	return settings, err
}

// ClusterSettings returns the settings of the engine for a cluster: those of its manager, unless
// flags override them. If they cannot be read, every namespace counts as a platform namespace; see
// SayUnknown.
func (o *Flags) ClusterSettings(ctx context.Context, config *rest.Config) (policy.Options, error) {
	flags := o.Manager
	published, err := o.PublishedSettings(ctx, config)
	if err != nil { // this is the first request
		return policy.Options{}, Unreachable(config, err)
	}
	take := func(given []string, key string) []string {
		if len(given) == 0 && published[key] != "" {
			return strings.Split(published[key], ",")
		}
		return given
	}
	flags.platformNamespaces = take(flags.platformNamespaces, "platformNamespaces")
	flags.policyKinds = take(flags.policyKinds, "policyKinds")
	flags.routeKinds = take(flags.routeKinds, "routeKinds")
	o.SettingsUnknown = len(flags.platformNamespaces) == 0
	return flags.engine()
}

// SayUnknown warns when a snapshot has a policy that only platform namespaces may
// have, and the cluster does not tell which these are.
func (o *Flags) SayUnknown(s *policy.Snapshot) {
	if !o.SettingsUnknown || o.Quiet {
		return
	}
	for p := range s.Policies() {
		for _, a := range s.Acceptances(p) {
			if a.Target.Ref.Namespace == "" && a.Target.Ref.Name != p.Ref.Namespace {
				o.Note("warning: platform namespaces are unknown, as you can read no ConfigMap %s/%s: any namespace is taken for one; --platform-namespaces says which are", o.Manager.Namespace, SettingsName)
				return
			}
		}
	}
}

// AddNow adds the clock by which exceptions of guardrails end.
func (o *Flags) AddNow(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.nowText, "now", "", "the time by which exceptions of guardrails are judged, such as 2027-01-31T00:00:00Z (default: now)")
}

// Now returns the time of --now.
func (o *Flags) Now() (time.Time, error) {
	if o.nowText == "" {
		return time.Now(), nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, o.nowText); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--now %s: write a time such as 2027-01-31T00:00:00Z, or a date", o.nowText)
}

// PublishedSettings reads the manager's settings; nil when there are none that the user may read.
func (o *Flags) PublishedSettings(ctx context.Context, config *rest.Config) (map[string]string, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	object, err := client.CoreV1().ConfigMaps(o.Manager.Namespace).Get(ctx, SettingsName, metav1.GetOptions{})
	switch {
	case err == nil:
		return object.Data, nil
	case apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil, nil
	}
	return nil, err
}
