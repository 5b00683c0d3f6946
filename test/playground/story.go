package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// story tells what happens: a title for each step, the commands as a person
// would type them, and what they really print.
type story struct {
	out    io.Writer
	colors bool
	step   int
}

// newStory writes to out, in colours if that is a terminal.
func newStory(out io.Writer) *story {
	s := &story{out: out}
	if file, ok := out.(*os.File); ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		state, err := file.Stat()
		s.colors = err == nil && state.Mode()&os.ModeCharDevice != 0
	}
	return s
}

const (
	bold  = "1"
	green = "32"
	faint = "2"
)

func (s *story) paint(style, text string) string {
	if !s.colors || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// title begins the next step.
func (s *story) title(text string) {
	s.step++
	fmt.Fprintf(s.out, "\n%s\n", s.paint(bold, fmt.Sprintf("%d. %s", s.step, text)))
}

// say explains something.
func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.out, "   "+format+"\n", args...)
}

// check says what was checked and found true.
func (s *story) check(format string, args ...any) {
	fmt.Fprintf(s.out, "   %s %s\n", s.paint(green, "✓"), fmt.Sprintf(format, args...))
}

// show prints a command line and what the command printed.
func (s *story) show(line, printed string) {
	fmt.Fprintf(s.out, "\n   %s\n", s.paint(bold, "$ "+line))
	if printed = strings.TrimRight(printed, "\n"); printed != "" {
		for text := range strings.Lines(printed + "\n") {
			fmt.Fprint(s.out, strings.TrimRight("   "+text, " \n")+"\n")
		}
	}
	fmt.Fprintln(s.out)
}

// terminal runs what a person would type.
type terminal struct {
	story *story
	// command makes the process of a command line.
	command func(ctx context.Context, arguments ...string) *exec.Cmd
}

// types runs a command line that has to succeed, and shows it. Words are
// separated by spaces; in single quotes they may contain some.
func (t *terminal) types(ctx context.Context, line string) (string, error) {
	out, err := t.run(ctx, line)
	t.story.show(line, out)
	return out, err
}

// reads runs a command line that has to succeed, and does not show it.
func (t *terminal) reads(ctx context.Context, line string) (string, error) {
	return t.run(ctx, line)
}

// failsAt runs a command line that must be refused, and shows it.
func (t *terminal) failsAt(ctx context.Context, line string) (string, error) {
	out, err := t.run(ctx, line)
	t.story.show(line, out)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return out, fmt.Errorf("%q should have been refused", line)
	case errors.As(err, &exit) && ctx.Err() == nil:
		return out, nil
	}
	return out, err
}

// run returns what a command printed on both its outputs.
func (t *terminal) run(ctx context.Context, line string) (string, error) {
	var printed bytes.Buffer
	cmd := t.command(ctx, words(line)...)
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Run(); err != nil {
		return printed.String(), fmt.Errorf("%s: %w: %s", line, errors.Join(err, ctx.Err()), strings.TrimSpace(printed.String()))
	}
	return printed.String(), nil
}

// words splits a command line as a shell would, as far as it is needed here:
// at spaces, except between single quotes.
func words(line string) []string {
	var list []string
	var word strings.Builder
	begun, quoted := false, false
	for _, r := range line + " " {
		switch {
		case r == '\'':
			begun, quoted = true, !quoted
		case r == ' ' && !quoted:
			if begun {
				list = append(list, word.String())
			}
			word.Reset()
			begun = false
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	return list
}

// expect fails unless text contains all that is wanted.
func expect(what, text string, wanted ...string) error {
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			return fmt.Errorf("%s should have said %q, and said:\n%s", what, want, text)
		}
	}
	return nil
}
