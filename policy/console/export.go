package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/console/drawing"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/explain"
)

// MaxFile is the maximum size of an exported page.
const MaxFile = 5 << 20

// Export writes the page as one file that needs no server, with the data that are shown for an
// address within the page, such as #/table?ns=shop.
func (h *Handler) Export(ctx context.Context, to io.Writer, place string) error {
	if place == "" {
		place = "#/map"
		if ns := h.now().Namespace; ns != "" {
			place += "?ns=" + url.QueryEscape(ns)
		}
	}
	_, query, _ := strings.Cut(place, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("%s is not an address in the page: %w", place, err)
	}
	c := &collector{handler: h, ctx: ctx, filter: url.Values{}, whatif: values.Get("whatif"), answers: map[string]any{}, policies: map[string]bool{}}
	for _, key := range view.FilterKeys {
		if value := values.Get(key); value != "" {
			c.filter.Set(key, value)
		}
	}
	if c.ask = h.answersFrom(c.part()); c.err == nil {
		c.collect()
	}
	if c.err != nil {
		return c.err
	}
	var shown any
	if h.trial != nil && h.trial.name == c.whatif {
		shown = h.trial.within(c.parts[c.whatif])
	}
	data, err := view.Encode(map[string]any{"place": place, "answers": c.answers, "trial": shown})
	if err != nil {
		return err
	}
	file, err := h.file(data)
	if err != nil {
		return err
	}
	if len(file) > MaxFile {
		return c.tooLarge(len(file))
	}
	_, err = to.Write(file)
	return err
}

// collector sends the requests that the page would send.
type collector struct {
	handler *Handler
	ctx     context.Context
	filter  url.Values
	// whatif is the edit that is currently shown, if any; parts are the views without and with it.
	whatif  string
	parts   map[string]*view.View
	ask     map[string]func(*http.Request) (any, error)
	answers map[string]any
	// policies are the policies named by what is shown.
	policies map[string]bool
	size     int
	err      error
}

// part returns the views for a file: only what passes the filter, because the file is for others,
// who may see nothing else.
func (c *collector) part() seeing {
	c.parts = map[string]*view.View{}
	for _, whatif := range slices.Compact([]string{c.whatif, ""}) {
		r, err := http.NewRequestWithContext(c.ctx, http.MethodGet, "/?"+url.Values{"whatif": {whatif}}.Encode(), http.NoBody)
		if err == nil {
			var whole *view.View
			if whole, err = c.handler.seen(r); err == nil {
				c.parts[whatif], err = whole.Part(c.ctx, view.Parameters{Values: c.filter}, c.parts[c.whatif])
			}
		}
		if err != nil {
			c.err = err
		}
	}
	return func(r *http.Request) (*view.View, error) { return c.parts[r.URL.Query().Get("whatif")], nil }
}

func (c *collector) tooLarge(size int) error {
	return fmt.Errorf("the page would have more than %d MiB, and at most %d go into one file: show less, with -n NAMESPACE or --open '#/map?ns=NAMESPACE'",
		size>>20, MaxFile>>20)
}

// keep sends one request and keeps the answer; filtered reports whether to add the filter and the
// edit of the address.
func (c *collector) keep(name string, filtered bool, parameters ...string) any {
	query := url.Values{}
	if filtered {
		query = maps.Clone(c.filter)
	}
	if c.whatif != "" {
		query.Set("whatif", c.whatif)
	}
	return c.keepFor(name, query, parameters...)
}

// keepFor sends one request with a query.
func (c *collector) keepFor(name string, query url.Values, parameters ...string) any {
	if c.err != nil {
		return nil
	}
	for i := 0; i+1 < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	r, err := http.NewRequestWithContext(c.ctx, http.MethodGet, "/api/v1/"+name+"?"+query.Encode(), http.NoBody)
	if err != nil {
		c.err = err
		return nil
	}
	answer, err := c.ask[name](r)
	var refused *view.Refused
	switch {
	case errors.As(err, &refused) && refused.Reason != view.Malformed:
		return nil // the file omits what may not be read, or not be given to others
	case err != nil:
		c.err = err
		return nil
	}
	body, err := view.Encode(answer)
	if c.size += len(body); err != nil || c.size > MaxFile {
		c.err = c.tooLarge(c.size)
	}
	c.answers[keyOf(name, query)] = answer
	return answer
}

