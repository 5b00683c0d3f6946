package preview

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// elsewhere reports whether a policy or a route among the manifests names an object that is neither
// among them nor in the world before.
func (p *places) elsewhere() bool {
	return slices.ContainsFunc(p.Manifests, func(m Manifest) bool {
		ref := hierarchy.RefOf(m.Object)
		if written, ok := p.verdict.After.Policy(ref); ok && slices.ContainsFunc(p.verdict.After.Acceptances(written), p.unknownTarget) {
			return true
		}
		return slices.ContainsFunc(p.verdict.After.Graph().Bindings(ref), func(b hierarchy.Binding) bool {
			return b.Reason == hierarchy.ReasonParentNotFound
		})
	})
}

// unknownTarget reports whether the target itself is missing, rather than its section.
func (p *places) unknownTarget(a policy.Acceptance) bool {
	_, among := p.document(a.Target.Ref)
	return a.Reason == policy.ReasonTargetNotFound && !among && !p.verdict.After.Graph().Exists(a.Target.Ref.Object())
}
