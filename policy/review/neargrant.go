package review

import (
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// nearGrant tells the author of a policy about the ReferenceGrant that nearly permits its
// reference, if they may read it (semantics section 7): the grant names namespaces of others.
func (v *Verdict) nearGrant(p *policy.Policy, s policy.Acceptance) {
	target := s.Target.Ref
	if s.Reason != policy.ReasonRefNotPermitted || target.Namespace == "" || v.edit.MayReadGrants == nil {
		return
	}
	near, found := v.After.NearGrant(p, target)
	if !found || !v.edit.MayReadGrants(target.Namespace) {
		return
	}
	v.warn(p.Ref, s.Target.Field, "%s nearly permits it: %s", near.Grant, near.Text())
}

// nearlyPermits tells the author of a grant about the policies that it nearly permits, in
// namespaces that they may read. For a policy in the same edit, the message is at the policy.
func (v *Verdict) nearlyPermits(e Edit, grant hierarchy.Ref) {
	for _, n := range v.After.NearlyPermitted(grant) {
		if v.edit.MayRead.May(n.Policy.Namespace) && !e.writes(n.Policy) {
			v.warn(grant, "spec", "does not let %s refer to %s: %s", v.After.Text(n.Policy), n.Target, n.Near.Text())
		}
	}
}
