package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
)

// hook is one admission handler.
type hook struct {
	h      *Handlers
	name   string
	decide func(ctx context.Context, s *policy.Snapshot, req *request) (*answer, error)
}

// undecided is a review that cannot be decided here and now.
type undecided struct{ reason, message string }

func (u *undecided) Error() string { return u.message }

// The reasons of undecided reviews, as the metric shows them.
const (
	reasonIncomplete  = "incomplete"
	reasonStopped     = "stopped"
	reasonOverloaded  = "overloaded"
	reasonDeadline    = "deadline"
	reasonPanic       = "panic"
	reasonUnknownKind = "unknown_kind"
)

// ServeHTTP answers one call.
func (k *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	if k.h.phase.Load() != serving {
		w.Header().Set("Connection", "close")
	}
	req, a, err := k.serve(r)
	var body []byte
	if err == nil {
		body, err = a.review(req.UID)
	}
	if err != nil {
		k.h.metrics.answered(k.name, k.refuse(w, r, req, err), req, begin)
		return
	}
	decision := decisionAllowed
	if a.denial != nil {
		decision = decisionDenied
		k.h.options.Log.V(1).Info("refused", "webhook", k.name, "object", req.shown(), "operation", req.Operation, "user", req.UserInfo.Username, "message", a.denial.Message)
	}
	k.h.metrics.answered(k.name, decision, req, begin)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// serve reads the review and decides it. An error is malformed or undecided.
func (k *hook) serve(r *http.Request) (req *request, a *answer, err error) {
	defer k.recovered(&err)
	if k.h.phase.Load() == stopped {
		return nil, nil, &undecided{reasonStopped, "this replica of attache is shutting down"}
	}
	if !k.h.gate.arrive() {
		return nil, nil, &undecided{reasonOverloaded, "attache has more reviews waiting than it can answer in time"}
	}
	kept := false
	defer func() {
		if !kept {
			k.h.gate.depart()
		}
	}()
	body, err := readBody(r)
	if err != nil {
		return nil, nil, err
	}
	if req, err = parseReview(body); err != nil {
		return nil, nil, err
	}
	snapshot, complete := k.h.options.Snapshot()
	if !complete || snapshot == nil {
		return req, nil, &undecided{reasonIncomplete, "attache is starting and has not seen all objects yet"}
	}
	limit := k.h.budget(r.URL.Query().Get("timeout"))
	// The decision outlives the call: neither a client that hangs up nor a server
	// that stops turns it into something else.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), limit)
	if !k.h.gate.enter(ctx) {
		cancel()
		return req, nil, &undecided{reasonOverloaded, fmt.Sprintf("attache is busy: the review waited %s for its turn", limit)}
	}
	kept = true
	a, err = k.run(ctx, cancel, limit, snapshot, req)
	return req, a, err
}

// run decides within the limit. What takes longer goes on in the background, to
// its end, and keeps its slot meanwhile.
func (k *hook) run(ctx context.Context, cancel context.CancelFunc, limit time.Duration, s *policy.Snapshot, req *request) (*answer, error) {
	type outcome struct {
		a   *answer
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			done <- o
			k.h.gate.leave()
			k.h.gate.depart()
			cancel()
		}()
		defer k.recovered(&o.err)
		o.a, o.err = k.decide(ctx, s, req)
	}()
	var o outcome
	select {
	case o = <-done:
	case <-ctx.Done(): // time is up, or the decision was made just now
		select {
		case o = <-done:
		case <-time.After(lastWord):
			o.err = ctx.Err()
		}
	}
	if errors.Is(o.err, context.DeadlineExceeded) || errors.Is(o.err, context.Canceled) {
		message := fmt.Sprintf("attache could not review %s within %s", req.shown(), limit)
		var unfinished *guardrail.Unfinished
		if errors.As(o.err, &unfinished) {
			message += ": " + unfinished.Error()
		}
		return nil, &undecided{reasonDeadline, message}
	}
	return o.a, o.err
}

// lastWord is how long a decision whose time is up may take to say how far it
// got. It comes out of minMargin.
const lastWord = 100 * time.Millisecond

// recovered turns a panic into an undecided review.
func (k *hook) recovered(err *error) {
	p := recover()
	if p == nil {
		return
	}
	k.h.options.Log.Error(fmt.Errorf("panic: %v", p), "a review ended in a panic", "webhook", k.name, "stack", string(debug.Stack()))
	*err = &undecided{reasonPanic, "attache failed on this review; its log has the details"}
}

// minMargin is what at least is left of the API server's timeout for the way
// there and back.
const minMargin = 250 * time.Millisecond

// budget is how long a decision may take, from the timeout parameter of the
// call.
func (h *Handlers) budget(parameter string) time.Duration {
	timeout, err := time.ParseDuration(parameter)
	if err != nil || timeout <= 0 {
		return h.options.Deadline
	}
	left := timeout - max(minMargin, timeout/10)
	if left <= 0 {
		left = timeout / 2
	}
	return min(left, h.options.Deadline)
}

// refuse answers with an HTTP error, and returns what to call that.
func (k *hook) refuse(w http.ResponseWriter, r *http.Request, req *request, err error) string {
	var bad *malformed
	if errors.As(err, &bad) {
		k.h.options.Log.Info("unreadable call", "webhook", k.name, "from", r.RemoteAddr, "problem", bad.message)
		writeStatus(w, bad.code, metav1.StatusReasonBadRequest, bad.message, 0)
		return decisionMalformed
	}
	reason := "internal"
	var u *undecided
	if errors.As(err, &u) {
		reason = u.reason
	}
	k.h.metrics.undecided.WithLabelValues(reason).Inc()
	object := ""
	if req != nil {
		object = req.shown()
	}
	k.h.options.Log.Info("not decided", "webhook", k.name, "object", object, "reason", reason, "problem", err.Error())
	w.Header().Set("Connection", "close")
	seconds := int32(0)
	if req == nil || k.h.patience.left(req.UID, r.URL.Query().Get("timeout"), time.Now()) {
		seconds = int32(retryAfter / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	writeStatus(w, http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, err.Error(), seconds)
	return decisionUndecided
}

// writeStatus writes a Status object. API servers show its message.
func writeStatus(w http.ResponseWriter, code int, reason metav1.StatusReason, message string, waitSeconds int32) {
	status := metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure,
		Code:     int32(code),
		Reason:   reason,
		Message:  message,
	}
	if waitSeconds > 0 {
		status.Details = &metav1.StatusDetails{RetryAfterSeconds: waitSeconds}
	}
	body, err := json.Marshal(status)
	if err != nil {
		http.Error(w, message, code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body)
}
