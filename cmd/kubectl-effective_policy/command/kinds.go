package command

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"github.com/attache-dev/attache/policy"
)

func (o *options) kindsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kinds",
		Short: "List the policy kinds that are known here",
		Long: `List the policy kinds that are known here: every CRD with the label
gateway.networking.k8s.io/policy.

  CLASS      Inherited kinds merge along the hierarchy; Direct ones affect their
             target alone
  STRATEGY   that of an object which does not say one
  TARGETS    what its objects can be attached to with any effect
  STATUS     who writes the status of its objects
  ADMISSION  whether our webhook reviews its objects before they are stored. The
             chart's value policyKinds lists the kinds of others; one that it
             does not list is resolved and reported all the same`,
		Args: cobra.NoArgs,
		RunE: o.kinds,
	}
	o.addOutput(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

// kindReport is what kinds says of one kind.
type kindReport struct {
	Kind            string   `json:"kind"`
	Group           string   `json:"group"`
	Plural          string   `json:"plural"`
	Version         string   `json:"version"`
	Class           string   `json:"class"`
	Strategy        string   `json:"strategy"`
	Targets         []string `json:"targets"`
	Objects         int      `json:"objects"`
	StatusWrittenBy string   `json:"statusWrittenBy"`
	Admission       string   `json:"admission"`
}

// The answers to whether admission covers a kind.
const (
	coveredYes     = "yes"
	coveredNo      = "no"
	coveredUnknown = "unknown"
	// coveredIfListed is for kinds of others when nothing is installed.
	coveredIfListed = "if listed"
)

func (o *options) kinds(cmd *cobra.Command, _ []string) error {
	w, err := o.load(cmd.Context())
	if err != nil {
		return err
	}
	count := map[*policy.Kind]int{}
	for p := range w.snapshot.Policies() {
		if w.namespace == "" || p.Ref.Namespace == w.namespace {
			count[p.Kind]++
		}
	}
	covered := o.coverage(cmd.Context(), w)
	reports := []kindReport{}
	for _, k := range w.snapshot.Kinds() {
		r := kindReport{
			Kind: k.GroupKind.Kind, Group: k.Group(), Plural: k.Plural, Version: k.Version,
			Class: string(k.Class), Strategy: k.Strategy.String(), Targets: w.targetKinds(k), Objects: count[k],
			StatusWrittenBy: "its own controller", Admission: covered(k),
		}
		if k.Class == policy.Direct {
			r.Strategy = "None"
		}
		if k.ManageStatus {
			r.StatusWrittenBy = "attache"
		}
		reports = append(reports, r)
	}
	if o.output != formatTable {
		return encode(o.streams.Out, o.output, map[string]any{"kinds": reports})
	}
	t := &table{}
	t.head("KIND", "GROUP", "CLASS", "STRATEGY", "OBJECTS", "STATUS", "ADMISSION", "TARGETS")
	for _, r := range reports {
		t.plain(r.Kind, r.Group, r.Class, r.Strategy, strconv.Itoa(r.Objects), r.StatusWrittenBy, r.Admission, strings.Join(r.Targets, ","))
	}
	p := o.pen()
	p.print(t)
	return p.err
}

// targetKinds are the kinds on the hierarchy on which objects of a policy kind
// have any effect. A Direct kind says itself what it is for.
func (w *world) targetKinds(k *policy.Kind) []string {
	if k.Class == policy.Direct {
		return []string{"any object"}
	}
	targets := []string{"GatewayClass", "Gateway", "ListenerSet"}
	for i := range w.kinds {
		gk := w.kinds[i].GroupKind
		if w.snapshot.IsRoute(gk) && k.AppliesAtAll(gk) {
			targets = append(targets, gk.Kind)
		}
	}
	return targets
}

// coverage says which kinds our webhook reviews: as the configurations say that
// are installed or among the manifests, or as the chart would have it.
func (o *options) coverage(ctx context.Context, w *world) func(*policy.Kind) string {
	var configurations []admissionv1.ValidatingWebhookConfiguration
	if len(o.files) > 0 {
		for _, d := range w.documents {
			if d.Object.GetKind() == "ValidatingWebhookConfiguration" {
				configurations = appendConfiguration(configurations, d.Object)
			}
		}
		if len(configurations) == 0 {
			return func(k *policy.Kind) string {
				if k.Group() == policy.Group {
					return coveredYes
				}
				return coveredIfListed
			}
		}
	} else {
		list, err := o.listConfigurations(ctx)
		if err != nil {
			o.note("warning: what admission covers is not known: %v", err)
			return func(*policy.Kind) string { return coveredUnknown }
		}
		configurations = list
	}
	return func(k *policy.Kind) string {
		for _, c := range configurations {
			if slices.ContainsFunc(c.Webhooks, func(h admissionv1.ValidatingWebhook) bool { return reviews(h, k) }) {
				return coveredYes
			}
		}
		return coveredNo
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
	config, err := o.config.ToRESTConfig()
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

// reviews says whether a webhook is ours and is called for objects of a kind.
func reviews(h admissionv1.ValidatingWebhook, k *policy.Kind) bool {
	return strings.HasSuffix(h.Name, "."+policy.Group) && slices.ContainsFunc(h.Rules, func(r admissionv1.RuleWithOperations) bool {
		named := func(list []string, name string) bool {
			return slices.Contains(list, name) || slices.Contains(list, "*")
		}
		return named(r.APIGroups, k.Group()) && named(r.Resources, k.Plural)
	})
}
