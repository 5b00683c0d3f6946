package migrate

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
)

// placeDefaults says where the controller's defaults are stated (M46): on a Gateway
// that this run writes, else on each route; with --defaults=gateway also on one that
// exists, as far as that changes nobody else.
func (c *converter) placeDefaults() (onGateway, onRoutes wants, err error) {
	defaults := c.old.defaultWants()
	switch {
	case c.options.Defaults == DefaultsNone:
		return nil, nil, nil
	case c.options.NewGateway:
		return defaults, nil, nil
	case c.options.Defaults != DefaultsGateway:
		return nil, defaults, nil
	}
	onGateway, onRoutes = wants{}, wants{}
	for _, kind := range kindsOfPolicies() {
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
			c.report.add(Finding{
				Status: Implicit, Effect: None, Implicit: "implicit/defaults-on-routes",
				Message: "implicit/defaults-on-routes: " + kind + " is not stated on Gateway " + c.gateway.name.String() + ", for " + why + ": each route states it",
			})
		}
	}
	return onGateway, onRoutes, nil
}

// changesStrangers says in words why defaults on the Gateway would change something
// that is there already; empty when they would not (M46, M61).
func (c *converter) changesStrangers(kind string, fields map[string]any) (string, error) {
	if c.options.World == nil || c.options.Stored == nil {
		return "", &InputError{Message: "--defaults=gateway is proved by the engine, which needs the CRDs of the policies"}
	}
	world := c.options.World
	gateway := c.gateway.ref()
	for p := range world.Policies() {
		if p.Ref.Kind == kind && world.AcceptedAt(p, gateway) {
			return p.Ref.String() + " stands there", nil
		}
	}
	after := c.lifter().with(world, aboveRoutes(map[hierarchy.Ref]wants{gateway: {kind: fields}}))
	ours := map[hierarchy.Ref]bool{} // routes of an earlier run
	for i := range c.old.objects {
		_, marked := c.old.objects[i].GetAnnotations()[MigratedFrom]
		ours[hierarchy.RefOf(c.old.objects[i].Unstructured)] = marked
	}
	strangers := slices.DeleteFunc(routesOf(world), func(r hierarchy.Ref) bool { return ours[r] })
	before := effective.Resolve(world, strangers...)
	for _, d := range effective.Diff(before, effective.Resolve(after, strangers...)) {
		return "it would change " + d.Kind + " " + d.Path.String() + " of " + d.Target.String(), nil
	}
	return "", nil
}
