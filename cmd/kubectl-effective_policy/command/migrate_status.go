package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/progress"
	"github.com/attache-dev/attache/policy/migrate/verify"
)

// statusOptions are the flags of migrate status alone.
type statusOptions struct {
	report                                string
	resolve, deletable, withoutDNS, check bool
}

func (o *options) migrateStatusCommand() *cobra.Command {
	m, s := &migrateOptions{}, &statusOptions{}
	cmd := &cobra.Command{
		Use:   "status [INGRESS…] [--gateway NAMESPACE/NAME]",
		Short: "Show the progress of a parallel run, and which Ingresses can be deleted",
		Long: `Show how far a parallel run of the old controller and the new side is: of each Ingress
whether routes answer as it does, whether a data plane serves them, and whether it can be
deleted. A route counts by what it answers, not by its name.

Where traffic goes is only checked with --resolve, which asks DNS for the hosts. Nothing
is deleted: --deletable -o name prints what can be.`,
		Example: `  kubectl effective-policy migrate status -A
  kubectl effective-policy migrate status -A --resolve --check
  kubectl effective-policy migrate status -A --resolve --deletable -o name`,
		RunE: func(cmd *cobra.Command, args []string) error { return o.migrateStatus(cmd.Context(), m, s, args) },
	}
	m.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.report, "report", "", "the output of migrate -o json: differences that it announces do not count")
	flags.StringSliceVar(&m.accept, "accept", nil, "names of annotations whose protection is now provided elsewhere")
	flags.BoolVar(&s.resolve, "resolve", false, "resolve the hosts by DNS")
	flags.BoolVar(&s.deletable, "deletable", false, "only the Ingresses that can be deleted")
	flags.BoolVar(&s.withoutDNS, "without-dns", false, "count ready Ingresses as moved")
	flags.BoolVar(&s.check, "check", false, "exit with 1 unless every Ingress is moved")
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatJSON, formatName)
	return cmd
}

func (o *options) migrateStatus(ctx context.Context, m *migrateOptions, s *statusOptions, args []string) error {
	if err := m.complete(o, args, false); err != nil {
		return err
	}
	o.Quiet = o.Output != workspace.FormatTable
	sides, err := o.readSides(ctx)
	if err != nil {
		return err
	}
	options := &progress.Options{Verify: verify.Options{Bridge: m.options.Bridge}, WithoutDNS: s.withoutDNS}
	if m.options.Gateway.Name != "" {
		options.Verify.Gateway = hierarchy.GatewayRef(m.options.Gateway.Namespace, m.options.Gateway.Name)
	}
	if s.report != "" {
		if options.Verify.Report, err = readReport(s.report); err != nil {
			return err
		}
	}
	old, err := oldside.Read(sides.objects, m.options)
	var input *document.InputError
	if errors.As(err, &input) && input.None {
		return o.nothingLeft()
	}
	if err != nil {
		return err
	}
	if s.resolve {
		options.Addresses = o.resolveAll(ctx, progress.NamesToResolve(old, sides.snapshot))
	}
	p := progress.Of(old, sides.snapshot, options)
	if err := o.printProgress(p, s.deletable); err != nil {
		return err
	}
	if s.check && !p.Done() {
		return errFinding
	}
	return nil
}

// nothingLeft is the end of a migration.
func (o *options) nothingLeft() error {
	switch o.Output {
	case workspace.FormatJSON:
		return workspace.Encode(o.Streams.Out, workspace.FormatJSON, &progress.Progress{Ingresses: []progress.Ingress{}, Hosts: []progress.Host{}})
	case workspace.FormatTable:
		_, err := fmt.Fprintln(o.Streams.Out, "no Ingress is left")
		return err
	}
	return nil
}

// resolveAll asks DNS for names, five at a time (M86). A name that nobody has leads
// nowhere; that DNS fails is said. Names are asked for as they stand, without what the
// machine appends to names.
func (o *options) resolveAll(ctx context.Context, names []string) map[string][]string {
	const atOnce, patience = 5, 10 * time.Second
	found, failures := make([][]string, len(names)), make([]error, len(names))
	var wait sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, name := range names {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			found[i], failures[i] = net.DefaultResolver.LookupHost(ctx, strings.TrimSuffix(name, ".")+".")
		})
	}
	wait.Wait()
	addresses := map[string][]string{}
	for i, name := range names {
		addresses[name] = found[i]
		var answer *net.DNSError
		if failures[i] != nil && (!errors.As(failures[i], &answer) || !answer.IsNotFound) {
			o.Note("warning: DNS says nothing about %s: %v", name, failures[i])
		}
	}
	return addresses
}

func (o *options) printProgress(p *progress.Progress, deletable bool) error {
	switch o.Output {
	case workspace.FormatJSON:
		return workspace.Encode(o.Streams.Out, workspace.FormatJSON, p)
	case formatName:
		pen := &terminal.Pen{To: o.Streams.Out}
		for i := range p.Ingresses {
			if one := &p.Ingresses[i]; !deletable || one.Deletable {
				namespace, name, _ := strings.Cut(one.Ingress, "/")
				pen.Line("%s ingress/%s", namespace, name)
			}
		}
		return pen.Failed()
	}
	pen := o.Pen()
	t := &terminal.Table{}
	t.Head("INGRESS", "STATE", "LOCATIONS", "DELETABLE", "WHY")
	for i := range p.Ingresses {
		one := &p.Ingresses[i]
		if deletable && !one.Deletable {
			continue
		}
		why := one.Why
		if one.Example != "" {
			why += ": " + one.Example
		}
		gone := "yes"
		if !one.Deletable {
			gone = "no"
			if one.State == progress.StateReady || one.State == progress.StateMoved {
				why = one.Keep
			}
		}
		t.Plain(one.Ingress, one.State, strconv.Itoa(one.Covered)+" of "+strconv.Itoa(one.Locations), gone, why)
	}
	pen.Print(t)
	if !deletable {
		pen.Line("")
		for i := range p.Hosts {
			pen.Line("%s", pen.Paint(terminal.Plain, p.Hosts[i].String()))
		}
	}
	return pen.Failed()
}
