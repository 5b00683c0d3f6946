package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/status"
)

// settings are the flags of "attache manager".
type settings struct {
	config string

	kubeconfig string
	qps        float32
	burst      int

	healthAddress string
	debugAddress  string

	disableWebhooks bool
	webhookHost     string
	webhookPort     int
	certDir         string
	drainDelay      time.Duration
	callers         string
	callerNames     []string
	tlsMinVersion   string
	accessReviews   bool
	maxPaths        int
	maxResults      int

	disableController       bool
	leaderElect             bool
	leaderElectionNamespace string
	leaderElectionLease     time.Duration
	writers                 int
	effectivePolicyWriters  []string

	platformNamespaces []string
	policyKinds        []string
	profiles           []string
	routeKinds         []string
	annotateRoutes     bool
	reports            bool
	reportsFormat      string

	metrics      metricsSettings
	export       exportSettings
	tracing      tracingSettings
	certificates certificateSettings

	logLevel  string
	logFormat string
}

// namespaceFile is the file with the name of a pod's namespace.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// ownNamespace returns the namespace that the manager runs in.
func ownNamespace() string {
	if name := os.Getenv("POD_NAMESPACE"); name != "" {
		return name
	}
	if name, err := os.ReadFile(namespaceFile); err == nil && len(name) > 0 {
		return strings.TrimSpace(string(name))
	}
	return "attache-system"
}

// ownUsernames returns the usernames of the manager on the API server, if the pod knows its service
// account.
func ownUsernames() []string {
	if account := os.Getenv("POD_SERVICE_ACCOUNT"); account != "" {
		return []string{"system:serviceaccount:" + ownNamespace() + ":" + account}
	}
	return nil
}

func (s *settings) flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("manager", pflag.ContinueOnError)
	f.SortFlags = true
	f.StringVar(&s.config, "config", "", "YAML `file` with any of these flags, by name and without leading dashes; flags on the command line win")

	f.StringVar(&s.kubeconfig, "kubeconfig", "", "kubeconfig `file`; without it $KUBECONFIG, the pod's own account, and ~/.kube/config are tried in turn")
	f.Float32Var(&s.qps, "kube-api-qps", 0, "requests per second to the API server, on average, for each client; 0 means no fixed rate: --writers limits the requests in flight, with fewer while the API server refuses or is slow")
	f.IntVar(&s.burst, "kube-api-burst", 200, "maximum burst of requests to the API server, when --kube-api-qps is not 0")

	f.StringVar(&s.healthAddress, "health-probe-bind-address", ":8081", "`address` to serve /healthz and /readyz on; 0 serves none")
	f.StringVar(&s.debugAddress, "debug-bind-address", "", "`address` on loopback to serve /debug/pprof on; empty serves none")

	f.BoolVar(&s.disableWebhooks, "disable-webhooks", false, "answer no admission reviews")
	f.StringVar(&s.webhookHost, "webhook-host", "", "`host` to serve webhooks on; empty means all addresses")
	f.IntVar(&s.webhookPort, "webhook-port", 9443, "port to serve webhooks on")
	f.StringVar(&s.certDir, "cert-dir", "/etc/attache/tls", "`folder` with tls.crt and tls.key for the webhooks; they are read again when they change")
	f.StringVar(&s.callers, "caller-authorities", "", "PEM `file` with the authorities of client certificates: only callers with a certificate from one of them get an answer; it is read again when it changes; if empty, every caller gets one")
	f.StringSliceVar(&s.callerNames, "caller-names", nil, "common `names` that those client certificates may have; empty means any")
	f.StringVar(&s.tlsMinVersion, "tls-min-version", "1.3", "minimum `version` of TLS that callers of the webhooks need: 1.3 or 1.2")

	f.DurationVar(&s.drainDelay, "drain-delay", 10*time.Second, "how long to keep serving after the signal to stop")

	f.BoolVar(&s.accessReviews, "subject-access-reviews", true, "ask the API server which namespaces the author of a write may read, so that answers do not reveal others; when false, answers are about the author's own namespace only, and in platform namespaces about everything")

	f.IntVar(&s.maxPaths, "max-paths", 50_000, "maximum number of paths on which one review runs guardrails that read names of rules, listeners or routes; above it, an edit by a tenant is refused, and an edit by the platform is evaluated only before it is published; 0 means no limit")
	f.IntVar(&s.maxResults, "max-results", 256, "maximum number of different effective policies that one route or Gateway may have, on its listeners and rules; above it, an edit by a tenant is refused, and the platform is warned; 0 means no limit")

	f.BoolVar(&s.disableController, "disable-controller", false, "write nothing: neither annotations nor EffectivePolicy objects nor status")
	f.BoolVar(&s.leaderElect, "leader-elect", false, "let only one replica write, elected by a lease; needed with more than one replica")
	f.StringVar(&s.leaderElectionNamespace, "leader-election-namespace", ownNamespace(), "`namespace` of the lease")
	f.DurationVar(&s.leaderElectionLease, "leader-election-lease", time.Minute, "how long a lease lasts without renewal: after a crash, another replica takes over when it has expired; a leader that could not reach the API server for two thirds of this time exits")
	f.IntVar(&s.writers, "writers", 8, "maximum number of objects written at a time; fewer while the API server refuses (429, 503) or is slow")
	f.StringSliceVar(&s.effectivePolicyWriters, "effective-policy-writers", ownUsernames(), "`users` whose writes to EffectivePolicy objects admission allows: the controller's own; empty means everybody whom RBAC allows")

	f.StringSliceVar(&s.platformNamespaces, "platform-namespaces", []string{ownNamespace()}, "`namespaces` whose policies may target a GatewayClass")
	f.StringSliceVar(&s.policyKinds, "policy-kinds", nil, "`kinds`, as Kind.group, that are policies although their CRD has no label")
	f.StringSliceVar(&s.routeKinds, "route-kinds", nil, "`kinds`, as Kind.group, that are routes although their CRD has no label")
	f.StringSliceVar(&s.profiles, "profiles", nil, "`files` that describe CRDs of policy kinds where their vendors do not; an entry replaces the shipped entry for the same CRD")
	f.BoolVar(&s.annotateRoutes, "annotate-routes", true, "write the annotation attache.dev/effective-policies on routes and Gateways")
	f.BoolVar(&s.reports, "reports", false, "write violations of guardrails into policy reports, one in each namespace; when false, existing ones in the format --reports-format are removed")
	f.StringVar(&s.reportsFormat, "reports-format", status.OpenReports.Name, "`format` of these reports: openreports (reports.openreports.io) or wgpolicy (policyreports.wgpolicyk8s.io, v1alpha2); reports in the other format are left as they are")

	s.metrics.flags(f)
	s.export.flags(f)
	s.tracing.flags(f)
	s.certificates.flags(f)

	f.StringVar(&s.logLevel, "log-level", "info", "error, info, debug, or a number; higher numbers log more")
	f.StringVar(&s.logFormat, "log-format", "json", "json or console")
	return f
}

