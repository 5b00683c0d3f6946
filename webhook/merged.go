package webhook

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/merge"
)

// chunk is how many targets are resolved between two looks at the clock.
const chunk = 256

// mergedResult refuses an edit after which the merged result of policies, each
// valid by itself, is newly invalid somewhere (semantics section 6).
func (h *Handlers) mergedResult(ctx context.Context, e *edit, v *verdict) error {
	touched := e.touched()
	if n := len(touched) - h.options.MaxTargets; n > 0 {
		touched = touched[:h.options.MaxTargets]
		v.warn("this touches %d routes and Gateways; the first %d were checked, and the controller checks the rest after the write", len(touched)+n, len(touched))
	}
	found := &findings{e: e, above: map[hierarchy.Ref]*policy.Effective{}}
	for part := range slices.Chunk(touched, chunk) {
		if err := ctx.Err(); err != nil {
			return err
		}
		before, after := policy.Resolve(e.before, part...), policy.Resolve(e.after, part...)
		for _, target := range part {
			for _, paths := range policy.Compare(before.Get(target), after.Get(target)) {
				found.add(target, paths)
			}
		}
	}
	for _, f := range found.list {
		v.violations = append(v.violations, f.violation(e))
	}
	return nil
}

// findings are the rules that merged results newly break.
type findings struct {
	e    *edit
	list []*finding
	// above are the effective policies of Gateways before the edit.
	above map[hierarchy.Ref]*policy.Effective
}

// finding is one rule that is newly broken, everywhere.
type finding struct {
	kind, message string
	// origins are who set the fields that the message is about, at the first of
	// the places.
	origins []policy.Origin
	places  []brokenPlace
	targets map[hierarchy.Ref]bool
}

type brokenPlace struct {
	target hierarchy.Ref
	text   string
}

// add looks at paths of one target whose result changes.
func (f *findings) add(target hierarchy.Ref, paths policy.Paths[policy.Pair]) {
	if paths.Result.After == nil {
		return
	}
	for _, m := range paths.Result.After.Kinds {
		for _, message := range m.Invalid {
			listener := f.newlyBroken(m, message, paths)
			if listener == nil {
				continue
			}
			name := m.Kind.Name()
			i := slices.IndexFunc(f.list, func(o *finding) bool { return o.kind == name && o.message == message })
			if i < 0 {
				i = len(f.list)
				f.list = append(f.list, &finding{kind: name, message: message, origins: involved(m, message), targets: map[hierarchy.Ref]bool{}})
			}
			f.list[i].targets[target] = true
			f.list[i].places = append(f.list[i].places, brokenPlace{target, place(target, strings.Join(paths.Rules, ", "), listener)})
		}
	}
}

// newlyBroken returns the first listener on which a rule was not broken before,
// or nil. A path that did not exist before inherits what was wrong above it:
// whoever adds a route did not break what was broken on its Gateway already.
func (f *findings) newlyBroken(m *policy.Merged, message string, paths policy.Paths[policy.Pair]) *hierarchy.Listener {
	if paths.Result.Before != nil {
		if breaks(paths.Result.Before, m.Kind.Name(), message) {
			return nil
		}
		return paths.Parents[0]
	}
	for _, l := range paths.Parents {
		if !f.brokenAbove(l, m.Kind.Name(), message) {
			return l
		}
	}
	return nil
}

func (f *findings) brokenAbove(l *hierarchy.Listener, kind, message string) bool {
	gateway, seen := f.above[l.Gateway]
	if !seen {
		gateway = policy.Resolve(f.e.before, l.Gateway).Get(l.Gateway)
		f.above[l.Gateway] = gateway
	}
	if gateway == nil {
		return false
	}
	for _, scope := range gateway.Scopes {
		if slices.ContainsFunc(scope.Parents, func(o *hierarchy.Listener) bool { return o.Ref == l.Ref }) {
			return breaks(scope.Result, kind, message)
		}
	}
	return false
}

