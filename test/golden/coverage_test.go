package golden_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// withoutDecision are the rules that leave nothing for us to decide.
var withoutDecision = map[string]string{
	"R20": "how the conformance suite compares",
	"R26": "values that nobody may rely on",
	"D4":  "what Gateway API has; applicability is semantics 8",
	"D6":  "what Gateway API means by a timeout",
	"D7":  "which channel of Gateway API has retry",
	"D8":  "how Gateway API counts attempts",
	"D9":  "what Gateway API asks of tries and timeouts",
}

// heldElsewhere are the rules of docs/migrating.md that no golden file can show, with the
// test that fails when they do not hold.
var heldElsewhere = map[string]string{
	"M1":  "TestAMigrationOnACluster", // by somebody who may only read
	"M2":  "TestAMigrationOnACluster", // who may not read Secrets
	"M3":  "TestTheOrderOfInputChangesNothing",
	"M19": "TestTheModelAnswersAsNginx",
	"M76": "TestWhatIsWrittenAnswersAsTheIngressesDo",
	"M79": "TestLive",
	"M80": "TestLiveByHTTPS",
	"M81": "TestLive",
	"M82": "TestLive",
	"M83": "TestLive", // its servers count what is under way
	"M86": "TestStatusSaysWhatTraefikServes",
}

// TestEveryRuleHasAGoldenFile: every rule of binding and of migrating that has a decision
// in it, and every section of the semantics, is shown by a golden file.
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
	wanted := append(rulesOf(t), "GEP-713")
	for _, rule := range slices.Sorted(maps.Keys(withoutDecision)) {
		if !slices.Contains(wanted, rule) {
			t.Errorf("%s is said to leave nothing to decide, and no page has it", rule)
		}
	}
	tests := testsOf(t)
	for _, rule := range slices.Sorted(maps.Keys(heldElsewhere)) {
		if !slices.Contains(wanted, rule) || !tests[heldElsewhere[rule]] {
			t.Errorf("%s is said to be held by %s, and one of them is not there", rule, heldElsewhere[rule])
		}
	}
	wanted = slices.DeleteFunc(wanted, func(rule string) bool { return withoutDecision[rule] != "" || heldElsewhere[rule] != "" })
	wanted = slices.DeleteFunc(wanted, func(rule string) bool { return shown[rule] })
	if len(wanted) > 0 {
		t.Errorf("no golden file shows %s", strings.Join(wanted, ", "))
	}
}

// A rule stands at the beginning of an entry of a list; a section of the semantics is a heading.
var (
	rule    = regexp.MustCompile(`(?m)^- \*\*([RDQM][0-9]+)\*\*`)
	section = regexp.MustCompile(`(?m)^##+ ([0-9]+(?:\.[0-9]+)?)\.? `)
)

// testsOf are the names of all tests of the repository.
func testsOf(t *testing.T) map[string]bool {
	t.Helper()
	name := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	tests := map[string]bool{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range name.FindAllSubmatch(text, -1) {
			tests[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// rulesOf are all rules that the pages have, in their order.
func rulesOf(t *testing.T) []string {
	t.Helper()
	var rules []string
	for _, page := range []struct {
		name, prefix string
		pattern      *regexp.Regexp
	}{{"semantics.md", "semantics ", section}, {"binding.md", "", rule}, {"requests.md", "", rule}, {"migrating.md", "", rule}} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", page.name))
		if err != nil {
			t.Fatal(err)
		}
		found := page.pattern.FindAllSubmatch(text, -1)
		if len(found) == 0 {
			t.Errorf("no rules were found in docs/%s", page.name)
		}
		for _, match := range found {
			rules = append(rules, page.prefix+string(match[1]))
		}
	}
	return rules
}
