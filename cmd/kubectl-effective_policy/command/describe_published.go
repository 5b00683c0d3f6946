package command

import (
	"context"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/status"
)

func (o *options) describePublished(ctx context.Context, p *workspace.Published, args []string) error {
	target, err := p.FindOne(args)
	if err != nil {
		object, policyErr := p.Policy(ctx, args)
		if policyErr != nil {
			return policyErr
		}
		if object == nil {
			return err
		}
		return o.printDescription(explain.DescribePublishedPolicy(object, status.ControllerName))
	}
	object := p.Objects[target.Object()]
	d, err := explain.DescribePublished(object)
	if err != nil {
		return err
	}
	o.SayWithheld(object)
	return o.printDescription(d)
}
