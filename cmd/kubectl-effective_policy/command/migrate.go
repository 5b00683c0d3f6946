package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/bound"
	"github.com/attache-dev/attache/policy/migrate"
	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/validate"
)

// migrateOptions are the flags that migrate and its subcommands share.
type migrateOptions struct {
	options      option.Options
	gateway      string
	newGateway   string
	configMap    string
	defaultTLS   string
	defaultTo    string
	bridge       string
	set          map[string]string
	version      string
	accept       []string
	noDefaults   bool
	held         string
	routes       string
	args         []string
	replicasText int
}

func (o *options) migrateCommand() *cobra.Command {
	m := &migrateOptions{}
	cmd := &cobra.Command{
		Use:   "migrate [INGRESS…] (--gateway NAMESPACE/NAME | --new-gateway NAMESPACE/NAME --gateway-class CLASS)",
		Short: "Write Gateway API routes and policies for Ingresses, and report every loss",
		Long: `Write a Gateway, routes and policies that stand for Ingresses of one controller, and
report what became of every annotation, with file and line.

Nothing is written to a cluster and nothing is deleted: objects go to standard output,
the report to standard error. A rule whose Ingress loses a protection is held back until
--accept names the annotation. The exit code is 1 when something is held or lost that
nobody accepted.`,
		Example: `  kubectl effective-policy migrate -f ingresses/ \
    --new-gateway infra/edge --gateway-class envoy > new.yaml
  kubectl effective-policy migrate -A --gateway infra/edge -o table
  kubectl effective-policy migrate web -n shop \
    --gateway infra/edge --accept auth-url
  kubectl effective-policy migrate verify -f ingresses/ -f new.yaml
  kubectl effective-policy migrate annotations --controller ingress-nginx`,
		RunE: func(cmd *cobra.Command, args []string) error { return o.migrate(cmd.Context(), m, args) },
	}
	m.addFlags(cmd)
	m.addWriting(cmd)
	o.AddOutput(cmd, workspace.FormatYAML, workspace.FormatTable, workspace.FormatJSON, formatSARIF)
	cmd.AddCommand(o.migrateVerifyCommand(), o.migrateStatusCommand(), o.migrateAnnotationsCommand())
	return cmd
}

// AddFlags adds the flags that say what the old side is.
func (m *migrateOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&m.options.Controller, "controller", "", "the controller of the Ingresses, if the input does not say it: "+strings.Join(controller.Known(), ", "))
	flags.StringVar(&m.options.IngressClass, "ingress-class", "", "the IngressClass, where the input has several")
	flags.StringVar(&m.configMap, "config-map", "", "NAMESPACE/NAME of the controller's ConfigMap (default: the one with its label)")
	flags.StringVar(&m.version, "controller-version", "1.15", "version of ingress-nginx; before 1.12 it does not validate values")
	flags.StringVar(&m.gateway, "gateway", "", "NAMESPACE/NAME of a Gateway that exists")
	flags.IntVar(&m.replicasText, "replicas", 0, "number of Pods of the controller, each of which counts rate limits by itself (default: what its Deployment says, or 1)")
	flags.StringVar(&m.options.ReadTimeout, "read-timeout", option.ReadIdle, "the field that read and send timeouts become: idle, backend")
	flags.StringVar(&m.options.Retries, "retries", option.RetriesSafe, "what is repeated: safe, what was not sent yet; methods, as nginx does, by a rule for the methods that may be repeated; all, also what was sent")
	flags.StringVar(&m.options.HSTS, "hsts", option.HSTSDrop, "the header Strict-Transport-Security: drop, keep")
	flags.StringVar(&m.defaultTo, "default-backend", "", "NAMESPACE/SERVICE:PORT that answers where no path fits")
	flags.StringToStringVar(&m.set, "set", nil, "a timeout that holds without annotations and stands in no object: idle=180s, connect=, request=, backend=")
	flags.StringVar(&m.bridge, "bridge", "", "NAMESPACE/SERVICE[:PORT] of the old controller: it answers what other Ingresses serve on the same hosts")
	_ = cmd.RegisterFlagCompletionFunc("controller", cobra.FixedCompletions(controller.Known(), cobra.ShellCompDirectiveNoFileComp))
}

