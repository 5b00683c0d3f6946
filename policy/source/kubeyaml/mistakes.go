package kubeyaml

import (
	"regexp"
	"strconv"
	"strings"
)

// Mistake is one thing that keeps a text from being YAML.
type Mistake struct {
	Line    int // in the document, from 1; 0 when it is not known
	Message string
}

// What the YAML parser reports only in words. The words are read only here, and a
// test fails when they change.
const (
	conversionFailed = "error converting YAML to JSON: "
	parserFailed     = "yaml: "
	severalMistakes  = "unmarshal errors:\n"
	keyTwice         = "already set in map"
	// countedFromZero begins the messages in which the parser, unlike the scanner,
	// counts lines from 0.
	countedFromZero = "did not find expected"
)

var mistakeLine = regexp.MustCompile(`line (\d+): `)

// MistakesIn takes apart the error of the YAML parser, which is one text.
func MistakesIn(err error) []Mistake {
	text := strings.TrimPrefix(err.Error(), conversionFailed)
	text = strings.TrimPrefix(text, parserFailed)
	var mistakes []Mistake
	for _, message := range strings.Split(strings.TrimPrefix(text, severalMistakes), "\n") {
		m := Mistake{Message: strings.TrimSpace(message)}
		if found := mistakeLine.FindStringSubmatch(m.Message); found != nil {
			m.Line, _ = strconv.Atoi(found[1])
			m.Message = strings.Replace(m.Message, found[0], "", 1)
			if strings.HasPrefix(m.Message, countedFromZero) {
				m.Line++
			}
		}
		if strings.Contains(m.Message, keyTwice) {
			m.Message += ": write it once"
		}
		mistakes = append(mistakes, m)
	}
	return mistakes
}
