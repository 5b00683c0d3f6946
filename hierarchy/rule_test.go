package hierarchy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/hierarchy"
)

func TestARuleIsNamedOnlyByANameOfItsOwn(t *testing.T) {
	route := &hierarchy.Route{Rules: []hierarchy.Rule{{Name: "pay"}, {}, {Name: "twice"}, {Name: "twice"}}}
	refs := route.RuleRefs()
	if diff := cmp.Diff([]hierarchy.RuleRef{{Index: 0, Name: "pay"}, {Index: 1}, {Index: 2}, {Index: 3}}, refs); diff != "" {
		t.Error(diff)
	}
	set := hierarchy.RuleSet{Rules: refs[:2]}
	if got, want := set.String(), "pay, rules[1]"; got != want {
		t.Errorf("the set reads %q, want %q", got, want)
	}
	if !set.Has(1) || set.Has(2) || !hierarchy.AllRules().Has(7) {
		t.Error("Has does not say which rules are in the set")
	}
	if got := hierarchy.AllRules().String(); got != "*" {
		t.Errorf("all rules read %q", got)
	}
}

func TestASectionNamesTheRuleThatItWasMadeOf(t *testing.T) {
	for _, c := range []struct {
		rule          hierarchy.RuleRef
		section, text string
	}{
		{hierarchy.RuleRef{Name: "pay"}, "pay", "rule pay"},
		{hierarchy.RuleRef{Index: 2}, "rules[2]", "rules[2]"},
		{hierarchy.RuleRef{Name: "rules"}, "rules", "rule rules"},
	} {
		if section, back := c.rule.String(), hierarchy.RuleOf(c.section); section != c.section || back != c.rule || back.Text() != c.text {
			t.Errorf("%v is %s, and back %v, %s", c.rule, section, back, back.Text())
		}
	}
}