// addWriting adds the flags that say what is written.
func (m *migrateOptions) addWriting(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&m.newGateway, "new-gateway", "", "NAMESPACE/NAME of a Gateway to write")
	flags.StringVar(&m.options.GatewayClass, "gateway-class", "", "the class of --new-gateway")
	flags.StringSliceVar(&m.accept, "accept", nil, "names of annotations or findings whose loss you accept; their rules are written")
	flags.StringVar(&m.held, "held", "", "a file for the routes that are held back")
	flags.BoolVar(&m.options.ConvertUnserved, "convert-unserved", false, "also convert Ingresses that the controller refuses")
	flags.StringVar(&m.options.Regex, "regex", option.RegexAuto, "regular expressions: auto makes plain matches of them where they are equal; keep")
	flags.StringVar(&m.options.Listeners, "listeners", option.ListenersAuto, "where HTTPS listeners go: auto, gateway, listenersets")
	flags.StringVar(&m.options.Canary, "canary", option.CanaryAll, "canaries: all, on every location of their primary; here, only where they are stated")
	flags.StringVar(&m.routes, "routes", "", "a file with routes and Gateways that exist, or are to: only policies are written, on the routes that stand for the Ingresses")
	flags.StringVar(&m.defaultTLS, "default-tls", "", "NAMESPACE/SECRET of a certificate for hosts without one")
	flags.BoolVar(&m.noDefaults, "no-defaults", false, "leave out the controller's defaults")
	flags.StringVar(&m.options.Defaults, "defaults", option.DefaultsRoutes, "with --gateway, where the controller's defaults go: routes; gateway, if that changes nobody else")
	flags.StringVar(&m.options.Lift, "lift", option.LiftNone, "state policies further up: none; all, what holds on every path below; most, what holds on most. Proved by the engine")
	flags.StringVar(&m.options.LiftTo, "lift-to", "", "the highest place that --lift may use: namespace (default with --gateway), listener, gateway (default with --new-gateway)")
}

// complete turns the texts of flags into options.
func (m *migrateOptions) complete(o *options, args []string, needGateway bool) error {
	if err := m.checkChoices(); err != nil {
		return err
	}
	if err := m.completeNames(); err != nil {
		return err
	}
	switch {
	case m.gateway != "" && m.newGateway != "":
		return errors.New("--gateway and --new-gateway: give one of them")
	case needGateway && m.gateway == "" && m.newGateway == "":
		return errors.New("say which Gateway the routes are for: --gateway NAMESPACE/NAME, or --new-gateway NAMESPACE/NAME with --gateway-class CLASS")
	}
	if m.noDefaults {
		m.options.Defaults = option.DefaultsNone
	}
	m.options.Replicas = m.replicasText
	for field, value := range m.set {
		if _, wrong := bound.ParseDuration(value); wrong != nil || !slices.Contains([]string{"request", "backend", "connect", "idle"}, field) {
			return fmt.Errorf("--set %s=%s: write a field of a TimeoutPolicy, request, backend, connect or idle, and a duration such as 180s", field, value)
		}
	}
	m.options.Set = m.set
	for _, name := range m.accept {
		m.options.Accept = append(m.options.Accept, name[strings.LastIndexByte(name, '/')+1:], name)
	}
	var err error
	if m.options.NoValidation, err = beforeValidation(m.version); err != nil {
		return err
	}
	return m.choose(o, args)
}

// checkChoices refuses a word that is not among those that a flag takes.
func (m *migrateOptions) checkChoices() error {
	for _, choice := range []struct{ flag, value, words string }{
		{"regex", m.options.Regex, "auto, keep"}, {"read-timeout", m.options.ReadTimeout, "idle, backend"},
		{"retries", m.options.Retries, "safe, methods, all"}, {"hsts", m.options.HSTS, "drop, keep"},
		{"listeners", m.options.Listeners, "auto, gateway, listenersets"}, {"canary", m.options.Canary, "all, here"},
		{"defaults", m.options.Defaults, "routes, gateway"}, {"lift", m.options.Lift, "none, all, most"}, {"lift-to", m.options.LiftTo, "namespace, listener, gateway"},
	} {
		if choice.value != "" && !slices.Contains(strings.Split(choice.words, ", "), choice.value) {
			return fmt.Errorf("--%s %s: write one of %s", choice.flag, choice.value, choice.words)
		}
	}
	return nil
}

// completeNames reads the flags that name objects.
func (m *migrateOptions) completeNames() error {
	var err error
	place := func(flag, text string) types.NamespacedName {
		namespace, name, ok := strings.Cut(text, "/")
		if text != "" && (!ok || namespace == "" || name == "" || strings.Contains(name, "/")) && err == nil {
			err = fmt.Errorf("--%s %s: write NAMESPACE/NAME", flag, text)
		}
		return types.NamespacedName{Namespace: namespace, Name: name}
	}
	port := func(flag, text string, otherwise int32) option.ServicePort {
		text, number, has := strings.Cut(text, ":")
		p := option.ServicePort{NamespacedName: place(flag, text), Port: otherwise}
		if text == "" && !has {
			return option.ServicePort{}
		}
		if n, wrong := strconv.ParseUint(number, 10, 16); has && wrong == nil && n > 0 {
			p.Port = int32(n)
		} else if has && err == nil || !has && text != "" && otherwise == 0 && err == nil {
			err = fmt.Errorf("--%s %s: write NAMESPACE/SERVICE:PORT", flag, text)
		}
		return p
	}
	m.options.ConfigMap = place("config-map", m.configMap)
	m.options.Gateway = place("gateway", m.gateway)
	if m.newGateway != "" {
		m.options.NewGateway, m.options.Gateway = true, place("new-gateway", m.newGateway)
	}
	m.options.DefaultTLS = place("default-tls", m.defaultTLS)
	m.options.DefaultBackend = port("default-backend", m.defaultTo, 0)
	m.options.Bridge = port("bridge", m.bridge, 80)
	return err
}

