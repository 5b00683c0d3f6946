package command

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/source"
)

// resourceKind is a kind and the words that people use for it.
type resourceKind struct {
	kschema.GroupKind
	words []string // in lower case
}

// shortNamesOf are the short names of the kinds that are built in, from their CRDs.
var shortNamesOf = sync.OnceValue(func() map[kschema.GroupKind][]string {
	short := map[kschema.GroupKind][]string{}
	builtin, err := source.Builtin()
	if err != nil {
		return short // who reads manifests hears of it
	}
	for _, crd := range builtin.CRDs() {
		addShortNames(short, crd)
	}
	return short
})

// publishedKind is EffectivePolicy, with the words that kubectl takes for it.
func publishedKind() *resourceKind {
	gk := publish.EffectivePolicyKind
	return &resourceKind{gk, append([]string{strings.ToLower(gk.Kind), pluralOf(gk.Kind)}, shortNamesOf()[gk]...)}
}

// addShortNames adds those of a CRD.
func addShortNames(short map[kschema.GroupKind][]string, crd *unstructured.Unstructured) {
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "kind")
	names, _, _ := unstructured.NestedStringSlice(crd.Object, "spec", "names", "shortNames")
	short[kschema.GroupKind{Group: group, Kind: kind}] = names
}

// coreShortNames are those of kinds of Kubernetes itself that policies name.
var coreShortNames = map[string]string{"Service": "svc", "Namespace": "ns", "CustomResourceDefinition": "crd"}

// kindsOf are the kinds on the hierarchy, the policy kinds, those of what policies
// name, and more: kinds of objects that are known besides. Of a kind without a
// definition the plural is a guess.
func kindsOf(s *policy.Snapshot, more ...kschema.GroupKind) []resourceKind {
	short := shortNamesOf()
	var kinds []resourceKind
	add := func(gk kschema.GroupKind, words ...string) {
		if slices.ContainsFunc(kinds, func(k resourceKind) bool { return k.GroupKind == gk }) {
			return
		}
		kind := strings.ToLower(gk.Kind)
		words = append(append(words, kind), short[gk]...)
		kinds = append(kinds, resourceKind{gk, words})
	}
	for _, kind := range [...]string{"GatewayClass", "Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"} {
		add(kschema.GroupKind{Group: hierarchy.Group, Kind: kind}, pluralOf(kind))
	}
	for _, kind := range s.Kinds() {
		add(kind.GroupKind, strings.ToLower(kind.Plural))
	}
	for route := range s.Graph().Routes() {
		gk := route.Meta().Ref.GroupKind
		add(gk, pluralOf(gk.Kind))
	}
	for _, ref := range explain.PolicyTargets(s) {
		add(ref.GroupKind, pluralOf(ref.Kind), coreShortNames[ref.Kind])
	}
	for _, gk := range more {
		add(gk, pluralOf(gk.Kind), coreShortNames[gk.Kind])
	}
	slices.SortFunc(kinds, func(a, b resourceKind) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Group, b.Group))
	})
	return kinds
}

// addShortNames adds the short names of CRDs among the manifests.
func (w *workspace) addShortNames() {
	short := map[kschema.GroupKind][]string{}
	for _, d := range w.documents {
		if d.Object.GetKind() == "CustomResourceDefinition" {
			addShortNames(short, d.Object)
		}
	}
	for i := range w.kinds {
		w.kinds[i].words = append(w.kinds[i].words, short[w.kinds[i].GroupKind]...)
	}
}

func pluralOf(kind string) string {
	kind = strings.ToLower(kind)
	if strings.HasSuffix(kind, "s") {
		return kind + "es"
	}
	if stem, ends := strings.CutSuffix(kind, "y"); ends && !strings.HasSuffix(kind, "way") {
		return stem + "ies"
	}
	return kind + "s"
}

// named says whether a person's word means the kind: httproute, httproutes,
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
	_, group, _ = strings.Cut(group, ".") // a version may stand before it
	return group == k.Group
}

// groupKinds are the kinds that are known.
func (w *workspace) groupKinds() []kschema.GroupKind {
	kinds := make([]kschema.GroupKind, len(w.kinds))
	for i := range w.kinds {
		kinds[i] = w.kinds[i].GroupKind
	}
	return kinds
}

// kindsNamed are the kinds that a word means.
func (w *workspace) kindsNamed(word string) []kschema.GroupKind {
	var kinds []kschema.GroupKind
	for i := range w.kinds {
		if w.kinds[i].named(word) {
			kinds = append(kinds, w.kinds[i].GroupKind)
		}
	}
	return kinds
}

