package ci

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/attache-dev/attache/policy/preview"
)

// The form of JUnit's reports that continuous integration reads.
type (
	// JUnitSuites is a whole report.
	JUnitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []JUnitCase `xml:"testcase"`
	}
	// JUnitCase is one checked object.
	JUnitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *JUnitFailure `xml:"failure,omitempty"`
		Out     string        `xml:"system-out,omitempty"`
	}
	// JUnitFailure says why a case failed.
	JUnitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// Add adds a case to the suite with a name: the last one, or a new one.
func (s *JUnitSuites) Add(suite string, c JUnitCase) {
	if n := len(s.Suites); n == 0 || s.Suites[n-1].Name != suite {
		s.Suites = append(s.Suites, junitSuite{Name: suite})
	}
	last := &s.Suites[len(s.Suites)-1]
	last.Cases = append(last.Cases, c)
	last.Tests++
	s.Tests++
	if c.Failure != nil {
		last.Failures++
		s.Failures++
	}
}

// WriteJUnit writes a report as XML.
func WriteJUnit(to io.Writer, suites *JUnitSuites) error {
	text, err := xml.MarshalIndent(suites, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "%s%s\n", xml.Header, text)
	return err
}

// JUnit has a suite for each file and a case for each object. An object fails when it would be
// denied.
func JUnit(r *preview.Report) *JUnitSuites {
	suites := &JUnitSuites{Name: "check"}
	for _, object := range r.Checked {
		c := JUnitCase{Name: object.Name, Class: object.File, File: object.File, Line: object.Line}
		var denied, other []string
		for _, f := range r.Findings {
			if f.File != object.File || f.Document != object.Document || f.Item != object.Item {
				continue
			}
			line := fmt.Sprintf("%s: %s: %s", f.Place(), f.Level, f.Sentence())
			if f.Level != preview.Denied {
				other = append(other, line)
				continue
			}
			if denied = append(denied, line); len(denied) == 1 {
				c.Failure = &JUnitFailure{Message: f.Sentence(), Type: f.Rule}
			}
		}
		if n := len(denied); n > 1 {
			c.Failure.Message += fmt.Sprintf(" (and %d more)", n-1)
		}
		if c.Failure != nil {
			c.Failure.Text = strings.Join(denied, "\n")
		}
		c.Out = strings.Join(other, "\n")
		suites.Add(object.File, c)
	}
	return suites
}
