package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
)

// invalidity collects the rules of policy kinds that merged results newly
// break, though each policy is valid by itself (semantics section 6).
type invalidity struct {
	before, after *policy.Snapshot
	list          []*brokenRule
	// set are the objects of the edit as they would be after it.
	set map[hierarchy.Ref]bool
	// above are the effective policies of Gateways before the edit.
	above map[hierarchy.Ref]*effective.Target
}

// brokenRule is one rule that is newly broken, everywhere.
type brokenRule struct {
	kind string
	rule crd.Broken
	// origins are the origins of the fields that the message concerns, on the first path.
	origins []effective.Origin
	places  []brokenPlace
	targets map[hierarchy.Ref]bool
	// paths is the number of paths on which it is broken; ours means that the edit can fix it on one
	// of them.
	paths int
	ours  bool
}

type brokenPlace struct {
	target hierarchy.Ref
	text   string
}

// add examines paths of one target whose result changes.
func (f *invalidity) add(target hierarchy.Ref, paths effective.PathGroup[effective.Pair]) {
	if paths.Result.After == nil {
		return
	}
	for _, m := range paths.Result.After.Kinds {
		for _, broken := range m.Invalid {
			listener := f.newlyBroken(m, broken, paths)
			if listener == nil {
				continue
			}
			name := m.Kind.Name()
			i := slices.IndexFunc(f.list, func(o *brokenRule) bool { return o.kind == name && o.rule.Is(broken) })
			if i < 0 {
				i = len(f.list)
				f.list = append(f.list, &brokenRule{kind: name, rule: broken, origins: involved(m, broken), targets: map[hierarchy.Ref]bool{}})
			}
			f.list[i].count(f, target, m, paths, broken)
			f.list[i].targets[target] = true
			f.list[i].places = append(f.list[i].places, brokenPlace{target, place(target, paths.Rules, listener)})
		}
	}
}

// count adds paths, and prefers the origins of paths that the edit can fix.
func (b *brokenRule) count(f *invalidity, target hierarchy.Ref, m *effective.Policy, paths effective.PathGroup[effective.Pair], broken crd.Broken) {
	b.paths += len(paths.Parents) * f.rules(target, paths.Rules)
	if origins := involved(m, broken); !b.ours && f.mendable(origins) {
		b.ours, b.origins = true, origins
	}
}

// rules returns how many rules of a target are in a set; 1 for a target without rules.
func (f *invalidity) rules(target hierarchy.Ref, set hierarchy.RuleSet) int {
	object, _ := f.after.Graph().Get(target)
	if route, isRoute := object.(*hierarchy.Route); isRoute {
		return len(set.In(route))
	}
	return 1
}

// mendable reports whether an object of the edit is at the most specific level among the origins:
// then its author can fix the result. A policy below does not block an edit further up, and an
// author who states none of the values has nothing to fix (semantics section 6).
func (f *invalidity) mendable(origins []effective.Origin) bool {
	lowest := hierarchy.GatewayClassLevel
	for _, o := range origins {
		lowest = max(lowest, o.Level)
	}
	return slices.ContainsFunc(origins, func(o effective.Origin) bool { return o.Level == lowest && f.set[o.From] })
}

// newlyBroken returns the first listener on which a rule was not broken before, or nil. A path that
// did not exist before inherits what was wrong above it: the author of a new route did not break
// what was already broken on its Gateway.
func (f *invalidity) newlyBroken(m *effective.Policy, broken crd.Broken, paths effective.PathGroup[effective.Pair]) *hierarchy.Listener {
	if paths.Result.Before != nil {
		if breaks(paths.Result.Before, m.Kind.Name(), broken) {
			return nil
		}
		return paths.Parents[0]
	}
	for _, l := range paths.Parents {
		if !f.brokenAbove(l, m.Kind.Name(), broken) {
			return l
		}
	}
	return nil
}

func (f *invalidity) brokenAbove(l *hierarchy.Listener, kind string, broken crd.Broken) bool {
	gateway, seen := f.above[l.Gateway]
	if !seen {
		gateway = effective.Resolve(f.before, l.Gateway).Get(l.Gateway)
		f.above[l.Gateway] = gateway
	}
	if gateway == nil {
		return false
	}
	for _, scope := range gateway.Scopes {
		if slices.ContainsFunc(scope.Parents, func(o *hierarchy.Listener) bool { return o.Ref == l.Ref }) {
			return breaks(scope.Result, kind, broken)
		}
	}
	return false
}

