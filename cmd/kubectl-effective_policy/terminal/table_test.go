package terminal

import (
	"bytes"
	"testing"
)

func TestATableIsPaintedAndNobodySteersTheTerminal(t *testing.T) {
	var out bytes.Buffer
	p := &Pen{To: &out, Colours: true}
	tab := &Table{}
	tab.Add(Cell{Text: "value", Style: Green}, Cell{Text: "evil\x1b[2Jname"}, Cell{Text: "end", Style: Faint})
	tab.Add(Cell{Text: "a"}, Cell{Text: "b"}, Cell{Text: "c"})
	p.Print(tab)
	want := string(Green) + "value" + resetStyle + "  evil\\u{001b}[2Jname  " + string(Faint) + "end" + resetStyle + "\na      b                    c\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}
