package explain

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
)

// Kind is the report on one kind.
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
	Rights          Rights   `json:"attacheMay"`
	// Source says why it is a policy kind, Properties has its declared properties with their
	// sources: annotation, profile, label or configuration.
	Source     string     `json:"source"`
	Properties []Property `json:"properties"`
	// Docs and Read are the page and the version that a profile is based on.
	Docs string `json:"docs,omitempty"`
	Read string `json:"read,omitempty"`
	// NotUnderstood are its objects that state a strategy in an unknown word.
	NotUnderstood []string `json:"notUnderstood,omitempty"`
	// Faults are the mistakes in these declarations, which are ignored.
	Faults []string `json:"faults,omitempty"`
}

// The answers to the question whether the manager may do something. With manifests, this is not
// known.
const (
	Yes     = "yes"
	No      = "no"
	Unknown = "unknown"
)

// Rights is what the manager may do with the objects of a kind.
type Rights struct {
	// Read reports whether it may list and watch them.
	Read string `json:"read"`
	// WriteStatus reports whether it may update their status; empty if it does not write their
	// status.
	WriteStatus string `json:"writeStatus,omitempty"`
}

// Property is a declared property of a kind.
type Property struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// Name returns the kind as results show it.
func (k *Kind) Name() string {
	return policy.KindName(schema.GroupKind{Group: k.Group, Kind: k.Kind})
}

// targetKinds are the kinds on the hierarchy on which objects of a policy kind have any effect. A
// Direct kind itself declares what it is for.
func targetKinds(s *policy.Snapshot, k *policy.Kind, onHierarchy []schema.GroupKind) []string {
	if kinds := k.TargetKinds(); len(kinds) > 0 {
		names := make([]string, len(kinds))
		for i, gk := range kinds {
			names[i] = kindAnywhere(gk)
		}
		return names
	}
	if k.Class == policy.Direct {
		return []string{"any object"}
	}
	targets := []string{"GatewayClass", "Gateway", "ListenerSet", "Namespace"}
	for _, gk := range onHierarchy {
		if s.IsRoute(gk) && k.AppliesAtAll(gk) {
			targets = append(targets, gk.Kind)
		}
	}
	return targets
}

// kindAnywhere returns the name of a kind that may be outside the hierarchy: a kind of the core
// group by its bare name.
func kindAnywhere(gk schema.GroupKind) string {
	if gk.Group == "" {
		return gk.Kind
	}
	return hierarchy.KindName(gk)
}

// KindsOf reports on the policy kinds of a snapshot, with the number of their
// objects in a namespace, or everywhere when it is empty. onHierarchy are the
// kinds that policies can be attached to, in the order in which they are shown;
// admission says whether a webhook reviews a kind, rights what the manager may do.
func KindsOf(s *policy.Snapshot, namespace string, onHierarchy []schema.GroupKind, admission func(*policy.Kind) string, rights func(*policy.Kind) Rights) []Kind {
	count := map[*policy.Kind]int{}
	strange := map[*policy.Kind][]string{}
	for p := range s.Policies() {
		if namespace == "" || p.Ref.Namespace == namespace {
			count[p.Kind]++
			for _, r := range p.Remarks {
				if r.Kind == policy.StrategyNotUnderstood {
					strange[p.Kind] = append(strange[p.Kind], p.Ref.String()+": "+r.String())
				}
			}
		}
	}
	reports := []Kind{}
	for _, k := range s.Kinds() {
		r := Kind{
			Kind: k.GroupKind.Kind, Group: k.Group(), Plural: k.Plural, Version: k.Version,
			Class: string(k.Class), Strategy: k.Strategy.String(), Targets: targetKinds(s, k, onHierarchy), Objects: count[k],
			StatusWrittenBy: "its own controller", Admission: admission(k), Rights: rights(k),
			Source: string(k.Sources[crd.PropertyClass]), Properties: propertiesOf(k), Docs: k.Docs, Read: k.Read,
		}
		if k.Class == policy.Direct {
			r.Strategy = "None"
		}
		switch {
		case k.ManagesStatus() && (r.Rights.Read == No || r.Rights.WriteStatus == No):
			r.StatusWrittenBy = "nobody"
		case k.ManagesStatus():
			r.StatusWrittenBy = "attache"
		}
		r.NotUnderstood = slices.Sorted(slices.Values(strange[k]))
		for _, f := range k.Faults {
			r.Faults = append(r.Faults, f.String())
		}
		reports = append(reports, r)
	}
	return reports
}

// propertiesOf returns the declared properties of a kind, except its class.
func propertiesOf(k *policy.Kind) []Property {
	list := []Property{}
	for _, said := range k.Said() {
		list = append(list, Property{Name: string(said.Property), Value: oneLine(said.Words), Source: string(said.Source)})
	}
	return list
}

// oneLine returns JSON without line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// ClassMissing returns what follows from missing GatewayClasses: with manifests they count as
// existing, on a cluster they do not (semantics section 7).
func ClassMissing(s *policy.Snapshot, classes []hierarchy.Ref) string {
	names := make([]string, len(classes))
	assumed := true
	for i, class := range classes {
		names[i] = class.Name
		assumed = assumed && s.HasClass(class)
	}
	subject, is, counts := "GatewayClass ", " is", " and counts"
	if len(names) > 1 {
		subject, is, counts = "GatewayClasses ", " are", " and count"
	}
	if assumed {
		return subject + prose.List(names, 3) + is + " not among the manifests" + counts + " as there"
	}
	return subject + prose.List(names, 3) + is + " not there: policies on it have no effect"
}