// breaks says whether a result breaks a rule already. Messages quote values, so
// they are compared without those: another value that breaks the same rule is
// not a new problem.
func breaks(r *policy.Result, kind, message string) bool {
	m, ok := r.Kind(kind)
	return ok && slices.ContainsFunc(m.Invalid, func(o string) bool { return rule(o) == rule(message) })
}

var valueInMessage = regexp.MustCompile(`"[^"]*"|\S*[0-9]\S*`)

func rule(message string) string { return valueInMessage.ReplaceAllString(message, "#") }

// involved are the origins of the fields that a message names; all of them
// when it names none.
func involved(m *policy.Merged, message string) []policy.Origin {
	words := strings.FieldsFunc(message, func(r rune) bool { return strings.ContainsRune(" :,;.()\"'[]", r) })
	var named []policy.Origin
	for _, o := range m.Origins {
		field, _, _ := strings.Cut(o.Field, ".")
		if slices.Contains(words, field) {
			named = append(named, o)
		}
	}
	if len(named) == 0 {
		return m.Origins
	}
	return named
}

// Numbers of examples in one message.
const (
	maxPlaces  = 3
	maxOrigins = 4
)

// violation says what is broken, where, and by whom.
func (f *finding) violation(e *edit) violation {
	var b strings.Builder
	fmt.Fprintf(&b, "the merged %s would be invalid on %s: %s", f.kind, f.where(e), f.message)
	field := ""
	for i, o := range f.origins {
		if own := ownField(e, o); own != "" && field == "" {
			field = own
		}
		switch {
		case i == 0:
			b.WriteString(" (")
		case i < maxOrigins:
			b.WriteString("; ")
		}
		if i < maxOrigins {
			b.WriteString(says(o))
		}
	}
	if len(f.origins) > 0 {
		b.WriteString(")")
	}
	return violation{Field: field, Message: b.String()}
}

// where lists some of the places and counts all. Places in namespaces that the
// author need not be able to see are only counted.
func (f *finding) where(e *edit) string {
	var shown []string
	hidden := 0
	for _, p := range f.places {
		if !e.maySee(p.target.Namespace) {
			hidden++
		} else if len(shown) < maxPlaces {
			shown = append(shown, p.text)
		}
	}
	total := count(len(f.targets), "object", "objects")
	switch {
	case len(shown) == 0:
		return total + " of other namespaces"
	case len(f.places) > len(shown):
		return fmt.Sprintf("%s, among them %s", total, strings.Join(shown, ", "))
	}
	return strings.Join(shown, ", ")
}

// maySee says whether what is in a namespace can be told to the author of an
// edit: it is the edit's own, or the edit is one that only those make who
// are responsible for all.
func (e *edit) maySee(namespace string) bool {
	platform := e.before.Options().PlatformNamespaces
	return e.ref.Namespace == "" || namespace == e.ref.Namespace || platform == nil || slices.Contains(platform, e.ref.Namespace)
}

// says is who set a value.
func says(o policy.Origin) string {
	from := fmt.Sprintf("%s of %s on %s", o.Block, o.From, o.Target)
	if o.From == o.Target.Object() {
		from = "written in " + o.Target.String()
	}
	if !o.ClampedBy.IsZero() {
		from += fmt.Sprintf(", bounded by %s", o.ClampedBy)
	}
	return fmt.Sprintf("%s %v: %s", o.Field, o.Value, from)
}

// ownField is where the policy under review sets a value, when it does.
func ownField(e *edit, o policy.Origin) string {
	if e.object == nil || o.From != e.ref {
		return ""
	}
	if o.Block == merge.Inline {
		return "spec.rules"
	}
	spec, _ := e.object.Object["spec"].(map[string]any)
	for _, block := range []string{o.Block.String(), o.Block.String() + "s"} {
		if _, has := spec[block]; has {
			return "spec." + block + "." + o.Field
		}
	}
	return "spec." + o.Field
}
