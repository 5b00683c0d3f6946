package command

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/explain"
)

func (o *options) kindsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kinds",
		Short: "List the known policy kinds",
		Long: `List the known policy kinds: every CRD with the label
gateway.networking.k8s.io/policy.

  CLASS      Inherited kinds merge along the hierarchy; Direct ones affect their
             target alone
  STRATEGY   the strategy of an object that states none

Below the table are the kinds without the label: those that a profile describes, and
those of --policy-kinds (configuration).

With -o wide also:

  STATUS     who writes the status of its objects: "nobody" where attache should
             and may not
  ADMISSION  whether our webhook reviews its objects before they are stored. The
             chart's value policyKinds lists the kinds of others; one that it
             does not list is resolved and reported all the same

and for each kind what its objects can be attached to with any effect, and what is
declared about it and where: in an annotation of its CRD, or in a profile, with the
version of the project that was read.`,
		Args: knownCommand,
		RunE: o.kinds,
	}
	cmd.AddCommand(o.scaffoldCommand())
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatWide, workspace.FormatJSON, workspace.FormatYAML)
	return cmd
}

// gatewayAPITested are the versions of Gateway API with whose CRDs the tests run, on
// both channels.
var gatewayAPITested = []string{"v1.6.3", "v1.7.0"}

// testedWith is the text for this.
var testedWith = "tested with the CRDs of Gateway API " + strings.Join(gatewayAPITested, " and ") + ", both channels"

// coveredIfListed is the answer to the question whether admission covers a kind of another project,
// when nothing is installed.
const coveredIfListed = "if listed"

func (o *options) kinds(cmd *cobra.Command, _ []string) error {
	o.AllNamespaces = o.AllNamespaces || *o.Config.Namespace == "" // it is an overview
	o.ListsFaults = true
	w, err := o.Load(cmd.Context())
	if err != nil {
		return err
	}
	rights, err := o.managerRights(cmd.Context(), w)
	if err != nil {
		return err
	}
	reports := explain.KindsOf(w.Snapshot, w.Namespace, w.GroupKinds(), o.coverage(cmd.Context(), w), rights.of)
	for _, r := range reports {
		for _, text := range r.NotUnderstood {
			o.Note("warning: %s", text)
		}
	}
	for _, line := range explain.UnreadKinds(w.Unread) {
		o.Note("%s", line)
	}
	if o.Output == workspace.FormatJSON || o.Output == workspace.FormatYAML {
		return workspace.Encode(o.Streams.Out, o.Output, map[string]any{"kinds": reports, "gatewayAPITested": gatewayAPITested})
	}
	return printKinds(o.Pen(), reports, rights, o.Output == workspace.FormatWide)
}

func printKinds(p *terminal.Pen, reports []explain.Kind, rights *managerRights, wide bool) error {
	t := &terminal.Table{}
	if !wide {
		t.Head("KIND", "CLASS", "STRATEGY", "OBJECTS")
		for _, r := range reports {
			t.Plain(r.Name(), r.Class, r.Strategy, strconv.Itoa(r.Objects))
		}
		p.Print(t)
		p.Line("")
		printSources(p, reports, rights)
		p.Line("%s", testedWith)
		return p.Failed()
	}
	t.Head("KIND", "GROUP", "CLASS", "STRATEGY", "OBJECTS", "STATUS", "ADMISSION")
	for _, r := range reports {
		t.Plain(r.Kind, r.Group, r.Class, r.Strategy, strconv.Itoa(r.Objects), r.StatusWrittenBy, r.Admission)
	}
	p.Print(t)
	printProperties(p, reports)
	p.Line("")
	missing := &terminal.Rows{}
	rights.lacking(missing, reports)
	missing.Print(p)
	rights.sayUnknown(p)
	p.Line("%s", testedWith)
	return p.Failed()
}

