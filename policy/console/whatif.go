package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/preview"
)

// trial is the edit that is currently shown. It is not applied.
type trial struct {
	name   string
	view   *view.View
	answer *tried
}

// tried is the effect of an edit.
type tried struct {
	// Name selects the edit in requests: ?whatif=NAME.
	Name string `json:"name"`
	// Diff is the output of "diff -o json". If there are too many changes, it contains the first
	// ones, and Left counts the others. Groups contain all of them, grouped.
	Diff   explain.Changes `json:"diff"`
	Left   int             `json:"left"`
	Groups []explain.Group `json:"groups"`
	// Check is the output of "check -o json".
	Check    *preview.Report `json:"check"`
	Warnings []string        `json:"warnings"`
}

// manifests returns the manifests in the body: {NAME: TEXT}, [{name, text}], [TEXT] or one TEXT.
func manifests(body json.RawMessage) (string, error) {
	var one string
	if json.Unmarshal(body, &one) == nil {
		return one, nil
	}
	var texts []string
	var objects []struct{ Name, Text string }
	named := map[string]string{}
	switch {
	case json.Unmarshal(body, &texts) == nil:
	case json.Unmarshal(body, &objects) == nil:
		texts = nil // what came of reading it as texts
		for _, o := range objects {
			texts = append(texts, o.Text)
		}
	case json.Unmarshal(body, &named) == nil:
		texts = nil
		for _, name := range view.SortedKeys(named) {
			texts = append(texts, named[name])
		}
	default:
		return "", view.BadRequest(`files must be a text, a list of texts, or {"name": "text"}`)
	}
	texts = slices.DeleteFunc(texts, func(text string) bool { return strings.TrimSpace(text) == "" })
	return strings.Join(texts, "\n---\n"), nil
}

// readEdit reads the body of a request.
func readEdit(w http.ResponseWriter, r *http.Request) (Edit, error) {
	var body struct {
		Files  json.RawMessage `json:"files"`
		Delete bool            `json:"delete"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxEdit)).Decode(&body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return Edit{}, &failure{http.StatusRequestEntityTooLarge, "an edit has at most " + strconv.Itoa(MaxEdit>>20) + " MiB"}
	case err != nil:
		return Edit{}, view.BadRequest("the body is not {\"files\": …, \"delete\": false}: " + err.Error())
	}
	text, err := manifests(body.Files)
	if err == nil && strings.TrimSpace(text) == "" {
		err = view.BadRequest("there is nothing to try: write a manifest")
	}
	return Edit{Text: text, Delete: body.Delete}, err
}

// whatif answers POST /api/v1/whatif: one edit at a time.
func (h *Handler) whatif(w http.ResponseWriter, r *http.Request) {
	select {
	case h.busy <- struct{}{}:
		defer func() { <-h.busy }()
	default:
		refuse(w, http.StatusTooManyRequests, "another edit is being computed: wait a moment")
		return
	}
	edit, err := readEdit(w, r)
	if err != nil {
		fail(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), EditTime)
	defer cancel()
	answer, err := h.try(ctx, edit)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		refuse(w, http.StatusGatewayTimeout, "the edit takes longer than "+EditTime.String()+": try fewer objects at once")
	case err != nil:
		fail(w, err)
	default:
		writeJSON(w, r, answer)
	}
}

// Try computes an edit before the page is opened, and returns its name.
func (h *Handler) Try(ctx context.Context, edit Edit) (name string, err error) {
	answer, err := h.try(ctx, edit)
	if err != nil {
		return "", err
	}
	return answer.Name, nil
}

// try computes an edit and keeps the resulting world.
func (h *Handler) try(ctx context.Context, edit Edit) (*tried, error) {
	before := h.now()
	change, warnings, err := h.options.Workshop.Change(ctx, before.World, edit)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, view.BadRequest(err.Error())
	}
	change.Now, change.Resolver = h.options.Now(), before.Resolver
	report, verdict, err := change.Judge(ctx, h.options.Compilers, nil)
	if err != nil {
		return nil, err
	}
	diff := explain.ChangesOf(verdict.Before, verdict.After, verdict.Changes(), labels.Everything())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trials++
	name := "try-" + strconv.Itoa(h.trials)
	world := *before.World
	world.Snapshot, world.Version, world.Live = verdict.After, before.Version+"+"+name, false
	after := before.After(&world, change, verdict, diff.Changes)
	h.trial = &trial{name, after, answerTo(name, diff, report, warnings)}
	return h.trial.answer, nil
}

// answerTo truncates the result to the maximum size, and counts what it omits.
func answerTo(name string, diff explain.Changes, report *preview.Report, warnings []string) *tried {
	answer := &tried{Name: name, Diff: diff, Groups: diff.Groups(), Check: report, Warnings: warnings}
	if answer.Warnings == nil {
		answer.Warnings = []string{}
	}
	all := len(diff.Changes)
	answer.Diff.Changes = view.Fit(diff.Changes, view.MaxAnswer/3)
	answer.Left = all - len(answer.Diff.Changes)
	answer.Groups = view.Fit(answer.Groups, view.MaxAnswer/4)
	some := *report
	some.Findings = view.Fit(report.Findings, view.MaxAnswer/8)
	some.Warnings = view.Fit(report.Warnings, view.MaxAnswer/8)
	answer.Check = &some
	if diff.Unbound != nil {
		answer.Diff.Unbound = view.Fit(diff.Unbound, view.MaxAnswer/16)
	}
	return answer
}

// within returns the effect of an edit on a part of the world. Findings and warnings outside of it
// are omitted and counted.
func (t *trial) within(part *view.View) *tried {
	if !part.Partial() {
		return t.answer
	}
	diff := explain.Changes{Changes: []explain.Change{}}
	namespaces := map[string]bool{}
	var last hierarchy.Ref
	for _, c := range t.answer.Diff.Changes {
		route := part.ByRef[c.Ref] != nil
		if !route && !part.HasNode(c.Ref) {
			continue
		}
		if diff.Totals.Fields++; c.Ref != last {
			if last = c.Ref; route {
				diff.Totals.Routes++
				namespaces[c.Ref.Namespace] = true
			} else {
				diff.Totals.Gateways++
			}
		}
		diff.Changes = append(diff.Changes, c)
	}
	diff.Totals.Namespaces = len(namespaces)
	report := *t.answer.Check
	report.Denial, report.Warnings, report.Changes = "", nil, diff.Totals
	report.Findings = slices.DeleteFunc(slices.Clone(report.Findings), func(f preview.Finding) bool {
		ref := f.Ref()
		return f.Path != "" || part.ByRef[ref] == nil && !part.HasPolicy(ref)
	})
	var warnings []string
	if left := len(t.answer.Check.Findings) - len(report.Findings) + len(t.answer.Warnings); left > 0 {
		warnings = append(warnings, "Findings and warnings that may be about what the filter of this file leaves out: "+strconv.Itoa(left)+", not shown")
	}
	return answerTo(t.name, diff, &report, warnings)
}

// trying answers GET /api/v1/whatif?whatif=NAME with the edit that is currently shown.
func (h *Handler) trying(r *http.Request) (any, error) {
	if _, err := h.seen(r); err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trial == nil {
		return nil, view.NotFound("no edit is looked at")
	}
	return h.trial.answer, nil
}

// endTrial answers DELETE /api/v1/whatif.
func (h *Handler) endTrial(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	h.trial = nil
	h.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}
