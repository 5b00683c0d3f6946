package source

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/validate"
)

// builtin is the registry of the CRDs in the binary, decoded once.
var builtin = sync.OnceValues(func() (*validate.Registry, error) {
	var objects []*unstructured.Unstructured
	for _, f := range append(crds.Attache(), crds.GatewayAPI()...) {
		u := &unstructured.Unstructured{}
		var err error
		if strings.HasSuffix(f.Name, ".json") {
			err = kjson.UnmarshalCaseSensitivePreserveInts(f.Data, &u.Object)
		} else {
			err = yaml.Unmarshal(f.Data, &u.Object)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		objects = append(objects, u)
	}
	return validate.New(objects...)
})

// Builtin returns a registry of the CRDs that are part of the binary: attache's
// own and those of Gateway API. It is a copy to which CRDs can be added.
func Builtin() (*validate.Registry, error) {
	r, err := builtin()
	if err != nil {
		return nil, err
	}
	return r.Clone(), nil
}

// prepare defaults and validates what was read.
func prepare(ctx context.Context, documents []Document, options Options) (*Input, []Problem) {
	registry, err := Builtin()
	if err != nil {
		return nil, []Problem{{Message: err.Error(), Err: err}}
	}
	for _, crd := range options.Definitions {
		if err := registry.Add(crd); err != nil {
			return nil, []Problem{{Message: crd.GetName() + ": " + err.Error(), Err: err}}
		}
	}
	var problems []Problem
	for _, e := range documents {
		if crd.Is(e.Object) {
			if err := registry.Add(e.Object); err != nil {
				problems = append(problems, e.problem("", err.Error()))
			}
		}
	}
	made := standIns(registry, documents, options.Undefined)
	for _, crd := range made {
		if err := registry.Add(crd); err != nil {
			problems = append(problems, Problem{Message: crd.GetName() + ": " + err.Error(), Err: err})
		}
	}
	p := &preparer{registry: registry, options: options}
	results := make([]result, len(documents))
	var done atomic.Int64
	inParallel(len(documents), func(i int) {
		if ctx.Err() != nil {
			return
		}
		results[i] = p.one(ctx, documents[i])
		if r := results[i]; r.object != nil && len(r.problems) == 0 {
			documents[i].Object = r.object // nobody needs the original; this halves the memory
		}
		if options.Progress != nil {
			options.Progress(int(done.Add(1)), len(documents))
		}
	})
	in := &Input{Schemas: registry, StandIns: made, Documents: make([]Document, 0, len(documents))}
	for i, r := range results {
		problems = append(problems, r.problems...)
		d := documents[i]
		switch {
		case r.passed != nil:
			in.PassedOver = append(in.PassedOver, *r.passed)
			if r.unknown {
				in.Unknown = append(in.Unknown, d)
			}
		case options.KeepRefused && slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Refused }):
			in.Refused = append(in.Refused, d)
		case r.object != nil:
			d.Object = r.object
			in.Documents = append(in.Documents, d)
		}
	}
	return in, append(problems, duplicates(append(slices.Clone(in.Documents), in.Refused...))...)
}

type preparer struct {
	registry *validate.Registry
	options  Options
}

// result is one object, prepared, and what is wrong with it.
type result struct {
	object   *unstructured.Unstructured
	problems []Problem
	// passed says why the object is skipped, unknown that the reason is its kind.
	passed  *Problem
	unknown bool
}

func (p *preparer) one(ctx context.Context, e Document) result {
	u := e.Object
	gk := u.GroupVersionKind().GroupKind()
	namespaced, known := p.registry.Namespaced(gk)
	if !known {
		switch message, passable := p.unknown(u); {
		case message != "" && passable:
			passed := e.problem("", message)
			if ns, isText := namespaceOf(u); isText && ns == "" {
				u.SetNamespace(cmp.Or(e.into, e.namespace, p.options.Namespace))
			}
			return result{passed: &passed, unknown: true}
		case message != "":
			return result{problems: []Problem{e.problem("", message)}}
		}
		namespaced = !clusterScoped[gk.Kind]
	}
	if _, ok := u.Object["metadata"].(map[string]any); !ok {
		return result{problems: []Problem{e.problem("metadata", "is missing or not an object: write metadata with at least a name")}}
	}
	switch ns, isText := namespaceOf(u); {
	case !isText: // validation reports it
	case !namespaced:
		unstructured.RemoveNestedField(u.Object, "metadata", "namespace") // as a server does
	case e.into != "":
		u.SetNamespace(e.into)
	case ns == "":
		u.SetNamespace(cmp.Or(e.namespace, p.options.Namespace))
	}
	prepared, found := p.prepared(ctx, u)
	if at, message := unrenderedIn(u, len(found) > 0); known && message != "" {
		problem := e.problem(at, message)
		if !e.named {
			return result{passed: &problem}
		}
		return result{problems: []Problem{problem}}
	}
	r := result{object: prepared}
	for _, problem := range found {
		refusal := e.problem(problem.Field, problem.Message)
		refusal.Refused = true
		r.problems = append(r.problems, refusal)
	}
	return r
}

