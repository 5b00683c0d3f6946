package command

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/policy/crd"
)

func (o *options) scaffoldCommand() *cobra.Command {
	var fields []string
	var plural string
	cmd := &cobra.Command{
		Use:   "scaffold KIND.GROUP --field NAME=TYPE…",
		Short: "Print a CRD from which to start a policy kind of your own",
		Long: `Print the CRD of a policy kind of your own, and the ClusterRole that lets attache read it.
Apply both: the kind then merges, is explained and is guarded like the built-in ones.

The types of fields are ` + strings.Join(crd.ScaffoldTypes, ", ") + `. All but boolean can be bounded.`,
		Example: `  kubectl effective-policy kinds scaffold CircuitBreakerPolicy.example.com \
    --field maxConnections=integer --field ejectionTime=duration > kind.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("name the kind, such as CircuitBreakerPolicy.example.com")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(_ *cobra.Command, args []string) error { return o.scaffold(args[0], plural, fields) },
	}
	cmd.Flags().StringArrayVar(&fields, "field", nil, "a field and its type, such as maxConnections=integer; may be repeated")
	cmd.Flags().StringVar(&plural, "plural", "", "the name of the resource (default: the plural of the kind)")
	_ = cmd.RegisterFlagCompletionFunc("field", cobra.NoFileCompletions)
	return cmd
}

func (o *options) scaffold(name, plural string, texts []string) error {
	gk := kschema.ParseGroupKind(name)
	if plural == "" {
		plural = workspace.PluralOf(gk.Kind)
	}
	var fields []crd.ScaffoldField
	for _, text := range texts {
		field, kind, _ := strings.Cut(text, "=")
		fields = append(fields, crd.ScaffoldField{Name: field, Type: kind})
	}
	definition, err := crd.Scaffold(gk, plural, fields)
	if err != nil {
		return err
	}
	role := map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
		"metadata": map[string]any{"name": "attache-" + plural, "labels": map[string]any{crd.Group + "/aggregate-to-reader": "true"}},
		"rules": []any{
			map[string]any{"apiGroups": []any{gk.Group}, "resources": []any{plural}, "verbs": []any{"get", "list", "watch"}},
			map[string]any{"apiGroups": []any{gk.Group}, "resources": []any{plural + "/status"}, "verbs": []any{"update", "patch"}},
		},
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# A policy kind that attache merges. What it reads of a CRD is in docs/api.md, section 2.\n"+
		"# For admission to cover it, list it in the chart's values:\n"+
		"#   policyKinds: [{group: %s, resource: %s, kind: %s}]\n", gk.Group, plural, gk.Kind)
	for i, object := range []map[string]any{definition, role} {
		text, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteString("---\n# By this attache may read the kind, and write the status of its objects.\n")
		}
		b.Write(text)
	}
	_, err = o.Streams.Out.Write([]byte(b.String()))
	return err
}