// printSources lists the kinds that are known by something other than their label, mistakes in
// their declarations, and rights that the manager lacks.
func printSources(p *terminal.Pen, reports []explain.Kind, rights *managerRights) {
	t := &terminal.Rows{}
	for _, source := range []crd.Source{crd.SourceProfile, crd.SourceConfiguration} {
		var names []string
		for _, r := range reports {
			if r.Source == string(source) {
				names = append(names, r.Name())
			}
		}
		if len(names) > 0 {
			t.Add(terminal.Cell{Text: "by " + string(source)}, terminal.Cell{Text: strings.Join(names, ", ")})
		}
	}
	for _, r := range reports {
		for _, fault := range r.Faults {
			t.Add(terminal.Cell{Text: "left out", Style: terminal.Yellow}, terminal.Cell{Text: r.Name() + ": " + fault})
		}
	}
	rights.lacking(t, reports)
	t.Print(p)
}

// printProperties lists the declared properties of each kind, with their sources.
func printProperties(p *terminal.Pen, reports []explain.Kind) {
	for _, r := range reports {
		t := &terminal.Rows{Indent: "  "}
		t.Add(terminal.Cell{Text: "attaches to", Style: terminal.Faint}, terminal.Cell{Text: strings.Join(r.Targets, ", ")})
		for _, said := range r.Properties {
			value := strings.ReplaceAll(said.Value, `,"`, `, "`) // so that it can be wrapped
			t.Add(terminal.Cell{Text: said.Name, Style: terminal.Faint}, terminal.Cell{Text: value + " (" + said.Source + ")"})
		}
		p.Line("")
		p.Line("%s", p.Paint(terminal.Bold, r.Name()))
		for _, fault := range r.Faults {
			t.Add(terminal.Cell{Text: "left out", Style: terminal.Yellow}, terminal.Cell{Text: fault})
		}
		t.Print(p)
		if r.Read != "" {
			p.Line("  %s", p.Paint(terminal.Faint, "profile read from "+r.Docs+" at "+r.Read))
		}
	}
}

// coverage returns which kinds our webhook reviews: according to the configurations that are
// installed or among the manifests, or else to the chart's defaults.
func (o *options) coverage(ctx context.Context, w *workspace.Workspace) func(*policy.Kind) string {
	var configurations []admissionv1.ValidatingWebhookConfiguration
	if len(o.Files) > 0 {
		for _, d := range w.Documents {
			if d.Object.GetKind() == "ValidatingWebhookConfiguration" {
				configurations = appendConfiguration(configurations, d.Object)
			}
		}
		if len(configurations) == 0 {
			return func(k *policy.Kind) string {
				if k.Group() == policy.Group {
					return explain.Yes
				}
				return coveredIfListed
			}
		}
	} else {
		list, err := o.listConfigurations(ctx)
		if apierrors.IsForbidden(err) {
			err = errors.New("you may not list validatingwebhookconfigurations")
		}
		if err != nil {
			o.Note("warning: what admission covers is not known: %v", err)
			return func(*policy.Kind) string { return explain.Unknown }
		}
		configurations = list
	}
	return func(k *policy.Kind) string {
		for _, c := range configurations {
			if slices.ContainsFunc(c.Webhooks, func(h admissionv1.ValidatingWebhook) bool { return reviews(h, k) }) {
				return explain.Yes
			}
		}
		return explain.No
	}
}

func appendConfiguration(list []admissionv1.ValidatingWebhookConfiguration, u *unstructured.Unstructured) []admissionv1.ValidatingWebhookConfiguration {
	var c admissionv1.ValidatingWebhookConfiguration
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &c); err != nil {
		return list
	}
	return append(list, c)
}

func (o *options) listConfigurations(ctx context.Context) ([]admissionv1.ValidatingWebhookConfiguration, error) {
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	list, err := client.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// reviews reports whether a webhook is ours and is called for objects of a kind.
func reviews(h admissionv1.ValidatingWebhook, k *policy.Kind) bool {
	return strings.HasSuffix(h.Name, "."+policy.Group) && slices.ContainsFunc(h.Rules, func(r admissionv1.RuleWithOperations) bool {
		named := func(list []string, name string) bool {
			return slices.Contains(list, name) || slices.Contains(list, "*")
		}
		return named(r.APIGroups, k.Group()) && named(r.Resources, k.Plural)
	})
}
