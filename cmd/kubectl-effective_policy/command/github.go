package command

import (
	"fmt"
	"strings"

	"github.com/attache-dev/attache/policy/preview"
)

// formatGitHub is annotations of GitHub's workflows, next to the lines.
const formatGitHub = "github"

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

// printAnnotations prints a command for each finding, and the totals.
func (o *options) printAnnotations(report *preview.Report) error {
	for _, f := range report.Findings {
		place := ""
		if f.File != "" && f.File != "-" {
			place = fmt.Sprintf("file=%s,line=%d,", githubText(f.File, true), max(f.Line, 1))
		}
		fmt.Fprintf(o.streams.Out, "::%s %stitle=%s::%s\n", githubLevels[f.Level], place, githubText("attache: "+f.Rule, true), githubText(f.Sentence(), false))
	}
	_, err := fmt.Fprintln(o.streams.Out, totalsText(report))
	return err
}
