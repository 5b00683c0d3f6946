package workspace

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/source"
)

// resourceKind is a kind and the words that people use for it.
type resourceKind struct {
	schema.GroupKind
	words []string // in lower case
}

// shortNamesOf are the short names of the kinds that are built in, from their CRDs.
var shortNamesOf = sync.OnceValue(func() map[schema.GroupKind][]string {
	short := map[schema.GroupKind][]string{}
	builtin, err := source.Builtin()
	if err != nil {
		return short // reading manifests reports it
	}
	for _, crd := range builtin.CRDs() {
		addShortNames(short, crd)
	}
	return short
})

// publishedKind returns EffectivePolicy, with the words that kubectl accepts for it.
func publishedKind() *resourceKind {
	gk := publish.EffectivePolicyKind
	return &resourceKind{gk, append([]string{strings.ToLower(gk.Kind), PluralOf(gk.Kind)}, shortNamesOf()[gk]...)}
}

// addShortNames adds those of a CRD.
func addShortNames(short map[schema.GroupKind][]string, crd *unstructured.Unstructured) {
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
	names, _, _ := unstructured.NestedStringSlice(crd.Object, "spec", "names", "shortNames")
	short[schema.GroupKind{Group: group, Kind: kind}] = names
}

// coreShortNames are those of kinds of Kubernetes itself that policies name.
var coreShortNames = map[string]string{"Service": "svc", "Namespace": "ns", "CustomResourceDefinition": "crd"}

// kindsOf returns the kinds on the hierarchy, the policy kinds, the kinds of objects that policies
// name, and more, which are kinds of other known objects. The plural of a kind without a definition
// is a guess.
func kindsOf(s *policy.Snapshot, more ...schema.GroupKind) []resourceKind {
	short := shortNamesOf()
	var kinds []resourceKind
	add := func(gk schema.GroupKind, words ...string) {
		if slices.ContainsFunc(kinds, func(k resourceKind) bool { return k.GroupKind == gk }) {
			return
		}
		kind := strings.ToLower(gk.Kind)
		words = append(append(words, kind), short[gk]...)
		kinds = append(kinds, resourceKind{gk, words})
	}
	for _, kind := range [...]string{"GatewayClass", "Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"} {
		add(schema.GroupKind{Group: hierarchy.Group, Kind: kind}, PluralOf(kind))
	}
	for _, kind := range s.Kinds() {
		add(kind.GroupKind, strings.ToLower(kind.Plural))
	}
	for route := range s.Graph().Routes() {
		gk := route.Meta().Ref.GroupKind
		add(gk, PluralOf(gk.Kind))
	}
	for _, ref := range explain.PolicyTargets(s) {
		add(ref.GroupKind, PluralOf(ref.Kind), coreShortNames[ref.Kind])
	}
	for _, gk := range more {
		add(gk, PluralOf(gk.Kind), coreShortNames[gk.Kind])
	}
	slices.SortFunc(kinds, func(a, b resourceKind) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Group, b.Group))
	})
	return kinds
}

// addShortNames adds the short names of CRDs among the manifests.
func (w *Workspace) addShortNames() {
	short := map[schema.GroupKind][]string{}
	for _, d := range w.Documents {
		if d.Object.GetKind() == "CustomResourceDefinition" {
			addShortNames(short, d.Object)
		}
	}
	for i := range w.kinds {
		w.kinds[i].words = append(w.kinds[i].words, short[w.kinds[i].GroupKind]...)
	}
}

// PluralOf guesses the plural of a kind, in lower case.
func PluralOf(kind string) string {
	kind = strings.ToLower(kind)
	if strings.HasSuffix(kind, "s") {
		return kind + "es"
	}
	if stem, ends := strings.CutSuffix(kind, "y"); ends && !strings.HasSuffix(kind, "way") {
		return stem + "ies"
	}
	return kind + "s"
}

// named reports whether a word of a user means the kind: httproute, httproutes,
// HTTPRoute.gateway.networking.k8s.io, httproutes.v1.gateway.networking.k8s.io.
func (k *resourceKind) named(word string) bool {
	word = strings.ToLower(word)
	bare, group, qualified := strings.Cut(word, ".")
	if !slices.Contains(k.words, bare) {
		return false
	}
	if !qualified || group == k.Group {
		return true
	}
	_, group, _ = strings.Cut(group, ".") // there may be a version before it
	return group == k.Group
}

// GroupKinds are the kinds that are known.
func (w *Workspace) GroupKinds() []schema.GroupKind {
	kinds := make([]schema.GroupKind, len(w.kinds))
	for i := range w.kinds {
		kinds[i] = w.kinds[i].GroupKind
	}
	return kinds
}

// kindsNamed are the kinds that a word means.
func (w *Workspace) kindsNamed(word string) []schema.GroupKind {
	var kinds []schema.GroupKind
	for i := range w.kinds {
		if w.kinds[i].named(word) {
			kinds = append(kinds, w.kinds[i].GroupKind)
		}
	}
	return kinds
}

// GuardrailKind is the kind of guardrails.
var GuardrailKind = schema.GroupKind{Group: policy.Group, Kind: "PolicyGuardrail"}
