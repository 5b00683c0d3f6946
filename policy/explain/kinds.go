package explain

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/policy"
)

// Kind is what kinds says of one kind.
type Kind struct {
	Kind            string   `json:"kind"`
	Group           string   `json:"group"`
	Plural          string   `json:"plural"`
	Version         string   `json:"version"`
	Class           string   `json:"class"`
	Strategy        string   `json:"strategy"`
	Targets         []string `json:"targets"`
	Objects         int      `json:"objects"`
	StatusWrittenBy string   `json:"statusWrittenBy"`
	Admission       string   `json:"admission"`
}

// Name is the kind as results show it.
func (k *Kind) Name() string {
	return policy.KindName(schema.GroupKind{Group: k.Group, Kind: k.Kind})
}

// targetKinds are the kinds on the hierarchy on which objects of a policy kind
// have any effect. A Direct kind says itself what it is for.
func targetKinds(s *policy.Snapshot, k *policy.Kind, onHierarchy []schema.GroupKind) []string {
	if k.Class == policy.Direct {
		return []string{"any object"}
	}
	targets := []string{"GatewayClass", "Gateway", "ListenerSet"}
	for _, gk := range onHierarchy {
		if s.IsRoute(gk) && k.AppliesAtAll(gk) {
			targets = append(targets, gk.Kind)
		}
	}
	return targets
}

// KindsOf reports on the policy kinds of a snapshot, with the number of their
// objects in a namespace, or everywhere when it is empty. onHierarchy are the
// kinds that policies can be attached to, in the order in which they are shown;
// admission says whether a webhook reviews a kind.
func KindsOf(s *policy.Snapshot, namespace string, onHierarchy []schema.GroupKind, admission func(*policy.Kind) string) []Kind {
	count := map[*policy.Kind]int{}
	for p := range s.Policies() {
		if namespace == "" || p.Ref.Namespace == namespace {
			count[p.Kind]++
		}
	}
	reports := []Kind{}
	for _, k := range s.Kinds() {
		r := Kind{
			Kind: k.GroupKind.Kind, Group: k.Group(), Plural: k.Plural, Version: k.Version,
			Class: string(k.Class), Strategy: k.Strategy.String(), Targets: targetKinds(s, k, onHierarchy), Objects: count[k],
			StatusWrittenBy: "its own controller", Admission: admission(k),
		}
		if k.Class == policy.Direct {
			r.Strategy = "None"
		}
		if k.ManagesStatus() {
			r.StatusWrittenBy = "attache"
		}
		reports = append(reports, r)
	}
	return reports
}
