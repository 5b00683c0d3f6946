package regorule_test

import (
	"strings"
	"testing"

	"github.com/attache-dev/attache/policy/guardrail/regorule"
)

// A pattern in a module is checked when the module is written, so that no unrelated route is
// refused because of it later.
func TestConstantPatternsAreCheckedWhenTheModuleIsWritten(t *testing.T) {
	for call, says := range map[string]string{
		`regex.match("((((a{1,100}){1,100}){1,100}){1,100})", input.route.name)`: "line 2 column 34: regex.match: ",
		`regex.replace(input.route.name, "(", "x") == ""`:                        "missing closing )",
		`count(regex.find_n("[", input.route.name, 1)) > 0`:                      "missing closing ]",
		`regex.match("^a+$", input.route.name)`:                                  "",
		`regex.match(input.route.labels.pattern, input.route.name)`:              "",
		`regex.is_valid("(")`: "",
	} {
		_, problems := regorule.Compile("package g\ndeny contains \"m\" if " + call)
		switch {
		case says == "" && len(problems) > 0:
			t.Errorf("%s: %v", call, problems)
		case says != "" && (len(problems) == 0 || !strings.Contains(problems[0].String(), says)):
			t.Errorf("%s: got %v, want %s", call, problems, says)
		}
	}
}
