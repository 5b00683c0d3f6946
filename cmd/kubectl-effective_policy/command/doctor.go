package command

import (
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/doctor"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
)

func (o *options) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the installation of attache",
		Long: `Check the installation of attache on the cluster of the current context: CRDs,
processes, leader, webhooks and their certificates, admission policy, versions, and
what you may read. It writes nothing.

The exit code is 1 if something is wrong.`,
		Args: cobra.NoArgs,
		RunE: o.doctor,
	}
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatJSON, workspace.FormatYAML)
	return cmd
}

func (o *options) doctor(cmd *cobra.Command, _ []string) error {
	config, err := o.Connection()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	checks := doctor.Examine(cmd.Context(), doctor.Cluster{Client: client, Dynamic: objects, Namespace: o.Manager.Namespace, Version: o.BuiltAs, Now: time.Now})
	if o.Output == workspace.FormatTable {
		err = o.printChecks(checks)
	} else {
		err = workspace.Encode(o.Streams.Out, o.Output, map[string]any{"healthy": doctor.Healthy(checks), "checks": checks})
	}
	if err == nil && !doctor.Healthy(checks) {
		return errFinding
	}
	return err
}

// printChecks prints the findings on each part: its state, and a message.
func (o *options) printChecks(checks []doctor.Check) error {
	p, t := o.Pen(), &terminal.Rows{}
	styles := map[doctor.State]terminal.Style{doctor.OK: terminal.Green, doctor.Warning: terminal.Yellow, doctor.Problem: terminal.Red}
	for _, c := range checks {
		t.Add(terminal.Cell{Text: string(c.State), Style: styles[c.State]}, terminal.Cell{Text: c.Title() + ": " + c.Message})
	}
	t.Print(p)
	return p.Failed()
}
