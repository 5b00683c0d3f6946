package kubeyaml

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// The words of the parser that MistakesIn reads. This fails when they change.
func TestTheWordsOfTheYAMLParserThatAreRead(t *testing.T) {
	for text, want := range map[string][]Mistake{
		"a: [b\nc: d\n":            {{2, "did not find expected ',' or ']'"}},
		"a:\n\tb: c\n":             {{2, "found character that cannot start any token"}},
		"a: 1\nb: 2\na: 3\n":       {{3, `key "a" already set in map: write it once`}},
		"a: 1\nb: 2\na: 3\nb: 4\n": {{3, `key "a" already set in map: write it once`}, {4, `key "b" already set in map: write it once`}},
		"a: *b\n":                  {{0, "unknown anchor 'b' referenced"}},
	} {
		_, err := yaml.YAMLToJSONStrict([]byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), conversionFailed) && !strings.HasPrefix(err.Error(), parserFailed) {
			t.Fatalf("%q: the error is %v", text, err)
		}
		if got := MistakesIn(err); !slices.Equal(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}