// query is what an argument asks for.
type query struct {
	// text is the argument, for messages.
	text string
	// kinds are nil when any will do.
	kinds                    []kschema.GroupKind
	namespace, name, section string
	// published says that the name is that of an EffectivePolicy, and what is asked for its target.
	published bool
}

// queries reads arguments of the forms NAME, KIND/NAME, KIND/NAMESPACE/NAME,
// each with #SECTION at the end, and KIND NAME… as kubectl has it. A kind alone
// asks for all objects of it.
func (w *workspace) queries(args []string) ([]query, error) {
	if len(args) > 1 && !strings.ContainsAny(strings.Join(args, ""), "/") {
		if w.kindsNamed(args[0]) != nil || publishedKind().named(args[0]) {
			rest := slices.Clone(args[1:])
			for i := range rest {
				rest[i] = args[0] + "/" + rest[i]
			}
			args = rest
		}
	}
	queries := make([]query, 0, len(args))
	for _, arg := range args {
		q, err := w.query(arg)
		if err != nil {
			return nil, err
		}
		queries = append(queries, q)
	}
	return queries, nil
}

func (w *workspace) query(arg string) (query, error) {
	q := query{text: arg}
	arg, q.section, _ = strings.Cut(arg, "#")
	kind := ""
	switch parts := strings.Split(arg, "/"); len(parts) {
	case 1:
		q.name = parts[0]
	case 2:
		kind, q.name = parts[0], parts[1]
	case 3:
		kind, q.namespace, q.name = parts[0], parts[1], parts[2]
	default:
		return q, fmt.Errorf("%q is not a name: write KIND/NAME, such as httproute/checkout", q.text)
	}
	if strings.Contains(arg, "/") {
		q.kinds, q.published = w.kindsNamed(kind), publishedKind().named(kind)
		if q.kinds == nil && !q.published {
			return q, w.unknownKind(kind, q.name)
		}
	}
	if q.name == "" {
		return q, fmt.Errorf("%q has no name: write KIND/NAME, such as httproute/checkout", q.text)
	}
	return q, nil
}

func (w *workspace) unknownKind(kind, name string) error {
	var words []string
	for i := range w.kinds {
		words = append(words, strings.ToLower(w.kinds[i].Kind))
	}
	if strings.EqualFold(kind, guardrailKind.Kind) || strings.EqualFold(kind, pluralOf(guardrailKind.Kind)) {
		if len(w.documents) > 0 {
			return fmt.Errorf("%s %q not found", guardrailKind.Kind, name)
		}
		return fmt.Errorf("a %s is neither on the hierarchy nor a policy; to see it: kubectl describe policyguardrail/%s", guardrailKind.Kind, name)
	}
	if near, ok := prose.Closest(strings.ToLower(kind), words); ok {
		return fmt.Errorf("no kind is called %q here; did you mean %s/%s?", kind, near, name)
	}
	return fmt.Errorf("no kind is called %q here: write a kind such as httproute or gateway, or see '%s kinds'", kind, displayName)
}

// matches says whether an object is what the query asks for.
func (q *query) matches(ref hierarchy.Ref, namespace string) bool {
	if q.kinds != nil && !slices.Contains(q.kinds, ref.GroupKind) {
		return false
	}
	switch {
	case q.published && q.name != publish.ObjectName(ref):
		return false
	case q.name != "" && q.name != ref.Name && (q.kinds != nil || q.name != publish.ObjectName(ref)):
		return false
	}
	if q.namespace != "" {
		namespace = q.namespace
	}
	return namespace == "" || ref.Namespace == "" || ref.Namespace == namespace
}

// find returns the objects among candidates that the arguments ask for, sorted,
// each once; all of them when there are no arguments. Every argument must ask
// for something that exists.
func (w *workspace) find(args []string, candidates []hierarchy.Ref) ([]hierarchy.Ref, error) {
	queries, err := w.queries(args)
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		queries = []query{{}}
	}
	var found []hierarchy.Ref
	for _, q := range queries {
		refs := w.matching(q, candidates)
		if len(refs) == 0 && q.kinds == nil && q.name != "" && q.section == "" {
			if kinds := w.kindsNamed(q.name); kinds != nil || publishedKind().named(q.name) { // a kind alone
				found = append(found, w.matching(query{kinds: kinds}, candidates)...)
				continue
			}
		}
		if len(refs) == 0 && len(args) > 0 {
			return nil, w.notFound(q, candidates)
		}
		found = append(found, refs...)
	}
	slices.SortFunc(found, hierarchy.Compare)
	return slices.Compact(found), nil
}

