package command

import "strings"

// screen is the width that text for people fits: that of a terminal as it opens.
// -o wide is for one of wideScreen, where it is no table.
const (
	screen     = 80
	wideScreen = 100
)

// rows are lines of two columns that fit a screen. A first cell that is wider than
// its column has the second one below it, and a second cell that does not fit goes
// on below itself.
type rows struct {
	indent string
	// wide says that there is no limit.
	wide  bool
	lines [][2]cell
}

func (r *rows) add(first, second cell) { r.lines = append(r.lines, [2]cell{first, second}) }

// gap is between the two columns.
const gap = 2

// column is where the second cells begin: behind the first cell with which
// everything takes the fewest lines, and of equally many behind the widest.
func (r *rows) column() int {
	best, fewest := gap, -1
	for _, line := range r.lines {
		at := width(line[0].text) + gap
		if line[1].text == "" || !r.wide && at > screen*3/5 {
			continue
		}
		if n := r.height(at); fewest < 0 || n < fewest || n == fewest && at > best {
			best, fewest = at, n
		}
	}
	return best
}

// height is how many lines the rows take with the second column at a place.
func (r *rows) height(column int) int {
	n := 0
	for _, line := range r.lines {
		n += len(r.second(line, column))
		if line[1].text != "" && width(line[0].text)+gap > column {
			n++
		}
	}
	return n
}

// second are the lines of a second cell.
func (r *rows) second(line [2]cell, column int) []string {
	columns := screen
	if r.wide {
		columns = wideScreen
	}
	return wrap(line[1].text, columns-len(r.indent)-column)
}

func (r *rows) print(p *pen) {
	column := r.column()
	for _, line := range r.lines {
		first, w := line[0], width(line[0].text)
		if line[1].text == "" || w+gap > column {
			p.line("%s", r.indent+p.paint(first.style, first.text))
			first, w = cell{}, 0
		}
		if line[1].text == "" {
			continue
		}
		for _, text := range r.second(line, column) {
			p.line("%s", r.indent+p.paint(first.style, first.text)+strings.Repeat(" ", column-w)+p.paint(line[1].style, text))
			first, w = cell{}, 0
		}
	}
}

// unbreakable is a space that no line ends at.
const unbreakable = "\u00a0"

// glued are texts that stay on one line each: a kind and its name.
func glued(texts []string) string {
	whole := make([]string, len(texts))
	for i, text := range texts {
		whole[i] = strings.ReplaceAll(text, " ", unbreakable)
	}
	return strings.Join(whole, ", ")
}

// wrap cuts a text into lines of a width, between words. A word that is wider is
// left whole: names are to be copied.
func wrap(text string, limit int) []string {
	var lines []string
	line := ""
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }) {
		word = strings.ReplaceAll(word, unbreakable, " ")
		switch {
		case line == "":
			line = word
		case width(line)+1+width(word) <= limit:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

// wrapped prints a sentence in lines that fit a screen.
func (p *pen) wrapped(indent string, c cell) {
	for i, text := range wrap(c.text, screen-len(indent)-2) {
		if i > 0 {
			text = "  " + text
		}
		p.line("%s", indent+p.paint(c.style, text))
	}
}
