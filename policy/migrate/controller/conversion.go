package controller

import (
	"strconv"
	"strings"
	"time"

	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// Conversion is what becomes of one stated annotation in a policy, for the controllers
// whose routing is that of the Ingress API (section 7.1).
type Conversion struct {
	kind   string
	fields map[string]any
	// several are fields of more than one kind.
	several statement.Wants
	Status  finding.Status
	Effect  finding.Effect
	// Text says what differs, or why nothing is written.
	Text string
	// holds says that losing it holds the rules back although nothing is exposed:
	// requests would be sent to where they were not (M40).
	holds bool
}

// IsHeld says whether rules are held back for what is lost (M40).
func (c *Conversion) IsHeld() bool {
	return c.Status == finding.Lost && (c.Effect == finding.Exposes || c.holds)
}

// saying is a conversion that needs no policy.
func saying(text string) *Conversion { return &Conversion{Status: finding.Converted, Text: text} }

// holding says that rules are held back for the loss.
func (c *Conversion) holding() *Conversion {
	c.holds = true
	return c
}

func stating(kind, field string, value any) *Conversion {
	return &Conversion{kind: kind, fields: map[string]any{field: value}, Status: finding.Converted}
}

// differing adds how the policy differs from what the controller does.
func (c *Conversion) differing(text string) *Conversion {
	c.Status, c.Effect, c.Text = finding.Approximated, finding.Differs, text
	return c
}

func notWritten(effect finding.Effect, text string) *Conversion {
	return &Conversion{Status: finding.Lost, Effect: effect, Text: text}
}

func withoutEffect(text string) *Conversion {
	return &Conversion{Status: finding.NoEffect, Effect: finding.None, Text: text}
}

// ByKind are the fields of a conversion by kind.
func (c *Conversion) ByKind() statement.Wants {
	if c.several != nil {
		return c.several
	}
	if len(c.fields) == 0 {
		return nil
	}
	return statement.Wants{c.kind: c.fields}
}

// limitOf is a limit as a policy states it: the unnamed one for a second, a named one
// for any other time.
func limitOf(name string, requests, burst int64, per, key string) map[string]any {
	limit := map[string]any{"burst": burst, "key": key, "counter": "Route"}
	if per == "1s" {
		limit["requestsPerSecond"] = requests
		return limit
	}
	limit["requests"], limit["per"] = requests, per
	return map[string]any{"limits": map[string]any{name: limit}}
}

func limited(fields map[string]any) *Conversion {
	return &Conversion{kind: statement.RateLimitPolicy, fields: fields, Status: finding.Converted}
}

// timeText reads a time as HAProxy writes it: a number with a unit, or a number of
// milliseconds. It is empty when the text is not a time.
func timeText(text string) string {
	units := map[string]time.Duration{"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
	digits := strings.TrimRight(text, "usmhd")
	n, err := strconv.ParseInt(digits, 10, 32)
	unit, ok := units[strings.TrimPrefix(text, digits)]
	if text == digits {
		unit, ok = time.Millisecond, true
	}
	if err != nil || !ok || n <= 0 {
		return ""
	}
	return statement.Duration(time.Duration(n) * unit)
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
