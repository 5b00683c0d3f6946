package ci

import (
	"fmt"
	"io"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
)

// MarkdownMarker is the text by which a program finds its own comment again.
const MarkdownMarker = "<!-- attache -->"

// mostRows is the number of rows up to which a table is not folded.
const mostRows = 30

// MarkdownCell escapes characters that would end a cell, or be interpreted as HTML or as a mention.
func MarkdownCell(text string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;", ">", "&gt;", "@", "@\u200b", "`", "\\`").Replace(text)
}

// MarkdownTable writes a table, folded when it is long.
func MarkdownTable(out io.Writer, heads []string, rows [][]string) {
	folded := len(rows) > mostRows
	if folded {
		fmt.Fprintf(out, "<details><summary>%s</summary>\n\n", prose.Count(len(rows), "row"))
	}
	fmt.Fprintf(out, "| %s |\n|%s\n", strings.Join(heads, " | "), strings.Repeat("---|", len(heads)))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, text := range row {
			cells[i] = MarkdownCell(text)
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
	}
	if folded {
		fmt.Fprintf(out, "\n</details>\n")
	}
	fmt.Fprintln(out)
}