// breaks reports whether a result already breaks a rule: another value that breaks the same rule is
// not a new problem.
func breaks(r *effective.PathPolicies, kind string, broken crd.Broken) bool {
	m, ok := r.Kind(kind)
	return ok && slices.ContainsFunc(m.Invalid, broken.Is)
}

// involved returns the origins of the fields that a rule concerns: those below its field, and those
// that the text of the rule names; all of them if neither is known (semantics section 6).
func involved(m *effective.Policy, broken crd.Broken) []effective.Origin {
	var named []effective.Origin
	for _, o := range m.Origins {
		if broken.Names(o.Path) {
			named = append(named, o)
		}
	}
	if len(named) == 0 {
		return m.Origins
	}
	return named
}

// The maximum numbers of examples in one message.
const (
	maxPlaces  = 3
	maxOrigins = 4
)

// refusal returns what is broken, where, and by which policies.
func (b *brokenRule) refusal(v Verdict) Refusal {
	mayRead := v.edit.MayRead
	var text strings.Builder
	fmt.Fprintf(&text, "the merged %s would be invalid on %s: %s", b.kind, b.where(mayRead), b.told(mayRead))
	p := Refusal{}
	var says []string
	for i, o := range b.origins {
		if field := v.ownField(o); field != "" && p.Field == "" {
			p.Object, p.Field = o.From, field
		}
		if i < maxOrigins {
			says = append(says, stated(o, mayRead))
		}
	}
	if len(says) > 0 {
		fmt.Fprintf(&text, " (%s)", strings.Join(says, "; "))
	}
	p.Message = text.String()
	return p
}

// notice returns the message for an author who cannot fix it, or does not have to.
func (b *brokenRule) notice(v Verdict) Notice {
	r := b.refusal(v)
	if r.Object.IsZero() {
		if refs := v.edit.refs(); len(refs) > 0 {
			r.Object = refs[len(refs)-1]
		}
	}
	return Notice{Object: r.Object, Field: r.Field, Message: fmt.Sprintf("on %s %s; a policy further down has to give way", prose.Count(b.paths, "path"), r.Message)}
}

// where lists some of the paths and counts all. Paths in namespaces that the author may not read
// are only counted.
func (b *brokenRule) where(mayRead policy.Reader) string {
	var shown []string
	for _, p := range b.places {
		if mayRead.May(p.target.Namespace) && len(shown) < maxPlaces {
			shown = append(shown, p.text)
		}
	}
	total := prose.Count(len(b.targets), "object")
	if len(b.targets) == 1 {
		total = prose.Count(b.paths, "path")
	}
	switch {
	case len(shown) == 0:
		return prose.Count(len(b.targets), "object") + " of other namespaces"
	case len(b.places) > len(shown):
		return fmt.Sprintf("%s, among them %s", total, strings.Join(shown, ", "))
	}
	return strings.Join(shown, ", ")
}

// told returns the message of the rule, which quotes values. If one of them comes from an object
// that the author may not read, it only names the fields.
func (b *brokenRule) told(mayRead policy.Reader) string {
	if !slices.ContainsFunc(b.origins, func(o effective.Origin) bool { return !mayRead.May(o.From.Namespace) }) {
		return b.rule.Message
	}
	fields := make([]string, len(b.origins))
	for i, o := range b.origins {
		fields[i] = o.Path.String()
	}
	return prose.List(fields, maxOrigins) + " do not go together"
}

// stated returns who set a value. Values of objects that the author may not read are not included.
func stated(o effective.Origin, mayRead policy.Reader) string {
	if !mayRead.May(o.From.Namespace) {
		return fmt.Sprintf("%s: %s of %s", o.Path.String(), o.Block, mayRead.Name(o.From))
	}
	from := fmt.Sprintf("%s of %s on %s", o.Block, o.From, o.Target)
	if o.From == o.Target.Object() {
		from = "written in " + o.Target.String()
	}
	if !o.ClampedBy.IsZero() {
		from += ", bounded by " + mayRead.Name(o.ClampedBy)
	}
	return fmt.Sprintf("%s %v: %s", o.Path.String(), o.Value, from)
}

// place returns the listener and the rule of a path, as people read them.
func place(target hierarchy.Ref, rules hierarchy.RuleSet, l *hierarchy.Listener) string {
	where := target.String()
	if target != l.Gateway && !rules.All {
		if len(rules.Rules) > 0 && rules.Rules[0].Name != "" {
			where += " rule"
		}
		where += " " + rules.String()
	}
	return fmt.Sprintf("%s (listener %s of %s)", where, l.Ref.Section, l.Ref.Object())
}
