package controller

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/attache-dev/attache/policy/migrate/finding"
)

// Row is what is known of one annotation or one key of a ConfigMap (M41).
type Row struct {
	Name string `json:"name"`
	// Scope is what the value applies to: location, server, upstream or global.
	Scope string `json:"scope"`
	// Valid says which values the controller's parser takes.
	Valid Check `json:"valid"`
	// Bad says what happens with a value that the parser does not accept (M11).
	Bad Bad `json:"bad"`
	// Status and Effect say what becomes of it when it is stated; when it is converted, the
	// Effect is that of a value that could not be.
	Status finding.Status `json:"status"`
	Effect finding.Effect `json:"effect,omitempty"`
	// Becomes says in a few words what is written, or why nothing is.
	Becomes string `json:"becomes"`
	// Advice is what to do about a loss.
	Advice string `json:"advice,omitempty"`
	// Key is the ConfigMap's key for the same thing.
	Key string `json:"key,omitempty"`
	// Risk is Critical for what a controller refuses by default where a limit of
	// risk is set (M10).
	Risk string `json:"risk,omitempty"`
	// Holds says that losing it holds the rules of the Ingress back, although nothing
	// is exposed: paths would not be rewritten (M40).
	Holds bool `json:"holds,omitempty"`
	// Off are the values that do nothing, or the same as no annotation.
	Off []string `json:"off,omitempty"`
}

// IsOff says whether the annotation does nothing at a value.
func (r *Row) IsOff(value string) bool {
	value = strings.ReplaceAll(value, " ", "")
	return slices.ContainsFunc(r.Off, func(off string) bool { return strings.EqualFold(off, value) })
}

// Bad is what happens with a value that the parser does not accept.
type Bad string

// What bad values do (M11).
const (
	// BadDefault: the ConfigMap's value applies, silently.
	BadDefault Bad = "default"
	// BadRefuse: the whole Ingress is refused.
	BadRefuse Bad = "refuse"
	// BadDeny: its locations answer 503.
	BadDeny Bad = "deny"
)

// Check names a form of values.
type Check string

// The forms of values.
const (
	Any       Check = "any"
	Int       Check = "integer"
	Bool      Check = "boolean"
	OnOff     Check = "on or off"
	Size      Check = "size"
	CIDRs     Check = "addresses"
	Upstream  Check = "conditions"
	PathGroup Check = "path with groups"
	URL       Check = "URL"
	URLVar    Check = "URL with variables"
	Basic     Check = "plain characters"
	Spaced    Check = "plain characters and spaces"
	Names     Check = "server names"
	Headers   Check = "header names"
	Header    Check = "header name"
	Variable  Check = "variables"
	Codes     Check = "status codes"
	Service   Check = "Service name"
	Protocol  Check = "HTTP, HTTPS, AUTO_HTTP, GRPC, GRPCS or FCGI"
	Version   Check = "1.0 or 1.1"
	Balance   Check = "round_robin or ewma"
	Cookie    Check = "cookie"
	AuthType  Check = "basic or digest"
	Satisfy   Check = "any or all"
	Duration  Check = "duration"
	Path      Check = "absolute path"

	HAProxyTime Check = "time"
)

// patternOf are the forms that are one regular expression.
func patternOf(c Check) string {
	switch c {
	case Size:
		return `(?i)^\d+[bkmg]?$`
	case Upstream:
		return `^((error|timeout|invalid_header|http_500|http_502|http_503|http_504|http_403|http_404|http_429|non_idempotent|off)\s?)+$`
	case PathGroup:
		return `^/?[-._~a-zA-Z0-9/:$]*$`
	case URL:
		return `^[-._~a-zA-Z0-9/:?&=]*$`
	case URLVar:
		return `^[-._~a-zA-Z0-9/:?&=$]*$`
	case Basic:
		return `^[-._~a-zA-Z0-9/:]*$`
	case Spaced:
		return `^[-._~a-zA-Z0-9/: ]*$`
	case Names:
		return `^[-._~a-zA-Z0-9/:, ^$\[\](){}*+?|&=\\]*$`
	case Headers:
		return `^[A-Za-z0-9-_, ]*$`
	case Header:
		return `^[A-Za-z0-9-_]*$`
	case Variable:
		return `^[A-Za-z0-9_${}-]*$`
	case Codes:
		return `^[45]\d\d( *, *[45]\d\d)*$`
	case Service:
		return `^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`
	case Path:
		return `^/`
	case HAProxyTime:
		return `^\d+(us|ms|s|m|h|d)?$`
	}
	return ""
}

// optionsOf are the forms that are one of a few words.
func optionsOf(c Check) []string {
	switch c {
	case OnOff:
		return []string{"on", "off"}
	case Protocol:
		return []string{"HTTP", "HTTPS", "AUTO_HTTP", "GRPC", "GRPCS", "FCGI"}
	case Version:
		return []string{"1.0", "1.1"}
	case Balance:
		return []string{"round_robin", "ewma"}
	case Cookie:
		return []string{"cookie"}
	case AuthType:
		return []string{"basic", "digest"}
	case Satisfy:
		return []string{"any", "all"}
	}
	return nil
}

// Accepts says whether a value has the form. An empty value counts as none.
func (c Check) Accepts(value string) bool {
	switch c {
	case Any:
		return true
	case Int:
		_, err := strconv.Atoi(value)
		return err == nil
	case Bool:
		_, err := strconv.ParseBool(value)
		return err == nil
	case CIDRs:
		return areAddresses(value)
	case Duration:
		_, err := time.ParseDuration(value)
		return err == nil
	case URL, URLVar:
		if _, err := url.Parse(value); err != nil {
			return false
		}
	}
	if options := optionsOf(c); options != nil {
		value = strings.TrimSpace(value)
		if c == Protocol {
			value = strings.ToUpper(value)
		}
		return slices.Contains(options, value)
	}
	if c == Size || c == Basic || c == URL {
		value = strings.ReplaceAll(value, " ", "")
	}
	return regexp.MustCompile(patternOf(c)).MatchString(value)
}

func areAddresses(value string) bool {
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if _, err := netip.ParseAddr(part); err == nil {
			continue
		}
		if _, err := netip.ParsePrefix(part); err != nil {
			return false
		}
	}
	return value != ""
}

// RowOf is the row of a name. A row whose name ends in "*" is for all that begin with it.
func RowOf(rows map[string]*Row, name string) *Row {
	if row := rows[name]; row != nil {
		return row
	}
	for i := len(name); i > 0; i-- {
		if row := rows[name[:i]+"*"]; row != nil {
			return row
		}
	}
	return nil
}
