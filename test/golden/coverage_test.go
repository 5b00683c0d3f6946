package golden_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// withoutDecision are the rules of binding that leave nothing for us to decide.
var withoutDecision = map[string]string{
	"R20": "how the conformance suite compares",
	"R26": "values that nobody may rely on",
}

// TestEveryRuleHasAGoldenFile: every rule of binding that has a decision in it,
// and every section of the semantics, is shown by a golden file.
func TestEveryRuleHasAGoldenFile(t *testing.T) {
	shown := map[string]bool{}
	for _, file := range goldenFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		match := rulesLine.FindSubmatch(text)
		if match == nil {
			continue // TestGoldenFiles complains
		}
		for rule := range strings.SplitSeq(string(match[1]), ", ") {
			shown[rule] = true
		}
	}
	const lastRule = 57
	wanted := []string{
		"semantics 1", "semantics 2", "semantics 3", "semantics 3.1", "semantics 3.2", "semantics 4",
		"semantics 5", "semantics 6", "semantics 7", "semantics 8", "semantics 9", "GEP-713", "D1", "D2", "D10",
	}
	for i := 1; i <= lastRule; i++ {
		if rule := fmt.Sprintf("R%d", i); withoutDecision[rule] == "" {
			wanted = append(wanted, rule)
		}
	}
	const lastRequestRule = 12
	for i := 1; i <= lastRequestRule; i++ {
		wanted = append(wanted, fmt.Sprintf("Q%d", i))
	}
	wanted = slices.DeleteFunc(wanted, func(rule string) bool { return shown[rule] })
	if len(wanted) > 0 {
		t.Errorf("no golden file shows %s", strings.Join(wanted, ", "))
	}
}
