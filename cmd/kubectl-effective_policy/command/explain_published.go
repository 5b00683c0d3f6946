package command

import (
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/explain"
)

func (o *options) explainPublished(p *workspace.Published, args []string, on explain.Selection, noEnforcement bool) error {
	target, err := p.FindOne(args)
	if err != nil {
		return err
	}
	sectionInto(&on, target, target.GroupKind != hierarchy.GatewayKind)
	object := p.Objects[target.Object()]
	e, err := explain.Published(p.Snapshot, object, on)
	if err != nil {
		return err
	}
	o.SayWithheld(object)
	if o.Output == workspace.FormatJSON || o.Output == workspace.FormatYAML {
		return workspace.Encode(o.Streams.Out, o.Output, e)
	}
	var entries []enforcement.Entry
	if !noEnforcement {
		entries = enforcement.EntriesOf(p.Snapshot.Graph(), object)
	}
	return o.printExplanation(e, entries)
}
