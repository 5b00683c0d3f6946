package docs

import (
	"regexp"
	"strings"
	"testing"
)

// enforcementRule is a rule of docs/enforcement-rules.md as comments cite it.
var enforcementRule = regexp.MustCompile(`\bE[0-9]+b?\.[0-9]+\b|\b12\.[AEKNST][0-9]+[a-z]?\b`)

// TestEveryRuleOfEnforcementIsShown: docs/enforcement-rules.md has every rule that code cites, and for
// every rule a golden file, or a test that exists.
func TestEveryRuleOfEnforcementIsShown(t *testing.T) {
	t.Chdir("../..")
	const page = "docs/enforcement-rules.md"
	text, exist := read(t, page), testsOf(t)
	rules := 0
	lines := strings.Split(text, "\n")
	for i := range lines {
		match := ruleItem.FindStringSubmatch(lines[i])
		if match == nil {
			continue
		}
		rules++
		item := strings.Join(itemOf(lines[i:]), " ")
		tests := citedTest.FindAllStringSubmatch(item, -1)
		for _, test := range tests {
			if !exist[test[1]] {
				t.Errorf("%s: %s names %s, which is no test", page, match[1], test[1])
			}
		}
		if len(tests) == 0 && !strings.Contains(item, ruleLinks) {
			t.Errorf("%s: nothing shows %s", page, match[1])
		}
	}
	if rules < 100 {
		t.Errorf("%s has %d rules", page, rules)
	}
	for _, folder := range []string{"hierarchy", "policy", "webhook", "cmd", "charts", "test"} {
		walk(t, folder, ".go", func(path, code string) {
			for _, rule := range enforcementRule.FindAllString(code, -1) {
				if !strings.Contains(text, "**"+rule+"**") {
					t.Errorf("%s cites %s, which %s does not have", path, rule, page)
				}
			}
		})
	}
}
