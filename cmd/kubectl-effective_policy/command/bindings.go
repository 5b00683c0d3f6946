package command

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/policy/explain"
)

func (o *options) bindingsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bindings [KIND/NAME…]",
		Short: "Show which listeners each route is bound to, or why it is not",
		Long: `Show for every parentRef the listeners that the route is bound to, with the
hostnames they share, or why it is not bound. For every listener, show the number
of its routes.

Name routes to see their parentRefs, Gateways or ListenerSets to see the routes
that name them. Binding is computed from spec alone, by the rules of Gateway API.`,
		Example: `  kubectl effective-policy bindings -n shop
  kubectl effective-policy bindings gateway/public -n infra
  kubectl effective-policy bindings httproute/checkout -f manifests/ -o json`,
		ValidArgsFunction: o.CompleteObjects((*workspace.Workspace).Bindable, false),
		RunE:              o.bindings,
	}
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatWide, workspace.FormatJSON, workspace.FormatYAML)
	return cmd
}

func (o *options) bindings(cmd *cobra.Command, args []string) error {
	w, err := o.Load(cmd.Context())
	if err != nil {
		return err
	}
	found, err := w.Find(args, w.Bindable())
	if err != nil {
		return err
	}
	report := explain.BindingsOf(w.Snapshot, found, len(args) > 0)
	if o.Output == workspace.FormatJSON || o.Output == workspace.FormatYAML {
		return workspace.Encode(o.Streams.Out, o.Output, report)
	}
	return o.printBindings(report)
}

func (o *options) printBindings(report explain.Bindings) error {
	p := o.Pen()
	if len(report.Routes) == 0 {
		o.Note("no route names a parent")
	} else {
		o.printRoutes(p, report.Routes)
	}
	if len(report.Listeners) > 0 {
		if len(report.Routes) > 0 {
			p.Line("")
		}
		t := &terminal.Table{}
		t.Head("GATEWAY", "LISTENERSET", "LISTENER", "PORT", "PROTOCOL", "HOSTNAME", "ROUTES", "NOTE")
		for _, l := range report.Listeners {
			host := l.Spec.Hostname
			if host == "" {
				host = "*"
			}
			t.Plain(l.Gateway, l.ListenerSet, l.Listener, strconv.Itoa(int(l.Spec.Port)), l.Spec.Protocol, host, strconv.Itoa(l.AttachedRoutes), l.Note)
		}
		t.DropEmpty()
		p.Print(t)
	}
	return p.Failed()
}

// printRoutes prints each route with its parents: the listeners that it is bound
// to, or why it is bound to none.
func (o *options) printRoutes(p *terminal.Pen, routes []explain.Binding) {
	if o.Output == workspace.FormatWide {
		p.Print(routeTable(routes))
		return
	}
	for _, ofOne := range terminal.Runs(routes, func(r explain.Binding) string { return r.Kind + " " + r.Namespace + "/" + r.Name }) {
		p.Line("%s", p.Paint(terminal.Bold, ofOne[0].Kind+" "+ofOne[0].Namespace+"/"+ofOne[0].Name))
		t := &terminal.Rows{Indent: "  "}
		for _, r := range ofOne {
			addBinding(t, r)
		}
		t.Print(p)
	}
}

func addBinding(t *terminal.Rows, r explain.Binding) {
	if len(r.Listeners) == 0 {
		t.Add(terminal.Cell{Text: r.ParentRef.Text()}, terminal.Cell{Text: "not bound: " + r.Reason + ": " + r.Message, Style: terminal.Red})
	}
	for _, l := range r.Listeners {
		text := strings.Join(l.Hostnames, ", ")
		if text == "" {
			text = "*"
		}
		if l.Idle != "" {
			text += "; " + l.Idle
		}
		t.Add(terminal.Cell{Text: listenerText(l.ListenerName), Style: terminal.Green}, terminal.Cell{Text: text})
	}
}

// listenerText returns the name of a listener: platform/edge#https.
func listenerText(l explain.ListenerName) string {
	if l.ListenerSet != "" {
		return "ListenerSet/" + l.ListenerSet + "#" + l.Listener
	}
	return l.Gateway + "#" + l.Listener
}

// routeTable has a line for each listener that a parentRef is bound to, or one
// that says why it is bound to none.
func routeTable(routes []explain.Binding) *terminal.Table {
	t := &terminal.Table{}
	t.Head("NAMESPACE", "ROUTE", "PARENT", "BOUND", "LISTENER", "HOSTNAMES", "REASON")
	for _, r := range routes {
		name, parent := terminal.Cell{Text: r.Kind + "/" + r.Name}, terminal.Cell{Text: r.ParentRef.Text()}
		if len(r.Listeners) == 0 {
			t.Add(terminal.Cell{Text: r.Namespace}, name, parent, terminal.Cell{Text: "no", Style: terminal.Red}, terminal.Cell{Text: "-"}, terminal.Cell{Text: "-"}, terminal.Cell{Text: r.Reason + ": " + r.Message})
			continue
		}
		for _, l := range r.Listeners {
			hosts := strings.Join(l.Hostnames, ",")
			if hosts == "" {
				hosts = "*"
			}
			t.Add(terminal.Cell{Text: r.Namespace}, name, parent, terminal.Cell{Text: "yes", Style: terminal.Green}, terminal.Cell{Text: l.Listener}, terminal.Cell{Text: hosts}, terminal.Cell{Text: l.Idle})
		}
	}
	t.DropEmpty()
	return t
}