// load sets flags that were not given from the configuration file.
func load(file string, flags *pflag.FlagSet) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	var values map[string]any
	if err := yaml.UnmarshalStrict(text, &values); err != nil {
		return fmt.Errorf("%s is not a configuration: %w", file, err)
	}
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name != "config" && f.Name != "help" {
			names = append(names, f.Name)
		}
	})
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value := values[key]
		if !slices.Contains(names, key) {
			hint := `"attache manager --help" lists all`
			if near, ok := prose.Closest(key, names); ok {
				hint = fmt.Sprintf("do you mean %q?", near)
			}
			return fmt.Errorf("%s: unknown key %q: %s", file, key, hint)
		}
		if flags.Changed(key) {
			continue
		}
		if err := set(flags.Lookup(key).Value, value); err != nil {
			return fmt.Errorf("%s: %s: %w", file, key, err)
		}
	}
	return nil
}

func set(flag pflag.Value, value any) error {
	list, isList := value.([]any)
	many, takesMany := flag.(pflag.SliceValue)
	switch {
	case isList && takesMany:
		texts := make([]string, len(list))
		for i, v := range list {
			texts[i] = fmt.Sprint(v)
		}
		return many.Replace(texts)
	case isList:
		return fmt.Errorf("write one value, not a list")
	}
	if _, isObject := value.(map[string]any); isObject || value == nil {
		return fmt.Errorf("write a value")
	}
	if takesMany {
		return many.Replace(strings.Split(fmt.Sprint(value), ","))
	}
	return flag.Set(fmt.Sprint(value))
}

// kinds reads "Kind.group" words.
func kinds(flag string, words []string) ([]apischema.GroupKind, error) {
	read := make([]apischema.GroupKind, 0, len(words))
	for _, word := range words {
		gk := apischema.ParseGroupKind(word)
		if gk.Kind == "" || gk.Group == "" || strings.Contains(word, "/") || gk.Kind[0] < 'A' || gk.Kind[0] > 'Z' {
			return nil, fmt.Errorf("--%s: %q is not a kind: write Kind.group, such as BackendTrafficPolicy.gateway.envoyproxy.io", flag, word)
		}
		read = append(read, gk)
	}
	return read, nil
}
