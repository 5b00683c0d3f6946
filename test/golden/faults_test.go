package golden_test

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// worlds names input sections of a golden file.
func worlds(file string, sections ...string) []string {
	var list []string
	for _, s := range sections {
		list = append(list, file+"#"+s)
	}
	return list
}

// faults are the kinds of faults that people reported from the field. Of each kind there are
// worlds: the one that was reported, in our own words, and at least two others.
var faults = map[string][]string{
	"a switch gets out of an override or a bound": worlds("field/switched-off", "override", "bound", "listener", "timeout"),
	"a part of a limit beside another's rate":     worlds("field/part-of-a-limit", "burst", "counter", "named", "whole"),
	"a dotted name invents a field":               worlds("field/dotted-names", "timeout", "grpc", "retry", "misspelled"),
	"an inline value wipes a policy out":          worlds("field/inline-beside-atomic", "default", "alone", "override", "listener"),
	"a lost value is not listed":                  worlds("field/lost-values", "default", "override", "null"),
	"named entries are mixed":                     worlds("field/named-entries", "limits", "auth", "ours"),
	"a policy whose CRD has no label":             worlds("folders/unread-policies", "unlabelled", "undefined", "selects"),
	"selectors are passed over":                   worlds("field/targets-by-label", "routes", "both", "expressions", "older"),
	"a target that nobody checks":                 worlds("commands/direct-targets", "services", "mesh", "gone"),
	"a route that loses its Gateway in silence":   worlds("folders/left-unbound", "gone", "hostname", "delete", "section", "silent"),
	"two kinds of one name":                       append(worlds("field/kinds-of-one-name", "vendors", "conflict"), "commands/one-name-two-groups#world"),
	"another strategy than the one shown":         append(worlds("field/strategy-that-was-used", "block", "none", "ours"), "semantics/strategy-of-a-block#world"),
	"one object where a list is, and back":        worlds("field/mistakes-of-form", "list", "object", "selectors"),
	"the second mistake hides the first":          append(worlds("field/mistakes-of-form", "seconds", "codes"), "folders/mistakes-said-once#two"),
	"rows of what was not checked":                append(worlds("field/mistakes-of-form", "port", "protocol"), "folders/mistakes-said-once#type"),
	"a warning of a counter that nobody shares":   worlds("field/whose-counter", "gateway", "route", "named"),
	"a tie by namespaces is told as one by names": append(worlds("field/ties", "class", "name", "young"), "semantics/tie-by-namespace#input"),
	"the object is in another namespace":          append(worlds("field/elsewhere", "parent", "route", "service"), "folders/near-misses#world"),
	"a grant that nearly fits":                    worlds("folders/near-misses", "grant", "namespace", "name"),
	"the word that merges is the child's":         worlds("field/merge-type-of-the-child", "rules", "between", "gateway"),
	"one document stops the others":               append(worlds("folders/unrelated-objects", "world", "alone", "misspelled"), "folders/values-beside-manifests#app/values"),
	"a Direct policy, and nothing applies":        append(worlds("commands/direct", "route", "service", "gateway"), "field/direct-policies#gateway"),
	"a vendor's own field is read as ours":        worlds("field/a-vendors-own-words", "direct", "list", "word"),
	"policies on backends are nowhere":            append(worlds("field/direct-policies", "port", "two"), "commands/direct#service"),
	"TCP on a TLS listener that terminates":       worlds("field/routes-on-tls-listeners", "tcp-terminate", "tcp-passthrough", "tls-terminate"),
	"Direct policies with other fields":           append(worlds("field/direct-policies", "fields", "two"), "commands/direct#two"),
	"a parent of another group":                   worlds("field/group-of-a-parent", "service", "gateway", "versioned"),
	"templates and placeholders":                  worlds("folders/templates", "helm", "value", "placeholder", "quoted", "number"),
	"a route that is bound to nothing":            append(worlds("folders/left-unbound", "silent", "section"), "folders/bound-to-nothing#world"),
	"short names":                                 append(worlds("field/short-names", "lset", "route"), "commands/short-names#world"),
	"namespaces of kustomizations":                append(worlds("folders/kustomizations", "two/app/kustomization", "overlay/kustomization"), "folders/values-beside-manifests#app/kustomization"),
}

// TestEveryKindOfFaultHasThreeWorlds checks that each world exists and that there is a question
// about it.
func TestEveryKindOfFaultHasThreeWorlds(t *testing.T) {
	for kind, list := range faults {
		t.Run(kind, func(t *testing.T) {
			if len(list) < 3 {
				t.Errorf("only %d worlds", len(list))
			}
			for _, world := range list {
				if err := askedAbout(world); err != nil {
					t.Errorf("%s: %v", world, err)
				}
			}
		})
	}
}

// askedAbout says whether a golden file has an input and a command, or another result, that
// reads it.
func askedAbout(world string) error {
	file, input, _ := strings.Cut(world, "#")
	text, err := os.ReadFile(file + ".txtar")
	if err != nil {
		return err
	}
	sections := txtar.Parse(text).Files
	named := func(name string) func(txtar.File) bool {
		return func(f txtar.File) bool { return f.Name == name }
	}
	if !slices.ContainsFunc(sections, named(input+".yaml")) {
		return fmt.Errorf("there is no input %s.yaml", input)
	}
	top, _, _ := strings.Cut(input, "/")
	for _, s := range sections {
		words := strings.Fields(s.Name)
		switch {
		case isInput.MatchString(s.Name) || s.Name == flagsSection:
		case !slices.Contains(words, "-f") && !slices.Contains(words, "--base"):
			return nil // it reads everything
		case slices.ContainsFunc(words, func(word string) bool {
			return word == input+".yaml" || word == top || strings.HasPrefix(word, path.Dir(input)+"/")
		}):
			return nil
		}
	}
	return fmt.Errorf("no command reads %s.yaml", input)
}
