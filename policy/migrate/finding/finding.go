package finding

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Status says how an annotation, a key or a path was converted (section 6).
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

// Became is one field or object that was written.
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
	// Held says that rules are held back because of it, Accepted that they are not
	// because the user accepted the loss.
	Held     bool `json:"held,omitempty"`
	Accepted bool `json:"accepted,omitempty"`
}

// Name is what --accept calls the finding: the annotation without its prefix, the
// key, or the status.
func (f *Finding) Name() string {
	return cmp.Or(ShortName(f.Annotation), f.Key, f.Implicit, string(f.Status))
}

// ShortName is an annotation without its prefix.
func ShortName(annotation string) string {
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

// Seal gives the finding its identity: status, Ingress, annotation and the objects
// concerned (M65).
func (f *Finding) Seal() {
	parts := []string{string(f.Status), f.Ingress, cmp.Or(f.Annotation, f.Key, f.Implicit), f.Host}
	for _, b := range f.Became {
		parts = append(parts, b.Kind+"/"+b.Namespace+"/"+b.Name)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	f.ID = hex.EncodeToString(sum[:])[:12]
}

// Sort orders findings by their place in the input.
func Sort(list []Finding) {
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
