package docs

import (
	"bytes"
	"context"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
)

var update = flag.Bool("update", false, "write the output of commands into the pages anew")

// spellings are how the pages call the plugin.
var spellings = []string{"kubectl effective-policy ", "go run ./cmd/kubectl-effective_policy "}

func TestCommandsPrintWhatThePagesSay(t *testing.T) {
	t.Chdir("../..")
	ran := 0
	for _, page := range pages(t) {
		text := read(t, page)
		said := rewrite(text, func(line string) string {
			ran++
			return run(t, page, line)
		})
		if said == text {
			continue
		}
		if *update {
			if err := os.WriteFile(page, []byte(said), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s does not say what its commands print; if what they print is right, run \"go test ./test/docs -update\" (- page, + command):\n%s",
			page, cmp.Diff(strings.Split(text, "\n"), strings.Split(said, "\n")))
	}
	if ran == 0 {
		t.Error("no page has a command in a console block")
	}
}

// rewrite replaces what stands under each command in the console blocks of a
// page by what output says it prints.
func rewrite(page string, output func(line string) string) string {
	var out []string
	inside := false
	for line := range strings.Lines(page) {
		switch text := strings.TrimSuffix(line, "\n"); {
		case !inside:
			inside = text == "```console"
			out = append(out, line)
		case text == "```":
			inside = false
			out = append(out, line)
		case strings.HasPrefix(text, "$ "):
			out = append(out, line, output(strings.TrimPrefix(text, "$ ")))
		}
	}
	return strings.Join(out, "")
}

// run runs one command line of a page.
func run(t *testing.T, page, line string) string {
	t.Helper()
	at := slices.IndexFunc(spellings, func(s string) bool { return strings.HasPrefix(line, s) })
	if at < 0 {
		t.Errorf("%s: a console block has %q, which is not run here: write it in a block of the language sh", page, line)
		return ""
	}
	arguments := words(strings.TrimPrefix(line, spellings[at]))
	if strings.ContainsAny(unquoted(line), `"|<>*`) || !slices.Contains(arguments, "-f") {
		t.Errorf("%s: %q: commands here are plain words, or words in single quotes, and work on files", page, line)
		return ""
	}
	var printed bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &printed, ErrOut: &printed}
	command.Main(context.Background(), append([]string{"kubectl-effective_policy"}, arguments...), streams, "")
	return printed.String()
}

// words splits a command line at spaces, except between single quotes.
func words(line string) []string {
	var list []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			list = append(list, part)
			continue
		}
		list = append(list, strings.Fields(part)...)
	}
	return list
}

// unquoted is what of a line does not stand between single quotes.
func unquoted(line string) string {
	var b strings.Builder
	for i, part := range strings.Split(line, "'") {
		if i%2 == 0 {
			b.WriteString(part)
		}
	}
	return b.String()
}

// TestAnswersFitAScreen checks that the answers to the twelve questions fit 80 columns.
func TestAnswersFitAScreen(t *testing.T) {
	t.Chdir("../..")
	questions, inside := 0, false
	for line := range strings.Lines(read(t, "docs/questions.md")) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```console"
		case strings.HasPrefix(line, "$ "):
			questions++
		case inside && utf8.RuneCountInString(line) > 80:
			t.Errorf("wider than a screen: %s", line)
		}
	}
	if questions != 12 {
		t.Errorf("%d questions, want 12", questions)
	}
}
