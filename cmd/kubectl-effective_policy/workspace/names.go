package workspace

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/publish"
)

// query is what an argument asks for.
type query struct {
	// text is the argument, for messages.
	text string
	// kinds is nil when any kind matches.
	kinds                    []schema.GroupKind
	namespace, name, section string
	// published means that the name is that of an EffectivePolicy, and its target is asked for.
	published bool
}

// queries reads arguments of the forms NAME, KIND/NAME, KIND/NAMESPACE/NAME,
// each with #SECTION at the end, and KIND NAME… as kubectl has it. A kind alone
// asks for all objects of it.
func (w *Workspace) queries(args []string) ([]query, error) {
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

func (w *Workspace) query(arg string) (query, error) {
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

func (w *Workspace) unknownKind(kind, name string) error {
	var words []string
	for i := range w.kinds {
		words = append(words, strings.ToLower(w.kinds[i].Kind))
	}
	if strings.EqualFold(kind, GuardrailKind.Kind) || strings.EqualFold(kind, PluralOf(GuardrailKind.Kind)) {
		if len(w.Documents) > 0 {
			return fmt.Errorf("%s %q not found", GuardrailKind.Kind, name)
		}
		return fmt.Errorf("a %s is neither on the hierarchy nor a policy; to see it: kubectl describe policyguardrail/%s", GuardrailKind.Kind, name)
	}
	if near, ok := prose.Closest(strings.ToLower(kind), words); ok {
		return fmt.Errorf("no kind is called %q here; did you mean %s/%s?", kind, near, name)
	}
	return fmt.Errorf("no kind is called %q here: write a kind such as httproute or gateway, or see '%s kinds'", kind, DisplayName)
}

// matches reports whether an object matches the query.
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

// Find returns the objects among candidates that the arguments ask for, sorted,
// each once; all of them when there are no arguments. Every argument must ask
// for something that exists.
func (w *Workspace) Find(args []string, candidates []hierarchy.Ref) ([]hierarchy.Ref, error) {
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

func (w *Workspace) matching(q query, candidates []hierarchy.Ref) []hierarchy.Ref {
	var refs []hierarchy.Ref
	for _, ref := range candidates {
		if q.matches(ref, w.Namespace) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// FindOne returns the one object that the arguments name, with the section they
// name in it.
func (w *Workspace) FindOne(args []string, candidates []hierarchy.Ref) (hierarchy.Ref, error) {
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
		names[i] = w.Snapshot.Text(ref)
		if first := refs[0]; ref.Kind == first.Kind && ref.GroupKind != first.GroupKind {
			how = "KIND.GROUP/NAME, such as " + strings.ToLower(ref.Kind) + "." + ref.GroupKind.Group + "/" + ref.Name
		}
	}
	return hierarchy.Ref{}, fmt.Errorf("%q is ambiguous: it can be %s\nsay which with %s", q.text, prose.List(names, 8), how)
}

// notFound returns the error for an argument that names nothing, with a suggestion.
func (w *Workspace) notFound(q query, candidates []hierarchy.Ref) error {
	namespace := w.Namespace
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
	if other := w.matching(q, w.Describable()); len(other) > 0 {
		return fmt.Errorf("this command takes routes and Gateways; for %s: %s", prose.List(prose.Strings(other), 8), describeLine(other[0]))
	}
	if near, ok := prose.Closest(q.name, names); ok {
		return fmt.Errorf("%s; did you mean %q?", text, near)
	}
	return errors.New(text)
}

// describeLine returns the command that describes an object.
func describeLine(ref hierarchy.Ref) string {
	line := DisplayName + " describe " + strings.ToLower(ref.Kind) + "/" + ref.Name
	if ref.Namespace != "" {
		line += " -n " + ref.Namespace
	}
	return line
}
