package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/console/drawing"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/explain"
)

// MaxFile is the size of an exported page.
const MaxFile = 5 << 20

// Export writes the page as one file that needs no server, with the data that an
// address in it shows: #/table?ns=shop.
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
	c := &collector{handler: h, ctx: ctx, filter: url.Values{}, answers: map[string]any{}, shown: map[[3]string]bool{}}
	for _, key := range append(view.FilterKeys, "whatif") {
		if value := values.Get(key); value != "" {
			c.filter.Set(key, value)
		}
	}
	c.collect()
	if c.err != nil {
		return c.err
	}
	var shown any
	if h.trial != nil && h.trial.name == c.filter.Get("whatif") {
		shown = h.trial.answer
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

// collector asks what the page would ask.
type collector struct {
	handler *Handler
	ctx     context.Context
	filter  url.Values
	answers map[string]any
	// shown are the routes that pass the filter, by kind, namespace and name.
	shown map[[3]string]bool
	size  int
	err   error
}

func (c *collector) tooLarge(size int) error {
	return fmt.Errorf("the page would have more than %d MiB, and at most %d go into one file: show less, with -n NAMESPACE or --open '#/map?ns=NAMESPACE'",
		size>>20, MaxFile>>20)
}

// ask asks one question and keeps the answer; filtered says whether the filter
// goes along.
func (c *collector) ask(name string, filtered bool, parameters ...string) any {
	if c.err != nil {
		return nil
	}
	query := url.Values{}
	if name := c.filter.Get("whatif"); name != "" {
		query.Set("whatif", name)
	}
	if filtered {
		for key, list := range c.filter {
			query[key] = list
		}
	}
	for i := 0; i+1 < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	r, err := http.NewRequestWithContext(c.ctx, http.MethodGet, "/api/v1/"+name+"?"+query.Encode(), http.NoBody)
	if err != nil {
		c.err = err
		return nil
	}
	answer, err := c.handler.answers[name](r)
	if err != nil {
		if name != "object" { // what may not be read is not in the file
			c.err = err
		}
		return nil
	}
	body, err := view.Encode(answer)
	if c.size += len(body); err != nil || c.size > MaxFile {
		c.err = c.tooLarge(c.size)
	}
	c.answers[keyOf(name, query)] = answer
	return answer
}

// keyOf is how the page finds an answer: the name and the parameters, sorted, as
// they are.
func keyOf(name string, query url.Values) string {
	var parts []string
	for _, key := range view.SortedKeys(query) {
		parts = append(parts, key+"="+query.Get(key))
	}
	return name + "?" + strings.Join(parts, "&")
}

func (c *collector) collect() {
	c.ask("summary", false)
	c.ask("map", true)
	policies := map[string]bool{}
	for offset := 0; c.err == nil; {
		parameters := []string{"limit", strconv.Itoa(TableSize)}
		if offset > 0 {
			parameters = append(parameters, "offset", strconv.Itoa(offset))
		}
		page, _ := c.ask("routes", true, parameters...).(view.Rows)
		for i := range page.Rows {
			of := page.Rows[i].Target
			c.shown[[3]string{of.Kind, of.Namespace, of.Name}] = true
			c.target(page.Rows[i].ID)
			for _, scope := range page.Rows[i].Scopes {
				for _, value := range scope.Values {
					policies[view.IDOfObject(value.From)] = true
				}
			}
		}
		if offset = page.Next; offset == 0 {
			break
		}
	}
	c.branch("")
	for _, id := range view.SortedKeys(policies) {
		if ref, err := c.handler.now().Named(id); err == nil {
			if _, isPolicy := c.handler.now().Snapshot.Policy(ref); isPolicy {
				c.ask("reverse", false, "policy", id)
				c.ask("describe", false, "target", id)
				c.ask("object", false, "target", id)
			}
		}
	}
	c.ask("policies", false, "limit", strconv.Itoa(view.PageSize))
	c.ask("guardrails", false)
	c.leaveOut()
}

// leaveOut takes the routes that do not pass the filter from what Gateways say of theirs:
// the file is for others, who were to see what passes.
func (c *collector) leaveOut() {
	if len(c.filter) == 0 {
		return
	}
	for key, answer := range c.answers {
		all, ok := answer.(explain.Bindings)
		if !ok {
			continue
		}
		kept := []explain.Binding{}
		for i := range all.Routes {
			if b := all.Routes[i]; c.shown[[3]string{b.Kind, b.Namespace, b.Name}] {
				kept = append(kept, b)
			}
		}
		all.Routes = kept
		c.answers[key] = all
	}
}

// target asks what the panel of a route shows.
func (c *collector) target(id string) {
	for _, name := range []string{"effective", "bindings", "describe", "enforcement", "object"} {
		c.ask(name, false, "target", id)
	}
}

// branch asks for the tree below a node.
func (c *collector) branch(parent string) {
	parameters := []string{"parent", parent}
	if parent == "" {
		parameters = nil
	}
	answer, _ := c.ask("tree", true, parameters...).(view.Children)
	for i := range answer.Children {
		n := &answer.Children[i]
		if c.err != nil {
			return
		}
		if n.Children > 0 {
			c.branch(n.ID)
		}
		if n.Level == drawing.ColumnNames[drawing.GatewayColumn] {
			c.target(n.ID)
		}
	}
}

// file puts the page together. Nothing in it is loaded from elsewhere, and a
// policy of its own lets no other script run.
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

// hashOf names a script or a style in a content security policy.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
