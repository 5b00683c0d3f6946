package finding

import (
	"fmt"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
)

// Totals sum up a report (M67).
type Totals struct {
	Ingresses    int `json:"ingresses"`
	Annotations  int `json:"annotations"`
	Converted    int `json:"converted"`
	Approximated int `json:"approximated"`
	Lost         int `json:"lost"`
	Exposes      int `json:"exposes"`
	Breaks       int `json:"breaks"`
	NoEffect     int `json:"noEffect"`
	Unknown      int `json:"unknown"`
	Foreign      int `json:"foreign"`
	Held         int `json:"held"`
}

// TotalsOf counts the findings of annotations.
func TotalsOf(findings []Finding, ingresses, held int) Totals {
	t := Totals{Ingresses: ingresses, Held: held}
	for i := range findings {
		f := &findings[i]
		if f.Annotation == "" {
			continue
		}
		t.Annotations++
		switch f.Status {
		case Converted:
			t.Converted++
		case Approximated:
			t.Approximated++
		case NoEffect:
			t.NoEffect++
		case Unknown:
			t.Unknown++
		case Foreign:
			t.Foreign++
		case Lost:
			t.Lost++
			switch f.Effect {
			case Exposes:
				t.Exposes++
			case Breaks:
				t.Breaks++
			case Differs, None:
			}
		}
	}
	return t
}

// String is the last line of a report.
func (t Totals) String() string {
	text := fmt.Sprintf("%s, %s: %d converted, %d approximated, %d lost", prose.Count(t.Ingresses, "Ingress"),
		prose.Count(t.Annotations, "annotation"), t.Converted, t.Approximated, t.Lost)
	var worse []string
	if t.Exposes > 0 {
		worse = append(worse, verb(t.Exposes, "exposes", "expose"))
	}
	if t.Breaks > 0 {
		worse = append(worse, verb(t.Breaks, "breaks", "break"))
	}
	if len(worse) > 0 {
		text += " (" + strings.Join(worse, ", ") + ")"
	}
	text += fmt.Sprintf(", %d no effect, %d unknown", t.NoEffect, t.Unknown)
	if t.Foreign > 0 {
		text += fmt.Sprintf(", %d foreign", t.Foreign)
	}
	if t.Held == 0 {
		return text + "; nothing held"
	}
	return text + "; " + prose.Count(t.Held, "rule") + " held"
}

func verb(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