// keyOf returns the key by which the page finds an answer: the name and the sorted parameters,
// unescaped.
func keyOf(name string, query url.Values) string {
	var parts []string
	for _, key := range view.SortedKeys(query) {
		parts = append(parts, key+"="+query.Get(key))
	}
	return name + "?" + strings.Join(parts, "&")
}

func (c *collector) collect() {
	c.keepFor("summary", url.Values{}) // whatever is tried
	c.keep("map", true)
	for offset := 0; c.err == nil; {
		parameters := []string{"limit", strconv.Itoa(TableSize)}
		if offset > 0 {
			parameters = append(parameters, "offset", strconv.Itoa(offset))
		}
		page, _ := c.keep("routes", true, parameters...).(view.Rows)
		for i := range page.Rows {
			c.target(page.Rows[i].ID)
		}
		if offset = page.Next; offset == 0 {
			break
		}
	}
	c.branch("")
	for _, id := range view.SortedKeys(c.policies) {
		for _, v := range c.parts {
			if ref, err := v.Named(id); err == nil {
				c.policy(v, ref, id)
			}
		}
	}
	if len(c.filter) == 0 { // no filter says which of them are somebody's
		c.keepFor("guardrails", url.Values{})
	}
}

// policy requests what the panel of a policy shows.
func (c *collector) policy(v *view.View, ref hierarchy.Ref, id string) {
	if _, isPolicy := v.Snapshot.Policy(ref); isPolicy {
		c.keep("reverse", false, "policy", id)
		c.keep("describe", false, "target", id)
		c.object(id)
	}
}

// target requests what the panel of a route or a Gateway shows, and records the policies that it
// names.
func (c *collector) target(id string) {
	for _, name := range []string{"bindings", "describe", "enforcement"} {
		c.keep(name, false, "target", id)
	}
	c.object(id)
	e, _ := c.keep("effective", false, "target", id).(*explain.Explanation)
	if e == nil {
		return
	}
	for i := range e.Scopes {
		for j := range e.Scopes[i].Fields {
			f := &e.Scopes[i].Fields[j]
			for _, by := range []*explain.Object{f.FromRef, f.ClampedByRef} {
				if by != nil {
					c.policies[view.IDOfObject(*by)] = true
				}
			}
			for _, b := range f.Beat {
				c.policies[view.IDOfObject(b.FromRef)] = true
			}
		}
	}
}

// object requests an object; like the page, without the edit.
func (c *collector) object(id string) { c.keepFor("object", url.Values{}, "target", id) }

// branch requests the tree below a node.
func (c *collector) branch(parent string) {
	for offset := 0; c.err == nil; {
		var parameters []string
		if parent != "" {
			parameters = append(parameters, "parent", parent)
		}
		if offset > 0 {
			parameters = append(parameters, "offset", strconv.Itoa(offset))
		}
		answer, _ := c.keep("tree", true, parameters...).(view.Children)
		for i := range answer.Children {
			n := &answer.Children[i]
			if n.Children > 0 {
				c.branch(n.ID)
			}
			if n.Level == drawing.ColumnNames[drawing.GatewayColumn] {
				c.target(n.ID)
			}
		}
		if offset = answer.Next; offset == 0 {
			return
		}
	}
}

// file assembles the page. It loads nothing from elsewhere, and its own Content-Security-Policy
// allows no other script.
func (h *Handler) file(data []byte) ([]byte, error) {
	var parts [3]string
	for i, name := range []string{"index.html", "page.js", "page.css"} {
		text, err := fs.ReadFile(h.options.Page, name)
		if err != nil {
			return nil, err
		}
		parts[i] = string(text)
	}
	_, body, _ := strings.Cut(parts[0], "<body>")
	body = "<body>" + body
	policy := "default-src 'none'; script-src " + hashOf(parts[1]) + "; style-src " + hashOf(parts[2]) +
		"; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
	safe := bytes.ReplaceAll(data, []byte("<"), []byte(`\u003c`))
	var out bytes.Buffer
	fmt.Fprintf(&out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Effective policies</title>\n<style>%s</style>\n</head>\n",
		html.EscapeString(policy), parts[2])
	end := "<script type=\"application/json\" id=\"data\">" + string(safe) + "</script>\n<script>" + parts[1] + "</script>\n</body>"
	body = strings.Replace(body, "</body>", "\x00", 1)
	before, after, _ := strings.Cut(body, "\x00")
	out.WriteString(before + end + after)
	return out.Bytes(), nil
}

// hashOf returns the hash of a script or a style for a Content-Security-Policy.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