func (w *workspace) matching(q query, candidates []hierarchy.Ref) []hierarchy.Ref {
	var refs []hierarchy.Ref
	for _, ref := range candidates {
		if q.matches(ref, w.namespace) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// findOne returns the one object that the arguments name, with the section they
// name in it.
func (w *workspace) findOne(args []string, candidates []hierarchy.Ref) (hierarchy.Ref, error) {
	queries, err := w.queries(args)
	if err != nil {
		return hierarchy.Ref{}, err
	}
	if len(queries) != 1 {
		return hierarchy.Ref{}, fmt.Errorf("name one object, as KIND/NAME, such as httproute/checkout")
	}
	q := queries[0]
	refs := w.matching(q, candidates)
	switch len(refs) {
	case 0:
		return hierarchy.Ref{}, w.notFound(q, candidates)
	case 1:
		return refs[0].WithSection(q.section), nil
	}
	slices.SortFunc(refs, hierarchy.Compare)
	names, how := make([]string, len(refs)), "KIND/NAME and -n NAMESPACE"
	for i, ref := range refs {
		names[i] = w.snapshot.Text(ref)
		if first := refs[0]; ref.Kind == first.Kind && ref.GroupKind != first.GroupKind {
			how = "KIND.GROUP/NAME, such as " + strings.ToLower(ref.Kind) + "." + ref.GroupKind.Group + "/" + ref.Name
		}
	}
	return hierarchy.Ref{}, fmt.Errorf("%q is ambiguous: it can be %s\nsay which with %s", q.text, prose.List(names, 8), how)
}

// notFound says what an argument does not name, and what may be meant.
func (w *workspace) notFound(q query, candidates []hierarchy.Ref) error {
	namespace := w.namespace
	if q.namespace != "" {
		namespace = q.namespace
	}
	text := fmt.Sprintf("%q not found", q.name)
	switch {
	case q.published:
		text = publish.Kind + " " + text
	case len(q.kinds) == 1:
		text = q.kinds[0].Kind + " " + text
	}
	if namespace != "" {
		text += fmt.Sprintf(" in namespace %s", namespace)
	}
	var elsewhere []hierarchy.Ref
	var names []string
	for _, ref := range candidates {
		if any := (&query{kinds: q.kinds, name: q.name, published: q.published}); any.matches(ref, "") {
			elsewhere = append(elsewhere, ref)
		}
		if (&query{kinds: q.kinds}).matches(ref, namespace) {
			name := ref.Name
			if q.published {
				name = publish.ObjectName(ref)
			}
			names = append(names, name)
		}
	}
	slices.SortFunc(elsewhere, hierarchy.Compare)
	if len(elsewhere) > 0 {
		return fmt.Errorf("%s; there is %s: add -n %s", text, prose.List(prose.Strings(elsewhere), 8), elsewhere[0].Namespace)
	}
	if other := w.matching(q, w.describable()); len(other) > 0 {
		return fmt.Errorf("this command takes routes and Gateways; for %s: %s", prose.List(prose.Strings(other), 8), describeLine(other[0]))
	}
	if near, ok := prose.Closest(q.name, names); ok {
		return fmt.Errorf("%s; did you mean %q?", text, near)
	}
	return errors.New(text)
}

// describeLine is the command that describes an object.
func describeLine(ref hierarchy.Ref) string {
	line := displayName + " describe " + strings.ToLower(ref.Kind) + "/" + ref.Name
	if ref.Namespace != "" {
		line += " -n " + ref.Namespace
	}
	return line
}

// targets are the routes and Gateways with the labels asked for.
func (w *workspace) targets() []hierarchy.Ref {
	refs := w.routes()
	for g := range w.snapshot.Graph().Gateways() {
		refs = w.appendSelected(refs, g.Meta())
	}
	return refs
}

func (w *workspace) routes() []hierarchy.Ref {
	var refs []hierarchy.Ref
	for r := range w.snapshot.Graph().Routes() {
		refs = w.appendSelected(refs, r.Meta())
	}
	return refs
}

func (w *workspace) appendSelected(refs []hierarchy.Ref, meta *hierarchy.Meta) []hierarchy.Ref {
	if w.selects(meta) {
		return append(refs, meta.Ref)
	}
	return refs
}

// where says in which namespace a command looks, for messages.
func (w *workspace) where() string {
	if w.namespace == "" {
		return ""
	}
	return " in namespace " + w.namespace
}

// whereOrAll is where, and how to look everywhere.
func (w *workspace) whereOrAll() string {
	if w.namespace == "" {
		return ""
	}
	return w.where() + "; -A looks in all namespaces"
}
