package terminal

import "strings"

// screen is the width that text for people fits: that of a terminal as it opens.
// -o wide is for one of wideScreen, where it is not a table.
const (
	Screen     = 80
	WideScreen = 100
)

// Rows are lines of two columns that fit a screen. A first cell that is wider than
// its column has the second one below it, and a second cell that does not fit goes
// on below itself.
type Rows struct {
	Indent string
	// Wide means that there is no limit.
	Wide  bool
	Lines [][2]Cell
}

// Add adds a line.
func (r *Rows) Add(first, second Cell) { r.Lines = append(r.Lines, [2]Cell{first, second}) }

// gap is between the two columns.
const gap = 2

// column is where the second cells begin: behind the first cell with which
// everything takes the fewest lines, and of equally many behind the widest.
func (r *Rows) column() int {
	best, fewest := gap, -1
	for _, line := range r.Lines {
		at := Width(line[0].Text) + gap
		if line[1].Text == "" || !r.Wide && at > Screen*3/5 {
			continue
		}
		if n := r.height(at); fewest < 0 || n < fewest || n == fewest && at > best {
			best, fewest = at, n
		}
	}
	return best
}

// height is how many lines the rows take with the second column at a place.
func (r *Rows) height(column int) int {
	n := 0
	for _, line := range r.Lines {
		n += len(r.second(line, column))
		if line[1].Text != "" && Width(line[0].Text)+gap > column {
			n++
		}
	}
	return n
}

// second are the lines of a second cell.
func (r *Rows) second(line [2]Cell, column int) []string {
	columns := Screen
	if r.Wide {
		columns = WideScreen
	}
	return Wrap(line[1].Text, columns-len(r.Indent)-column)
}

// Print writes the rows.
func (r *Rows) Print(p *Pen) {
	column := r.column()
	for _, line := range r.Lines {
		first, w := line[0], Width(line[0].Text)
		if line[1].Text == "" || w+gap > column {
			p.Line("%s", r.Indent+p.Paint(first.Style, first.Text))
			first, w = Cell{}, 0
		}
		if line[1].Text == "" {
			continue
		}
		for _, text := range r.second(line, column) {
			p.Line("%s", r.Indent+p.Paint(first.Style, first.Text)+strings.Repeat(" ", column-w)+p.Paint(line[1].Style, text))
			first, w = Cell{}, 0
		}
	}
}

// Unbreakable is a space that no line ends at.
const Unbreakable = "\u00a0"

// Glued joins texts that stay on one line each: a kind and its name.
func Glued(texts []string) string {
	whole := make([]string, len(texts))
	for i, text := range texts {
		whole[i] = strings.ReplaceAll(text, " ", Unbreakable)
	}
	return strings.Join(whole, ", ")
}

// Wrap breaks a text into lines of a width, between words. A longer word is not broken, so that
// names can be copied.
func Wrap(text string, limit int) []string {
	var lines []string
	line := ""
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }) {
		word = strings.ReplaceAll(word, Unbreakable, " ")
		switch {
		case line == "":
			line = word
		case Width(line)+1+Width(word) <= limit:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

// Wrapped prints a sentence in lines that fit a screen.
func (p *Pen) Wrapped(indent string, c Cell) {
	for i, text := range Wrap(c.Text, Screen-len(indent)-2) {
		if i > 0 {
			text = "  " + text
		}
		p.Line("%s", indent+p.Paint(c.Style, text))
	}
}

// Part prints rows under a heading, or nothing when there are none.
func (p *Pen) Part(heading string, t *Rows) {
	if len(t.Lines) == 0 {
		return
	}
	p.Line("")
	p.Line("%s", p.Paint(Cyan, heading))
	t.Indent = "  "
	t.Print(p)
}
