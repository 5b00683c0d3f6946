package verify

import (
	"maps"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/bound"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// PolicyDifference is a field of a policy in which the sides differ (M70).
type PolicyDifference struct {
	Kind  string `json:"kind"`
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
	// Origin says who set the new value.
	Origin string `json:"origin,omitempty"`

	fromDefaults bool
}

type policyKey struct {
	ingress  *ingress.Ingress
	route    hierarchy.Ref
	listener hierarchy.Ref
	rule     int
	// repeatable says that the request's method is one that retries tell apart.
	repeatable bool
	backend    string
}

// policyComparer compares what the old side wants with what the engine resolves.
type policyComparer struct {
	old      *oldside.Side
	resolver *effective.Resolver
	always   bool
	// compared says that some policy was there to compare.
	compared bool
	cache    map[policyKey][]PolicyDifference
	routes   map[hierarchy.Ref]*effective.Target
}

func (p *policyComparer) compare(g *ingress.Ingress, b *routing.Backend, method string, place routing.Place) []PolicyDifference {
	key := policyKey{g, place.Route.Meta().Ref, place.Listener.Ref, place.Rule, p.old.Options.Retries == option.RetriesMethods && oldside.Repeatable(method), ""}
	if b != nil && p.old.Controller.Services {
		key.backend = b.String()
	}
	if list, ok := p.cache[key]; ok {
		return list
	}
	list := p.differences(g, b, place, key.repeatable)
	p.cache[key] = list
	return list
}

func (p *policyComparer) differences(g *ingress.Ingress, b *routing.Backend, place routing.Place, repeatable bool) []PolicyDifference {
	if p.routes == nil {
		p.routes = map[hierarchy.Ref]*effective.Target{}
	}
	ref := place.Route.Meta().Ref
	target, ok := p.routes[ref]
	if !ok {
		target = p.resolver.Resolve(ref).Get(ref)
		p.routes[ref] = target
	}
	var found *effective.PathPolicies
	if target != nil {
		for path := range target.Paths() {
			if path.Listener.Ref == place.Listener.Ref && (path.Rule == place.Rule || path.Rule < 0) {
				found = path.Result
			}
		}
	}
	ours := false
	for _, kind := range statement.Kinds() {
		if found != nil {
			if k, ok := found.Kind(kind); ok && len(k.Value) > 0 {
				ours = true
			}
		}
	}
	if !ours && !p.always {
		return nil
	}
	p.compared = true
	own, defaults := p.old.LocationWants(g, b), p.old.DefaultWants()
	if all := p.old.IdempotentWants(g); repeatable && all != nil {
		own = all.Over(own)
	}
	want := own.Over(defaults)
	var list []PolicyDifference
	for _, kind := range statement.Kinds() {
		var have *effective.Policy
		if found != nil {
			have, _ = found.Kind(kind)
		}
		list = append(list, fieldsOf(kind, want[kind], own[kind], have)...)
	}
	return list
}

func fieldsOf(kind string, want, own map[string]any, have *effective.Policy) []PolicyDifference {
	names := map[string]bool{}
	for name := range want {
		names[name] = true
	}
	if have != nil {
		for name := range have.Value {
			names[name] = true
		}
	}
	var list []PolicyDifference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		var value any
		origin := ""
		if have != nil {
			value = have.Value[name]
			for i := range have.Origins {
				if have.Origins[i].Path[0] == name {
					o := &have.Origins[i]
					origin = o.Block.String() + " of " + o.From.String()
				}
			}
		}
		if same(want[name], value) || kind == statement.RetryPolicy && name == "retryOn" && want[name] == nil && noRetries(have) {
			continue
		}
		_, stated := own[name]
		list = append(list, PolicyDifference{kind, name, statement.ValueText(want[name]), statement.ValueText(value), origin, !stated})
	}
	return list
}

// noRetries says that a policy retries nothing, whatever its conditions are.
func noRetries(have *effective.Policy) bool {
	return have != nil && same(have.Value["maxRetries"], int64(0))
}

// same compares two values of one field: times by what they mean, numbers by their
// text.
func same(a, b any) bool {
	x, y := statement.ValueText(a), statement.ValueText(b)
	if x == y {
		return true
	}
	d, err := bound.ParseDuration(x)
	e, wrong := bound.ParseDuration(y)
	return err == nil && wrong == nil && d == e
}
