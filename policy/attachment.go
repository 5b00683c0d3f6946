package policy

import (
	"cmp"
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// AttachmentPoint is what is attached to one object or section.
type AttachmentPoint struct {
	// named are all policies that name the target: by kind, and within a kind
	// the oldest first. selected are those that select it by labels.
	named, selected []*Policy
	// InForce are the policies of Inherited kinds that apply there, by kind name: for each kind and
	// level, the policy that holds the target, and the policies that it shares the target with.
	InForce []*Attachment
}

// Attachment is a policy where it applies.
type Attachment struct {
	Policy *Policy
	Target hierarchy.Ref
	Level  hierarchy.Level
	// Next is the next younger policy of the kind that applies there too, where
	// the kind permits that (crd.Conflict).
	Next *Attachment
	// Sources has one for each layer of the policy.
	Sources []Source
}

// Source is who states values: a block of a policy where it applies, or a rule of a route. All
// origins that name it share it.
type Source struct {
	// From is the policy, or the route for an inline value.
	From hierarchy.Ref
	// Target is what the policy is attached to, or the rule. For a rule without a name, its Section
	// is rules[2], which is only for display.
	Target hierarchy.Ref
	Level  hierarchy.Level
	Block  merge.Block
	// Policy is the policy, nil for an inline value and in what is read from published results.
	Policy *Policy

	from, target uint64
}

// NewSource returns a source with its digests.
func NewSource(from, target hierarchy.Ref, level hierarchy.Level, block merge.Block, p *Policy) Source {
	return Source{
		From: from, Target: target, Level: level, Block: block, Policy: p,
		from: maphash.Comparable(seed, from) ^ uint64(block), target: maphash.Comparable(seed, target),
	}
}

// seed is drawn once per process. Nothing observable depends on it: what has one digest is compared.
var seed = maphash.MakeSeed()

// Digests are hashes of From with Block, and of Target.
func (s *Source) Digests() (from, target uint64) { return s.from, s.target }

// attach determines which policies hold a target, given what was attached there before; nil when no
// policy names or selects it.
func (s *Snapshot) attach(target hierarchy.Ref, named []*Policy, before *AttachmentPoint) *AttachmentPoint {
	selected := s.selecting(target)
	if len(named) == 0 && len(selected) == 0 {
		return nil
	}
	slices.SortFunc(named, byKindThenAge)
	slices.SortFunc(selected, byKindThenAge)
	p := &AttachmentPoint{named: named, selected: selected}
	levels := s.levelsOf(target)
	var few [fewPolicies]*Kind
	kinds := p.kinds(few[:0])
	for _, kind := range kinds {
		if kind.Class != Inherited {
			continue
		}
		for _, level := range levels {
			var few [fewPolicies]*Policy
			if first := attachments(s.holders(few[:0], p, kind, target, level), target, level, before); first != nil {
				if p.InForce == nil {
					p.InForce = make([]*Attachment, 0, len(kinds)*len(levels))
				}
				p.InForce = append(p.InForce, first)
			}
		}
	}
	return p
}

// fewPolicies are as many as most targets have, of a kind and of all kinds.
const fewPolicies = 4

// attachments are those of the holders of a target at a level, the oldest first; nil if there are
// none. If nothing changed, they are the same as before, so that cached results based on them stay
// valid.
func attachments(holders []*Policy, target hierarchy.Ref, level hierarchy.Level, before *AttachmentPoint) *Attachment {
	if len(holders) == 0 {
		return nil
	}
	if before != nil {
		for _, a := range before.InForce {
			if a.Level == level && a.holds(holders) {
				return a
			}
		}
	}
	var first *Attachment
	for _, holder := range slices.Backward(holders) {
		first = newAttachment(holder, target, level, first)
	}
	return first
}

func newAttachment(p *Policy, target hierarchy.Ref, level hierarchy.Level, next *Attachment) *Attachment {
	a := &Attachment{Policy: p, Target: target, Level: level, Next: next}
	if len(p.Layers) > 0 {
		a.Sources = make([]Source, len(p.Layers))
		for i := range p.Layers {
			a.Sources[i] = NewSource(p.Ref, target, level, p.Layers[i].Block, p)
		}
	}
	return a
}

// holds reports whether an attachment and its successors are those of the given policies.
func (a *Attachment) holds(policies []*Policy) bool {
	for _, p := range policies {
		if a == nil || a.Policy != p {
			return false
		}
		a = a.Next
	}
	return a == nil
}

// kinds appends the kinds of the policies at a point, by name.
func (p *AttachmentPoint) kinds(kinds []*Kind) []*Kind {
	for _, list := range [...][]*Policy{p.named, p.selected} {
		for _, policy := range list {
			if !slices.Contains(kinds, policy.Kind) {
				kinds = append(kinds, policy.Kind)
			}
		}
	}
	slices.SortFunc(kinds, func(a, b *Kind) int { return strings.Compare(a.Name(), b.Name()) })
	return kinds
}

// candidates appends the policies of a kind that may hold a target at a level, by precedence: a
// policy that names the target comes before one that selects it (unless the kind goes by age alone),
// then the oldest comes first.
func (s *Snapshot) candidates(list []*Policy, p *AttachmentPoint, kind *Kind, target hierarchy.Ref, level hierarchy.Level) []*Policy {
	for _, policies := range [...][]*Policy{p.named, p.selected} {
		for _, policy := range policies {
			if policy.Kind == kind && len(policy.Problems) == 0 && !slices.Contains(list, policy) &&
				levelFor(policy, target, level) && kind.MayTarget(target.GroupKind) && s.permitted(policy, target) == "" {
				list = append(list, policy)
			}
		}
	}
	if kind.byAge() {
		slices.SortStableFunc(list, compareAge)
	}
	return list
}

// holders appends the candidates that hold a target together, the oldest first.
func (s *Snapshot) holders(held []*Policy, p *AttachmentPoint, kind *Kind, target hierarchy.Ref, level hierarchy.Level) []*Policy {
	var few [fewPolicies]*Policy
	for _, policy := range s.candidates(few[:0], p, kind, target, level) {
		if keptOff(held, policy) == nil {
			held = append(held, policy)
		}
	}
	return held
}

// keptOff returns the policy that holds a target and excludes another one from it, nil when the two
// can share it.
func keptOff(held []*Policy, p *Policy) *Policy {
	for _, holder := range held {
		switch p.Kind.conflict() {
		case crd.ConflictMerge:
			continue
		case crd.ConflictField:
			if !meet(holder.statedPaths(), p.statedPaths()) {
				continue
			}
		}
		return holder
	}
	return nil
}

// meet reports whether two lists of leaves have a leaf in common, or one that is inside another.
func meet(a, b [][]string) bool {
	return slices.ContainsFunc(a, func(x []string) bool {
		return slices.ContainsFunc(b, func(y []string) bool {
			n := min(len(x), len(y))
			return slices.Equal(x[:n], y[:n])
		})
	})
}

// InForce returns what applies at a target, nil when nothing does. Within one snapshot, the pointer
// is always the same, and a later snapshot that shares the target has the same pointer too.
func (s *Snapshot) InForce(target hierarchy.Ref) *AttachmentPoint {
	return s.Place(target).InForce(target.Section)
}

// PolicyTargets lists the targets that depend on one object: the object and those of its sections
// that any policy names; for a ReferenceGrant, the targets that policies of other namespaces name
// or select in its namespace; and likewise for a Namespace whose labels such a selector asks for.
func (s *Snapshot) PolicyTargets(ref hierarchy.Ref) []hierarchy.Ref {
	object, _ := s.graph.Get(ref)
	_, isGrant := object.(*hierarchy.ReferenceGrant)
	var places []hierarchy.Ref
	namespace := ref.Namespace
	if !isGrant {
		places = s.sections(object, ref.Object())
		if _, outside := s.outside.Get(ref.Object()); outside {
			return s.attachedTo(ref.Object())
		}
		if ref.GroupKind != hierarchy.NamespaceKind || len(s.kindsSelectedEverywhere()) == 0 {
			return places
		}
		namespace = ref.Name
	}
	for target, p := range s.points() {
		if target.Namespace == namespace && foreign(p, namespace) {
			places = append(places, target)
		}
	}
	return sorted(places)
}

// attachedTo returns an object outside the hierarchy and its sections, as far as policies are
// attached to them.
func (s *Snapshot) attachedTo(ref hierarchy.Ref) []hierarchy.Ref {
	var places []hierarchy.Ref
	if p := s.Place(ref); p != nil {
		if p.whole != nil {
			places = append(places, ref)
		}
		for _, section := range p.sections {
			places = append(places, ref.WithSection(section.name))
		}
	}
	return places
}

// foreign reports whether a policy of another namespace names a target.
func foreign(p *AttachmentPoint, namespace string) bool {
	other := func(p *Policy) bool { return p.Ref.Namespace != namespace }
	return slices.ContainsFunc(p.named, other) || slices.ContainsFunc(p.selected, other)
}

// sections returns an object and its named sections, as far as policies are attached to them.
func (s *Snapshot) sections(object hierarchy.Object, ref hierarchy.Ref) []hierarchy.Ref {
	return sorted(slices.DeleteFunc(withSections(object, ref), func(c hierarchy.Ref) bool { return s.point(c) == nil }))
}

// withSections returns an object and its named sections.
func withSections(object hierarchy.Object, ref hierarchy.Ref) []hierarchy.Ref {
	refs := []hierarchy.Ref{ref}
	for _, name := range hierarchy.SectionNames(object) {
		refs = append(refs, ref.WithSection(name))
	}
	return refs
}

// byKindThenAge orders policies by kind and within a kind by precedence: the
// oldest first, without a creation time last, ties by namespace/name.
func byKindThenAge(a, b *Policy) int {
	return cmp.Or(
		strings.Compare(a.Kind.Name(), b.Kind.Name()),
		compareAge(a, b),
	)
}

func compareAge(a, b *Policy) int {
	switch {
	case a.Created.IsZero() != b.Created.IsZero():
		if a.Created.IsZero() {
			return 1
		}
		return -1
	case !a.Created.Equal(b.Created):
		return a.Created.Compare(b.Created)
	}
	return strings.Compare(a.Ref.Place(), b.Ref.Place())
}

// Place is what is attached to one object: to the object as a whole, and to its sections. It is kept
// by object, so that one look at an object that has nothing answers for all its sections. The nil
// Place has nothing.
type Place struct {
	whole    *AttachmentPoint
	sections []sectionPoint // sorted by name
}

// sectionPoint is what is attached to one section.
type sectionPoint struct {
	name  string
	point *AttachmentPoint
}

// Place returns what is attached to an object and its sections.
func (s *Snapshot) Place(object hierarchy.Ref) *Place {
	object.Section = ""
	p, _ := s.places.Get(object)
	return p
}

// InForce returns what applies at the object as a whole, or at a section of it; nil when nothing does.
func (p *Place) InForce(section string) *AttachmentPoint {
	if point := p.at(section); point != nil && len(point.InForce) > 0 {
		return point
	}
	return nil
}

// Sectioned reports whether anything is attached to a section.
func (p *Place) Sectioned() bool { return p != nil && len(p.sections) > 0 }

// at returns what is attached to the object as a whole, or to a section of it; nil for nothing.
func (p *Place) at(section string) *AttachmentPoint {
	switch {
	case p == nil:
		return nil
	case section == "":
		return p.whole
	}
	if i, found := p.find(section); found {
		return p.sections[i].point
	}
	return nil
}

func (p *Place) find(section string) (int, bool) {
	return slices.BinarySearchFunc(p.sections, section, func(s sectionPoint, name string) int { return strings.Compare(s.name, name) })
}

// with returns the place with another point, or without one if it is nil; nil when nothing is left.
func (p *Place) with(section string, point *AttachmentPoint) *Place {
	var next Place
	if p != nil {
		next = *p
	}
	if section == "" {
		next.whole = point
	} else {
		i, found := next.find(section)
		switch {
		case found && point != nil:
			next.sections = slices.Clone(next.sections)
			next.sections[i].point = point
		case found:
			next.sections = slices.Delete(slices.Clone(next.sections), i, i+1)
		case point != nil:
			next.sections = slices.Insert(slices.Clip(next.sections), i, sectionPoint{section, point})
		}
	}
	if next.whole == nil && len(next.sections) == 0 {
		return nil
	}
	return &next
}

// point returns what is attached to a target, nil for nothing.
func (s *Snapshot) point(target hierarchy.Ref) *AttachmentPoint {
	return s.Place(target).at(target.Section)
}

// points yields all targets that anything is attached to, in no particular order.
func (s *Snapshot) points() iter.Seq2[hierarchy.Ref, *AttachmentPoint] {
	return func(yield func(hierarchy.Ref, *AttachmentPoint) bool) {
		for object, p := range s.places.All() {
			if p.whole != nil && !yield(object, p.whole) {
				return
			}
			for _, section := range p.sections {
				if !yield(object.WithSection(section.name), section.point) {
					return
				}
			}
		}
	}
}
