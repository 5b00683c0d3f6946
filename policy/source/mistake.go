package source

import (
	"regexp"
	"strconv"
	"strings"
)

// mistake is one thing that keeps a text from being YAML.
type mistake struct {
	line    int // in the document, from 1; 0 when it is not known
	message string
}

// What the YAML parser says in words only. It is read here and nowhere else, and
// a test fails when the words change.
const (
	conversionFailed = "error converting YAML to JSON: "
	parserFailed     = "yaml: "
	severalMistakes  = "unmarshal errors:\n"
	keyTwice         = "already set in map"
	// countedFromZero begins what the parser, unlike the scanner, says with lines
	// from 0.
	countedFromZero = "did not find expected"
)

var mistakeLine = regexp.MustCompile(`line (\d+): `)

// mistakesIn takes apart the error of the YAML parser, which is one text.
func mistakesIn(err error) []mistake {
	text := strings.TrimPrefix(err.Error(), conversionFailed)
	text = strings.TrimPrefix(text, parserFailed)
	var mistakes []mistake
	for _, message := range strings.Split(strings.TrimPrefix(text, severalMistakes), "\n") {
		m := mistake{message: strings.TrimSpace(message)}
		if found := mistakeLine.FindStringSubmatch(m.message); found != nil {
			m.line, _ = strconv.Atoi(found[1])
			m.message = strings.Replace(m.message, found[0], "", 1)
			if strings.HasPrefix(m.message, countedFromZero) {
				m.line++
			}
		}
		if strings.Contains(m.message, keyTwice) {
			m.message += ": write it once"
		}
		mistakes = append(mistakes, m)
	}
	return mistakes
}
