package newside

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/lift"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// placeDefaults says where the controller's defaults are stated (M46): on a Gateway
// that this run writes, else on each route; with --defaults=gateway also on one that
// exists, as far as that changes nobody else.
func (c *Side) placeDefaults() (onGateway, onRoutes statement.Wants, err error) {
	defaults := c.Old.DefaultWants()
	switch {
	case c.Options.Defaults == option.DefaultsNone:
		return nil, nil, nil
	case c.Options.NewGateway:
		return defaults, nil, nil
	case c.Options.Defaults != option.DefaultsGateway:
		return nil, defaults, nil
	}
	onGateway, onRoutes = statement.Wants{}, statement.Wants{}
	for _, kind := range statement.Kinds() {
		if len(defaults[kind]) == 0 {
			continue
		}
		why, err := c.changesStrangers(kind, defaults[kind])
		switch {
		case err != nil:
			return nil, nil, err
		case why == "":
			onGateway[kind] = defaults[kind]
		default:
			onRoutes[kind] = defaults[kind]
			c.Report.Add(finding.Finding{
				Status: finding.Implicit, Effect: finding.None, Implicit: "implicit/defaults-on-routes",
				Message: "implicit/defaults-on-routes: " + kind + " is not stated on Gateway " + c.gateway.name.String() + ", because " + why + ": each route states it",
			})
		}
	}
	return onGateway, onRoutes, nil
}

// changesStrangers says why defaults on the Gateway would change something that exists
// already; empty when they would not (M46, M61).
func (c *Side) changesStrangers(kind string, fields map[string]any) (string, error) {
	if c.Options.World == nil || c.Options.Stored == nil {
		return "", &document.InputError{Message: "--defaults=gateway is proved by the engine, which needs the CRDs of the policies"}
	}
	world := c.Options.World
	gateway := c.gateway.ref()
	for p := range world.Policies() {
		if p.Ref.Kind == kind && world.AcceptedAt(p, gateway) {
			return p.Ref.String() + " stands there", nil
		}
	}
	after := c.lifter().With(world, statement.Above(map[hierarchy.Ref]statement.Wants{gateway: {kind: fields}}))
	ours := map[hierarchy.Ref]bool{} // routes of an earlier run
	for i := range c.Old.Objects {
		_, marked := c.Old.Objects[i].GetAnnotations()[document.MigratedFrom]
		ours[hierarchy.RefOf(c.Old.Objects[i].Unstructured)] = marked
	}
	strangers := slices.DeleteFunc(lift.Routes(world), func(r hierarchy.Ref) bool { return ours[r] })
	before := effective.Resolve(world, strangers...)
	for _, d := range effective.Diff(before, effective.Resolve(after, strangers...)) {
		return "it would change " + d.Kind + " " + d.Path.String() + " of " + d.Target.String(), nil
	}
	return "", nil
}
