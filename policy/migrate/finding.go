package migrate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Status says what became of one thing that was stated (section 6).
type Status string

// The statuses of annotations, and those of other findings.
const (
	Converted    Status = "converted"
	Approximated Status = "approximated"
	Lost         Status = "lost"
	NoEffect     Status = "no-effect"
	Unknown      Status = "unknown"
	Foreign      Status = "foreign"

	NotServed      Status = "not-served"
	Shadowed       Status = "shadowed"
	Conflict       Status = "conflict"
	Unresolved     Status = "unresolved"
	Unbound        Status = "unbound"
	NoCertificate  Status = "no-certificate"
	HostIncomplete Status = "host-incomplete"
	Fallthrough    Status = "fallthrough"
	Order          Status = "order"
	CanarySpread   Status = "canary-spread"
	LeftOut        Status = "left-out"
	Implicit       Status = "implicit"
	Advice         Status = "advice"
)

// Effect says what a loss does to requests.
type Effect string

// The effects, from the worst.
const (
	Exposes Effect = "exposes"
	Breaks  Effect = "breaks"
	Differs Effect = "differs"
	None    Effect = "none"
)

// Became is one place of what was written.
type Became struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Field     string `json:"field,omitempty"`
}

// Finding is one sentence about one place of the input (M65).
type Finding struct {
	Status     Status   `json:"status"`
	Effect     Effect   `json:"effect,omitempty"`
	Controller string   `json:"controller"`
	Ingress    string   `json:"ingress,omitempty"`
	Annotation string   `json:"annotation,omitempty"`
	Key        string   `json:"key,omitempty"`
	Implicit   string   `json:"implicit,omitempty"`
	Value      string   `json:"value,omitempty"`
	File       string   `json:"file,omitempty"`
	Document   int      `json:"document,omitempty"`
	Line       int      `json:"line,omitempty"`
	Became     []Became `json:"became,omitempty"`
	Message    string   `json:"message"`
	Advice     string   `json:"advice,omitempty"`
	ID         string   `json:"id"`
	// Host is the host that the finding is about, where it is one.
	Host string `json:"host,omitempty"`
	// Held says that rules are held back for it, Accepted that they are not
	// because the user took it on.
	Held     bool `json:"held,omitempty"`
	Accepted bool `json:"accepted,omitempty"`
}

// Name is what --accept calls the finding: the annotation without its prefix, the
// key, or the status.
func (f *Finding) Name() string {
	return cmp.Or(shortName(f.Annotation), f.Key, f.Implicit, string(f.Status))
}

// shortName is an annotation without its prefix.
func shortName(annotation string) string {
	return annotation[strings.LastIndexByte(annotation, '/')+1:]
}

// Fails says whether the finding makes the command end with 1 (M68).
func (f *Finding) Fails(strict bool) bool {
	if f.Accepted {
		return false
	}
	switch f.Status {
	case Lost:
		return f.Held || f.Effect == Exposes || f.Effect == Breaks || strict && f.Effect == Differs
	case Unknown, NotServed, Unbound, Unresolved, Conflict:
		return true
	case Approximated:
		return f.Held || strict
	}
	return f.Held
}

// seal gives the finding its identity: status, Ingress, annotation and the objects
// concerned (M65).
func (f *Finding) seal() {
	parts := []string{string(f.Status), f.Ingress, cmp.Or(f.Annotation, f.Key, f.Implicit), f.Host}
	for _, b := range f.Became {
		parts = append(parts, b.Kind+"/"+b.Namespace+"/"+b.Name)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	f.ID = hex.EncodeToString(sum[:])[:12]
}

func sortFindings(list []Finding) {
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(boolRank(a.File == ""), boolRank(b.File == "")),
			cmp.Compare(a.File, b.File), cmp.Compare(a.Document, b.Document), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Ingress, b.Ingress), cmp.Compare(a.Annotation, b.Annotation),
			cmp.Compare(a.Key, b.Key), cmp.Compare(a.Implicit, b.Implicit), cmp.Compare(a.Status, b.Status),
			cmp.Compare(a.Host, b.Host), cmp.Compare(a.Message, b.Message),
		)
	})
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

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

// totalsOf counts the findings of annotations.
func totalsOf(findings []Finding, ingresses, held int) Totals {
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
	text := fmt.Sprintf("%s, %s: %d converted, %d approximated, %d lost", count(t.Ingresses, "Ingress", "Ingresses"),
		count(t.Annotations, "annotation", "annotations"), t.Converted, t.Approximated, t.Lost)
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
	return text + "; " + count(t.Held, "rule", "rules") + " held"
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func verb(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