// beforeValidation reports whether a version of ingress-nginx is below 1.12.
func beforeValidation(version string) (bool, error) {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(major)
	b, wrong := strconv.Atoi(minor)
	if err != nil || wrong != nil {
		return false, fmt.Errorf("--controller-version %s: write a version such as 1.11", version)
	}
	return a < 1 || a == 1 && b < 12, nil
}

// choose makes the choice of Ingresses that are written (M4).
func (m *migrateOptions) choose(o *options, args []string) error {
	selector, err := labels.Parse(o.Selector)
	if err != nil {
		return fmt.Errorf("-l %s: %w", o.Selector, err)
	}
	namespace := *o.Config.Namespace
	if o.AllNamespaces {
		namespace = ""
	}
	names := map[string]bool{}
	for _, arg := range args {
		kind, name, ok := strings.Cut(arg, "/")
		if ok && slices.Contains([]string{"ingress", "ingresses", "ing"}, strings.ToLower(kind)) {
			arg = name
		}
		names[arg] = true
	}
	m.args = args
	if len(names) == 0 && namespace == "" && selector.Empty() {
		return nil
	}
	m.options.Chosen = func(ns, name string, set map[string]string) bool {
		return (len(names) == 0 || names[name] || names[ns+"/"+name]) && (namespace == "" || ns == namespace) && selector.Matches(labels.Set(set))
	}
	return nil
}

// ingressKinds are kinds of controllers' APIs that Ingresses refer to.
func ingressKinds() []kschema.GroupKind {
	return []kschema.GroupKind{
		{Group: "traefik.io", Kind: "Middleware"}, {Group: "traefik.containo.us", Kind: "Middleware"},
		{Group: "traefik.io", Kind: "ServersTransport"}, {Group: "traefik.containo.us", Kind: "ServersTransport"},
		{Group: "configuration.konghq.com", Kind: "KongPlugin"},
	}
}

func (o *options) migrate(ctx context.Context, m *migrateOptions, args []string) error {
	if err := m.complete(o, args, m.routes == ""); err != nil {
		return err
	}
	o.Quiet = o.Output != workspace.FormatYAML && o.Output != workspace.FormatTable
	s, err := o.readSides(ctx)
	if err != nil {
		return err
	}
	if m.routes != "" {
		if m.options.Routes, err = o.givenRoutes(ctx, m.routes, s); err != nil {
			return err
		}
	}
	m.options.Check, m.options.Stored, m.options.World = checkBy(ctx, s.registry), storedBy(ctx, s.registry), s.snapshot
	old, err := oldside.Read(s.objects, m.options)
	if err != nil {
		return err
	}
	result, err := migrate.Convert(old)
	if err != nil {
		return err
	}
	if err := o.printMigration(result, m); err != nil {
		return err
	}
	if result.Fails(o.Strict) {
		return errFinding
	}
	return nil
}

// givenRoutes reads routes that exist already (M39). They are part of the world in
// which a lift is proved.
func (o *options) givenRoutes(ctx context.Context, file string, s *sides) (*hierarchy.Graph, error) {
	in, err := o.ReadManifests(ctx, []string{file}, source.Options{Namespace: *o.Config.Namespace, Stdin: o.Streams.In})
	if err != nil {
		return nil, fmt.Errorf("--routes: %w", err)
	}
	s.snapshot, _ = s.snapshot.With(in.Objects()...)
	return s.snapshot.Graph(), nil
}

// checkBy says why the API server would refuse an object.
func checkBy(ctx context.Context, registry *validate.Registry) func(*unstructured.Unstructured) string {
	return func(u *unstructured.Unstructured) string {
		_, problems, known := registry.Prepare(ctx, u)
		if !known || len(problems) == 0 {
			return ""
		}
		return problems[0].String()
	}
}

// storedBy gives objects as the API server would store them.
func storedBy(ctx context.Context, registry *validate.Registry) func(*unstructured.Unstructured) *unstructured.Unstructured {
	return func(u *unstructured.Unstructured) *unstructured.Unstructured {
		if prepared, _, known := registry.Prepare(ctx, u); known {
			return prepared
		}
		return u
	}
}

// writeHeld writes the routes that are held back.
func writeHeld(file string, objects []*unstructured.Unstructured) error {
	text, err := manifests(objects)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