// prepared defaults and validates an object. A value of the wrong type keeps a
// server from checking the rest of the object. Then the rest is checked without
// that value, so that all mistakes are reported at once, and each of them once.
func (p *preparer) prepared(ctx context.Context, u *unstructured.Unstructured) (*unstructured.Unstructured, []validate.Problem) {
	prepared, found, _ := p.registry.PrepareShared(ctx, u)
	rest := slices.DeleteFunc(slices.Clone(found), func(p validate.Problem) bool { return p.Unfinished })
	if len(rest) < len(found) && len(rest) > 0 {
		rest = append(rest, p.behind(ctx, u.DeepCopy(), rest)...)
	}
	if len(rest) == 0 {
		return prepared, found
	}
	return prepared, plainly(u, rest)
}

// behind looks for problems that the known ones hide from a server.
func (p *preparer) behind(ctx context.Context, u *unstructured.Unstructured, known []validate.Problem) []validate.Problem {
	for _, problem := range known {
		if problem.Blocks {
			removeField(u.Object, steps(problem.Field))
		}
	}
	_, found, _ := p.registry.Prepare(ctx, u)
	return slices.DeleteFunc(found, func(problem validate.Problem) bool {
		return problem.Unfinished || slices.ContainsFunc(known, func(k validate.Problem) bool {
			return k == problem || k.Blocks && isWithin(k.Field, problem.Field)
		})
	})
}

// isWithin reports whether a field equals another one or is a part of it.
func isWithin(field, outer string) bool {
	rest, within := strings.CutPrefix(field, outer)
	return within && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// plainly leaves out what only repeats another problem: a pattern where a rule
// says in words what to write, and problems inside a value of the wrong type. For
// targets it says in words whether a list is needed.
func plainly(u *unstructured.Unstructured, problems []validate.Problem) []validate.Problem {
	var kept []validate.Problem
	for _, problem := range problems {
		inWords := func(o validate.Problem) bool { return o != problem && o.Field == problem.Field && !o.Pattern }
		around := func(o validate.Problem) bool {
			return o.Blocks && o.Field != problem.Field && isWithin(problem.Field, o.Field)
		}
		if problem.Pattern && slices.ContainsFunc(problems, inWords) || slices.ContainsFunc(problems, around) {
			continue
		}
		if text := formOf(u, problem.Field); problem.Blocks && text != "" {
			problem.Message = text
		}
		kept = append(kept, problem)
	}
	return kept
}

// formOf says what to write for targets that should be a list and are not, or the reverse.
func formOf(u *unstructured.Unstructured, field string) string {
	value, _, _ := unstructured.NestedFieldNoCopy(u.Object, strings.Split(field, ".")...)
	switch value.(type) {
	case []any:
		if field == "spec.targetRef" {
			return "is one object: write targetRefs for a list"
		}
	case map[string]any:
		switch field {
		case "spec.targetRefs":
			return "is a list: write a dash before each target, or targetRef for one"
		case "spec.targetSelectors":
			return "is a list: write a dash before each selector"
		}
	}
	return ""
}

// removeField takes a field out of a value, if it is there.
func removeField(value any, path []string) {
	object, isObject := value.(map[string]any)
	switch {
	case len(path) == 0:
	case isObject && len(path) == 1:
		delete(object, path[0])
	case isObject:
		removeField(object[path[0]], path[1:])
	default:
		list, _ := value.([]any)
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(list) {
			removeField(list[i], path[1:])
		}
	}
}

func namespaceOf(u *unstructured.Unstructured) (ns string, isText bool) {
	ns, _, err := unstructured.NestedString(u.Object, "metadata", "namespace")
	return ns, err == nil
}

// problem puts a message at its place.
func (d Document) problem(field, message string) Problem {
	return Problem{
		File:     d.File,
		Document: d.Index,
		Item:     d.Item,
		Line:     lineOfField(d, field),
		Object:   describe(d.Object),
		Field:    field,
		Message:  message,
	}
}

// duplicates finds objects that are in the input twice and differ: only one of
// them would be applied, and which one would be left to chance.
func duplicates(documents []Document) []Problem {
	type identity struct {
		kschema.GroupKind
		types.NamespacedName
	}
	first := map[identity]Document{}
	var problems []Problem
	for _, d := range documents {
		u := d.Object
		id := identity{u.GroupVersionKind().GroupKind(), types.NamespacedName{Namespace: u.GetNamespace(), Name: u.GetName()}}
		if id.Name == "" {
			continue
		}
		earlier, ok := first[id]
		if !ok {
			first[id] = d
			continue
		}
		if reflect.DeepEqual(earlier.Object, u) {
			continue // examples in one folder repeat the objects that they build on
		}
		problems = append(problems, Problem{
			File: d.File, Document: d.Index, Item: d.Item, Line: d.Line, Object: describe(u),
			Message: "is also in " + earlier.Place() + ": keep one of the two",
		})
	}
	return problems
}
