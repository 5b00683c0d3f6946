package command

import (
	"errors"
	"slices"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
)

func (o *options) getPublished(p *workspace.Published, args []string, flags *getFlags) error {
	if flags.given() || flags.all {
		return errors.New("filters and --all look at all routes and policies: have the ClusterRole attache-cli bound to you")
	}
	targets, err := p.Find(args)
	if err != nil {
		return err
	}
	shown := make([]shownPolicy, len(targets))
	for i, target := range targets {
		shown[i] = shownPolicy{object: p.Objects[target]}
		o.SayWithheld(shown[i].object)
	}
	slices.SortFunc(shown, compareShown)
	if err := o.printShown(p.Workspace, shown, flags, len(args) > 0); err != nil {
		return err
	}
	if flags.fail && len(shown) > 0 {
		return errFinding
	}
	return nil
}
