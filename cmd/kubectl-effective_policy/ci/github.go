package ci

import (
	"fmt"
	"io"
	"strings"

	"github.com/attache-dev/attache/policy/preview"
)

// githubLevels are annotations of GitHub's workflows, next to the lines.
var githubLevels = map[string]string{preview.Denied: "error", preview.Warning: "warning", preview.Note: "notice"}

// githubText escapes as GitHub's commands need it; property also what ends a
// property.
func githubText(text string, property bool) string {
	text = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
	if property {
		text = strings.NewReplacer(":", "%3A", ",", "%2C").Replace(text)
	}
	return text
}

// WriteAnnotations writes a command for each finding, and the totals.
func WriteAnnotations(to io.Writer, report *preview.Report, totals string) error {
	for _, f := range report.Findings {
		place := ""
		if f.File != "" && f.File != "-" {
			place = fmt.Sprintf("file=%s,line=%d,", githubText(f.File, true), max(f.Line, 1))
		}
		fmt.Fprintf(to, "::%s %stitle=%s::%s\n", githubLevels[f.Level], place, githubText("attache: "+f.Rule, true), githubText(f.Sentence(), false))
	}
	_, err := fmt.Fprintln(to, totals)
	return err
}
