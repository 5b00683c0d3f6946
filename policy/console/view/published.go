package view

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/explain"
)

// Readers who are not permitted to read the objects behind the results see the
// published results. What the published objects do not say is not guessed: such
// questions are answered with NotKnown.

// publishedItem is one target with its explanation.
type publishedItem struct {
	ref         hierarchy.Ref
	explanation *explain.Explanation
}

// publishedItems are the targets of the published objects, sorted. An object that
// cannot be read is left out.
func publishedItems(w *World) []publishedItem {
	var items []publishedItem
	for ref, object := range w.Published {
		if e, err := explain.Published(w.Snapshot, object, explain.Selection{}); err == nil {
			items = append(items, publishedItem{ref, e})
		}
	}
	slices.SortFunc(items, func(a, b publishedItem) int { return compareRoutes(a.ref, b.ref) })
	return items
}

// publishedRows are the routes that pass a filter, as rows of the table.
func (v *View) publishedRows(f *Filter) ([]row, error) {
	if f.where != nil || f.findings || f.changed {
		return nil, NotKnown()
	}
	var list []row
	for _, item := range v.published {
		if item.ref.GroupKind == hierarchy.GatewayKind || f.namespace != "" && item.ref.Namespace != f.namespace ||
			!strings.Contains(strings.ToLower(item.ref.Place()), f.text) || f.mixed && len(item.explanation.Scopes) < 2 {
			continue
		}
		if r := publishedRow(item, f); len(r.Scopes) > 0 || !f.byPath() {
			list = append(list, r.fit())
		}
	}
	return list, nil
}

func publishedRow(item publishedItem, f *Filter) row {
	out := row{
		ID: IDOf(item.ref), Target: objectOf(item.ref), Hostnames: []string{}, Bound: true, Published: true,
		Mixed: len(item.explanation.Scopes) > 1, Scopes: []rowScope{},
	}
	for i := range item.explanation.Scopes {
		scope := &item.explanation.Scopes[i]
		part := rowScope{Rules: scope.Rules, Values: []Cell{}, Paths: len(scope.Rules) * len(scope.Parents)}
		for _, l := range scope.Parents {
			if f.gateway == "" || l.Gateway == f.gateway {
				part.Parents = append(part.Parents, l)
			}
		}
		wanted := false
		for j := range scope.Fields {
			field := &scope.Fields[j]
			if field.FromRef == nil || f.kind != "" && !strings.EqualFold(field.Policy, f.kind) ||
				!f.field.Covers(field.Path) {
				continue
			}
			wanted = wanted || !f.byLevel || field.Level == f.level.String()
			part.Values = append(part.Values, Cell{
				Policy: field.Policy, Field: field.Field, Value: field.Value, Level: field.Level, Block: field.Block,
				From: *field.FromRef, Limited: field.ClampedBy != "", Beat: len(field.Beat),
			})
		}
		if len(part.Parents) > 0 && (wanted || f.kind == "" && len(f.field) == 0 && !f.byLevel) {
			out.Scopes = append(out.Scopes, part)
		}
	}
	return out
}

// publishedPage is a page of the table.
func (v *View) publishedPage(f *Filter, p Parameters) (any, error) {
	list, err := v.publishedRows(f)
	if err != nil {
		return nil, err
	}
	answer := Rows{Total: len(list)}
	for i := range list {
		for _, s := range list[i].Scopes {
			answer.Paths += s.Paths
		}
	}
	for _, item := range v.published {
		answer.All += boolInt(item.ref.GroupKind != hierarchy.GatewayKind)
	}
	if answer.Rows, answer.Offset, answer.Next, err = page(list, p); err != nil {
		return nil, err
	}
	return answer, nil
}

// publishedSummary fills in what the snapshot does not have.
func (v *View) publishedSummary(out *summary) {
	namespaces, gateways, fields := map[string]int{}, map[string]int{}, map[string]map[string]bool{}
	for _, item := range v.published {
		if item.ref.GroupKind == hierarchy.GatewayKind {
			continue
		}
		out.Counts.Routes++
		out.Counts.Mixed += boolInt(len(item.explanation.Scopes) > 1)
		namespaces[item.ref.Namespace]++
		on := map[string]bool{}
		for _, s := range item.explanation.Scopes {
			out.Counts.Paths += len(s.Rules) * len(s.Parents)
			for _, l := range s.Parents {
				on[l.Gateway] = true
			}
			for i := range s.Fields {
				if fields[s.Fields[i].Policy] == nil {
					fields[s.Fields[i].Policy] = map[string]bool{}
				}
				fields[s.Fields[i].Policy][s.Fields[i].Field] = true
			}
		}
		for place := range on {
			gateways[place]++
		}
	}
	out.Counts.Gateways, out.Counts.Namespaces = len(gateways), len(namespaces)
	out.Namespaces, out.Gateways, out.Kinds = listed(namespaces), listed(gateways), []kindInfo{}
	for _, name := range SortedKeys(fields) {
		out.Kinds = append(out.Kinds, kindInfo{Name: name, Kind: name, Class: "Inherited", Objects: 1, Fields: SortedKeys(fields[name])})
	}
	out.Published = true
}
