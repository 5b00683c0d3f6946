package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/edit"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/request"
)

// requestFlags are a request, and the Gateway that it goes to.
type requestFlags struct {
	text, gateway                              string
	headers                                    []string
	noIsolation, fallthroughHosts, gone, prune bool
	before                                     []string
}

// theCluster is the value of --before that means the cluster of the current context.
const theCluster = "cluster"

func (f *requestFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.text, "request", "", "show who serves this request, and what applies to it: '[METHOD] URL'")
	flags.StringArrayVarP(&f.headers, "header", "H", nil, "with --request, a header of it: 'name: value'; may be repeated")
	flags.StringVar(&f.gateway, "gateway", "", "with --request, ask only this Gateway: NAMESPACE/NAME")
	flags.BoolVar(&f.noIsolation, "no-isolation", false, "with --request, as on a data plane that also tries less specific listeners")
	flags.BoolVar(&f.fallthroughHosts, "fallthrough", false, "with --request, as on a data plane that also tries routes of less specific hostnames")
	flags.StringArrayVar(&f.before, "before", nil, "with --request, compare: -f is a change of these manifests, or of the cluster for the word "+theCluster+"; may be repeated")
	flags.BoolVar(&f.gone, "delete", false, "with --before, the objects of -f are removed, not applied")
	flags.BoolVar(&f.prune, "prune", false, "with --before, objects of its manifests that are not in -f are removed")
	cmd.MarkFlagsMutuallyExclusive("delete", "prune")
}

// check returns an error for flags that cannot be combined.
func (f *requestFlags) check(args []string, rule, listener string) error {
	switch {
	case f.text == "" && (len(f.headers) > 0 || f.gateway != "" || f.noIsolation || f.fallthroughHosts || len(f.before) > 0 || f.gone || f.prune):
		return errors.New("--header, --gateway, --no-isolation, --fallthrough, --before, --delete and --prune are about a request: give it with --request")
	case f.text == "":
		return nil
	case len(args) > 0:
		return errors.New("name an object or give --request, not both: the request finds its route itself")
	case rule != "" || listener != "":
		return errors.New("--rule and --listener are found by --request: leave them out")
	case f.gone && len(f.before) == 0:
		return errors.New("--delete needs --before: say what the objects of -f are removed from")
	case f.prune && (len(f.before) == 0 || slices.Contains(f.before, theCluster)):
		return errors.New("--prune compares two sets of manifests: give the other one with --before")
	}
	return nil
}

// question reads the flags. -n is the namespace of a Gateway that has none.
func (f *requestFlags) question(namespace string) (*request.Question, error) {
	r, err := request.Parse(f.text, f.headers...)
	if err != nil {
		return nil, fmt.Errorf("--request: %w", err)
	}
	q := &request.Question{Request: r, NoIsolation: f.noIsolation, Fallthrough: f.fallthroughHosts}
	if f.gateway != "" {
		in, name, both := strings.Cut(f.gateway, "/")
		if !both {
			in, name = namespace, f.gateway
		}
		if in == "" || name == "" || strings.Contains(name, "/") {
			return nil, fmt.Errorf("--gateway %s: write NAMESPACE/NAME", f.gateway)
		}
		q.Gateway = hierarchy.GatewayRef(in, name)
	} else if r.Host == "" {
		return nil, fmt.Errorf("--request: %q names no host: write it, or name a Gateway with --gateway NAMESPACE/NAME to ask for all that it serves", f.text)
	}
	return q, nil
}

func (o *options) explainRequest(cmd *cobra.Command, f *requestFlags) error {
	q, err := f.question(*o.Config.Namespace)
	if err != nil {
		return err
	}
	if len(f.before) > 0 {
		return o.compareRequest(cmd, f, q)
	}
	w, err := o.Load(cmd.Context())
	if err != nil {
		return err
	}
	served := servedIn(w.Snapshot, q)
	if o.Output == workspace.FormatJSON || o.Output == workspace.FormatYAML {
		err = workspace.Encode(o.Streams.Out, o.Output, served.Report())
	} else {
		p := o.Pen()
		printServed(p, served)
		err = p.Failed()
	}
	if err == nil && !served.Found() {
		err = errFinding
	}
	return err
}

func servedIn(s *policy.Snapshot, q *request.Question) *explain.Served {
	return explain.Request(s, request.New(s.Graph()), q)
}

// compared is who serves a request before and after a change (Q10).
type compared struct {
	Before request.Report `json:"before"`
	After  request.Report `json:"after"`
}

func (o *options) compareRequest(cmd *cobra.Command, f *requestFlags, q *request.Question) error {
	change := edit.Flags{Base: f.before, Remove: f.gone, Prune: f.prune}
	if slices.Contains(f.before, theCluster) {
		if len(f.before) > 1 {
			return fmt.Errorf("--before %s is the whole world: give no manifests beside it", theCluster)
		}
		change.Base = nil
	}
	c, err := edit.Load(cmd.Context(), o.Flags, change)
	if err != nil {
		return err
	}
	verdict, err := c.Verdict(cmd.Context())
	if err != nil {
		return err
	}
	before, after := servedIn(verdict.Before, q), servedIn(verdict.After, q)
	if o.Output == workspace.FormatJSON || o.Output == workspace.FormatYAML {
		err = workspace.Encode(o.Streams.Out, o.Output, compared{before.Report(), after.Report()})
	} else {
		p := o.Pen()
		p.Line("%s", p.Paint(terminal.Bold, "Before"))
		printServed(p, before)
		p.Line("")
		p.Line("%s", p.Paint(terminal.Bold, "After"))
		printServed(p, after)
		err = p.Failed()
	}
	if err == nil && !after.Found() {
		err = errFinding
	}
	return err
}

// printServed prints one block for each answer.
func printServed(p *terminal.Pen, served *explain.Served) {
	for i := range served.Answers {
		a := &served.Answers[i]
		if i > 0 {
			p.Line("")
		}
		p.Line("%s", p.Paint(terminal.Cyan, a.Heading()))
		if served.Question.Request.Host == "" {
			p.Line("  %s", p.Paint(terminal.Faint, "for host "+a.Host))
		}
		t := &terminal.Rows{Indent: "  "}
		for _, fact := range a.Lines() {
			style := terminal.Plain
			switch fact.Name {
			case "served by", "redirect":
				style = terminal.Green
			case "no route", "no listener":
				style = terminal.Red
			case "note":
				style = terminal.Yellow
			}
			t.Add(terminal.Cell{Text: fact.Name, Style: terminal.Faint}, terminal.Cell{Text: fact.Value, Style: style})
		}
		t.Print(p)
		runnersUp, notBound := a.Losers()
		printLosers(p, "Runners-up", runnersUp)
		printLosers(p, "Would match, and not bound here", notBound)
		if a.Scope != nil {
			p.Line("")
			printScope(p, *a.Scope, nil, 1, map[string]int{}, false, len(a.Direct) > 0)
		}
	}
}

func printLosers(p *terminal.Pen, heading string, losers []explain.Fact) {
	if len(losers) == 0 {
		return
	}
	p.Line("  %s", heading)
	t := &terminal.Rows{Indent: "    "}
	for _, l := range losers {
		t.Add(terminal.Cell{Text: l.Name}, terminal.Cell{Text: l.Value, Style: terminal.Faint})
	}
	t.Print(p)
}
