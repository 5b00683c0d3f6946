package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/controller"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/webhook"
	"github.com/attache-dev/attache/webhook/authority"
)

// docsCommand prints the reference of flags and metrics, generated from the code.
func docsCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "docs",
		Short:  "Print the reference of the manager's flags and metrics as Markdown",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			out := command.OutOrStdout()
			writeFlags(out)
			return writeMetrics(out)
		},
	}
}

func writeFlags(out io.Writer) {
	fmt.Fprint(out, "## Flags of `attache manager`\n\nThe file that `--config` names has the same names as keys. An unknown key is an error; a flag takes precedence over the file.\n\n| flag | default | meaning |\n|---|---|---|\n")
	(&settings{}).flags().VisitAll(func(f *pflag.Flag) {
		placeholder, usage := pflag.UnquoteUsage(f)
		if placeholder != "" {
			placeholder = " " + placeholder
		}
		fmt.Fprintf(out, "| `--%s%s` | `%s` | %s |\n", f.Name, placeholder, f.DefValue, strings.ReplaceAll(usage, "|", `\|`))
	})
}

// description parses the text of a prometheus.Desc, which has no accessors.
var description = regexp.MustCompile(`fqName: "([^"]*)", help: "((?:[^"\\]|\\.)*)".*variableLabels: \{([^}]*)\}`)

func writeMetrics(out io.Writer) error {
	from, err := cluster.New(&rest.Config{}, cluster.Options{})
	if err != nil {
		return err
	}
	metrics := &catalog{}
	if _, err := controller.New(&rest.Config{}, from, controller.Options{Metrics: metrics}); err != nil {
		return err
	}
	snapshot := func() (*policy.Snapshot, bool) { return from.Snapshot(), false }
	if _, err := webhook.New(webhook.Options{Snapshot: snapshot, Metrics: metrics}); err != nil {
		return err
	}
	if _, err := newRuleMeter(metrics); err != nil {
		return err
	}
	for _, c := range []prometheus.Collector{&authority.Watched{}, buildInfo()} {
		if err := metrics.Register(c); err != nil {
			return err
		}
	}
	slices.Sort(metrics.rows)
	fmt.Fprint(out, "\n## Metrics\n\nIn addition to those of controller-runtime and of the Go runtime.\n\n| metric | labels | meaning |\n|---|---|---|\n")
	for _, row := range metrics.rows {
		fmt.Fprintln(out, row)
	}
	return nil
}

// catalog is a registry that only records what is registered.
type catalog struct{ rows []string }

// Register implements prometheus.Registerer.
func (c *catalog) Register(collector prometheus.Collector) error {
	descriptions := make(chan *prometheus.Desc, 16)
	collector.Describe(descriptions)
	close(descriptions)
	for d := range descriptions {
		parts := description.FindStringSubmatch(d.String())
		if parts == nil {
			return fmt.Errorf("a metric describes itself as %s", d)
		}
		c.rows = append(c.rows, fmt.Sprintf("| `%s` | %s | %s |", parts[1], strings.ReplaceAll(parts[3], ",", ", "), parts[2]))
	}
	return nil
}

// MustRegister implements prometheus.Registerer.
func (c *catalog) MustRegister(collectors ...prometheus.Collector) {
	for _, collector := range collectors {
		_ = c.Register(collector)
	}
}

// Unregister implements prometheus.Registerer.
func (c *catalog) Unregister(prometheus.Collector) bool { return false }
