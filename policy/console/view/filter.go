package view

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Filter says which routes are shown, and which of their paths.
type Filter struct {
	namespace, gateway, kind, text string
	field                          crd.Path
	level                          hierarchy.Level
	byLevel                        bool
	findings, mixed, changed       bool
	where                          guardrail.Rule
	key                            string
}

// Match is a route with the paths that pass.
type Match struct {
	*item
	Scopes []effective.Scope
}

// All reports whether everything passes.
func (f *Filter) All() bool { return f.key == emptyKey() }

// FilterKeys are the parameters of a filter.
var FilterKeys = []string{"ns", "gateway", "kind", "field", "level", "findings", "mixed", "changed", "where", "text"}

// Filter reads a filter from the parameters of a question, which may have none.
func (v *View) Filter(p Parameters) (*Filter, error) {
	f := &Filter{
		namespace: p.Get("ns"), gateway: p.Get("gateway"), kind: p.Get("kind"), text: strings.ToLower(p.Get("text")),
		findings: p.Get("findings") != "", mixed: p.Get("mixed") != "", changed: p.Get("changed") != "",
	}
	for _, key := range FilterKeys {
		f.key += key + "=" + p.Get(key) + "\n"
	}
	if level := p.Get("level"); level != "" {
		if f.level, f.byLevel = hierarchy.LevelNamed(level); !f.byLevel {
			return nil, BadRequest("level is one of " + strings.Join(levelNames(), ", "))
		}
	}
	if f.kind != "" {
		if _, err := v.kindNamed(f.kind); err != nil {
			return nil, err
		}
	}
	if text := p.Get("field"); text != "" {
		path, err := crd.ParsePath(text)
		if err != nil {
			return nil, BadRequest(err.Error())
		}
		f.field = path
	}
	if text := p.Get("where"); text != "" {
		rule, err := v.compile(text)
		if err != nil {
			return nil, BadRequest(err.Error())
		}
		f.where = rule
	}
	return f, nil
}

// emptyKey is the key of a filter that passes everything.
func emptyKey() string {
	key := ""
	for _, k := range FilterKeys {
		key += k + "=\n"
	}
	return key
}

// kindNamed is a policy kind as results call it.
func (v *View) kindNamed(word string) (string, error) {
	for _, k := range v.Snapshot.Kinds() {
		if strings.EqualFold(k.Name(), word) {
			return k.Name(), nil
		}
	}
	return "", BadRequest("no policy kind is called " + word)
}

func levelNames() []string {
	var names []string
	for l := range hierarchy.Levels {
		names = append(names, l.String())
	}
	return names
}

// byPath reports whether the filter is about paths, and not only about routes.
func (f *Filter) byPath() bool {
	return f.gateway != "" || f.kind != "" || len(f.field) > 0 || f.byLevel || f.where != nil
}

// Matches are the routes that pass. The answers to the last filters are remembered.
func (v *View) Matches(ctx context.Context, f *Filter) ([]Match, error) {
	if list, known := v.picked.get(f.key); known {
		return list, nil
	}
	list := []Match{}
	for _, i := range v.Items {
		if !v.mayPass(i, f) {
			continue
		}
		scopes := i.Scopes
		if f.byPath() {
			var err error
			if scopes, err = v.passing(ctx, i, f); err != nil {
				return nil, err
			}
			if len(scopes) == 0 {
				continue
			}
		}
		list = append(list, Match{i, scopes})
	}
	v.picked.put(f.key, list)
	return list, nil
}

// mayPass checks what can be decided for a route as a whole.
func (v *View) mayPass(i *item, f *Filter) bool {
	switch {
	case f.namespace != "" && i.Ref.Namespace != f.namespace,
		f.findings && i.Remarks == 0,
		f.mixed && !i.Mixed(),
		f.changed && len(v.Changes[i.Ref]) == 0:
		return false
	case f.text == "":
		return true
	}
	inText := func(text string) bool { return strings.Contains(strings.ToLower(text), f.text) }
	return inText(i.Ref.Namespace+"/"+i.Ref.Name) || slices.ContainsFunc(i.Route.Hostnames, inText)
}

// passing are the paths that pass, as scopes.
func (v *View) passing(ctx context.Context, i *item, f *Filter) ([]effective.Scope, error) {
	var out []effective.Scope
	for _, scope := range i.Scopes {
		if f.gateway != "" {
			var parents []*hierarchy.Listener
			for _, l := range scope.Parents {
				if l.Gateway.Place() == f.gateway {
					parents = append(parents, l)
				}
			}
			scope.Parents = parents
		}
		if len(scope.Parents) == 0 || !f.wants(scope.Result) {
			continue
		}
		if f.where == nil {
			out = append(out, scope)
			continue
		}
		parts, err := v.asked(ctx, i, scope, f.where)
		if err != nil {
			return nil, err
		}
		out = append(out, parts...)
	}
	return out, nil
}

// wants reports whether a result has a value of the kind, the field and the level.
func (f *Filter) wants(r *effective.PathPolicies) bool {
	if f.kind == "" && len(f.field) == 0 && !f.byLevel {
		return true
	}
	for _, m := range r.Kinds {
		if f.kind != "" && !strings.EqualFold(m.Kind.Name(), f.kind) {
			continue
		}
		for i := range m.Origins {
			o := &m.Origins[i]
			if f.field.Covers(o.Path) && (!f.byLevel || o.Level == f.level) {
				return true
			}
		}
	}
	return false
}

// asked are the paths of a scope on which an expression is true: listeners on
// which the same rules pass stay together.
func (v *View) asked(ctx context.Context, i *item, scope effective.Scope, where guardrail.Rule) ([]effective.Scope, error) {
	outcomes := sync.OnceValue(func() evaluate.Outcomes {
		if v.World.Outcomes == nil || where.Uses()&guardrail.Outcomes == 0 {
			return nil
		}
		return v.World.Outcomes(v.Snapshot.Graph(), i.target)
	})
	return effective.Fitting(scope, i.Route, func(l *hierarchy.Listener, rule hierarchy.RuleRef) (bool, error) {
		in := evaluate.PathInput(v.Snapshot, where.Uses(), i.Route, l, rule, scope.Result, outcomes())
		found, err := where.Check(ctx, in)
		if err != nil {
			return false, BadRequest(fmt.Sprintf("where: on %s: %v", i.Ref, err))
		}
		return len(found) == 0, nil
	})
}

// memory holds the answers to the last few filters.
type memory struct {
	mu   sync.Mutex
	keys []string
	list map[string][]Match
}

// remembered is how many filters a memory holds.
const remembered = 8

func newMemory() *memory { return &memory{list: map[string][]Match{}} }

func (m *memory) get(key string) ([]Match, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list, known := m.list[key]
	return list, known
}

func (m *memory) put(key string, list []Match) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.list[key]; !known {
		m.keys = append(m.keys, key)
	}
	m.list[key] = list
	if len(m.keys) > remembered {
		delete(m.list, m.keys[0])
		m.keys = m.keys[1:]
	}
}
