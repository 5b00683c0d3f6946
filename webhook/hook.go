package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/webhook/limit"
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
	reasonGone        = "gone" // the caller is gone
	reasonPanic       = "panic"
	reasonUnknownKind = "unknown_kind"
)

var reasons = []string{reasonIncomplete, reasonStopped, reasonOverloaded, reasonDeadline, reasonGone, reasonPanic, reasonUnknownKind}

// ServeHTTP answers one call.
func (k *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	if k.h.phase.Load() != serving {
		w.Header().Set("Connection", "close")
	}
	req, a, err := k.serve(r, begin)
	if errors.Is(err, errTurnedAway) {
		k.turnAway(w, begin)
		return
	}
	var body []byte
	if err == nil {
		body, err = a.review(req.UID)
	}
	if err != nil {
		k.h.metrics.answered(k.name, k.refuse(w, r, req, err, begin), req, begin)
		return
	}
	k.h.retries.done(req.UID)
	decision := decisionAllowed
	if a.denial != nil {
		decision = decisionDenied
		k.h.options.Log.V(1).Info("Denied", "webhook", k.name, "object", req.shown(), "operation", req.Operation, "user", req.UserInfo.Username, "message", a.denial.Message)
	}
	k.h.metrics.answered(k.name, decision, req, begin)
	if req.concerned.Debug {
		k.h.options.Log.Info("Reviewed", "webhook", k.name, "object", req.shown(), "operation", req.Operation, "dryRun", req.DryRun != nil && *req.DryRun,
			"user", req.UserInfo.Username, "decision", decision, "took", time.Since(begin).String(), "waited", req.begun.Sub(req.read).String(), "warnings", len(a.warnings), "patches", len(a.patch))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body))) // or long ones would be sent in chunks
	_, _ = w.Write(body)
}

// serve reads the review and decides it. An error is malformed or undecided.
func (k *hook) serve(r *http.Request, begin time.Time) (req *request, a *answer, err error) {
	defer k.recovered(&err)
	if k.h.phase.Load() == stopped {
		return nil, nil, &undecided{reasonStopped, "this replica of attache is shutting down"}
	}
	place := &place{limiter: k.h.limiter, size: sizeOf(r)}
	if !place.limiter.Arrive(place.size) {
		return nil, nil, errTurnedAway
	}
	defer func() {
		if !place.kept {
			place.limiter.Depart(place.size)
		}
	}()
	body, err := readBody(r)
	if err != nil {
		return nil, nil, err
	}
	if req, err = parseReview(body); err != nil {
		return nil, nil, err
	}
	req.arrived, req.read = begin, time.Now()
	snapshot, complete := k.h.options.Snapshot()
	if !complete || snapshot == nil {
		return req, nil, &undecided{reasonIncomplete, "attache is starting and has not seen all objects yet"}
	}
	limit := k.h.budget(timeoutOf(r), begin.Sub(k.h.retries.arrived(req.UID, begin)))
	// When the caller is gone, nobody needs the decision. Its time began with the call, and reading the
	// body takes some of it.
	ctx, cancel := context.WithDeadline(k.h.remote(r), begin.Add(limit))
	turn := place.limiter.Enter(ctx, req.share())
	if turn == nil {
		defer cancel()
		if errors.Is(ctx.Err(), context.Canceled) {
			return req, nil, &undecided{reasonGone, "the caller is gone"}
		}
		waited := time.Since(req.read).Round(time.Millisecond)
		return req, nil, &undecided{reasonOverloaded, fmt.Sprintf("attache is busy: the review waited %s for its turn", waited)}
	}
	place.kept, req.begun = true, time.Now()
	end := func() {
		place.limiter.Leave(turn)
		place.limiter.Depart(place.size)
		cancel()
	}
	a, err = k.run(ctx, end, limit, snapshot, req)
	return req, a, err
}

// place is the room that a review takes from its arrival to the end of its decision.
type place struct {
	limiter *limit.Limiter
	size    int64
	// kept says that the place is freed when the decision ends.
	kept bool
}

// sizeOf is the maximum length of a call's body.
func sizeOf(r *http.Request) int64 {
	if r.ContentLength < 0 || r.ContentLength > MaxBody {
		return MaxBody
	}
	return r.ContentLength
}

// timeoutOf is the timeout of the calling API server, 0 when it does not say.
func timeoutOf(r *http.Request) time.Duration {
	text, plain := strings.CutPrefix(r.URL.RawQuery, "timeout=") // as API servers write it
	if !plain || strings.ContainsAny(text, "&;%+") {
		text = r.URL.Query().Get("timeout")
	}
	timeout, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return timeout
}

// share says to whom the time of a review is charged: its namespace, or its author
// when the object is cluster-scoped.
func (r *request) share() string {
	if r.Namespace != "" {
		return "namespace " + r.Namespace
	}
	return "user " + r.UserInfo.Username
}

// run decides within the limit. A decision that takes longer keeps its slot until
// it has noticed that its time is up.
func (k *hook) run(ctx context.Context, end func(), limit time.Duration, s *policy.Snapshot, req *request) (*answer, error) {
	type outcome struct {
		a         *answer
		err       error
		concerned concerned
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			done <- o
			end()
		}()
		defer k.recovered(&o.err)
		o.concerned = k.h.metrics.watching.concerned(s, req)
		ctx, traced := k.trace(ctx, req, o.concerned)
		defer func() { traced(o.a, o.err) }()
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
	req.concerned = o.concerned
	if errors.Is(o.err, context.DeadlineExceeded) || errors.Is(o.err, context.Canceled) || errors.As(o.err, &guardrail.TooSlow{}) {
		message := fmt.Sprintf("attache could not review %s within %s", req.shown(), limit)
		var unfinished *evaluate.Unfinished
		if errors.As(o.err, &unfinished) {
			message += ": " + unfinished.Error()
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, &undecided{reasonGone, message + ": the caller is gone"}
		}
		return nil, &undecided{reasonDeadline, message}
	}
	return o.a, o.err
}

// lastWord is how long a decision whose time is up may take to report how far it
// got. It is part of minMargin.
const lastWord = 100 * time.Millisecond

// recovered turns a panic into an undecided review.
func (k *hook) recovered(err *error) {
	p := recover()
	if p == nil {
		return
	}
	k.h.options.Log.Error(fmt.Errorf("panic: %v", p), "A review ended in a panic", "webhook", k.name, "stack", string(debug.Stack()))
	*err = &undecided{reasonPanic, "attache failed on this review; its log has the details"}
}

// minMargin is the least time of the API server's timeout that is left for the way
// there and back.
const minMargin = 250 * time.Millisecond

// refuse answers with an HTTP error, and returns its name in metrics.
func (k *hook) refuse(w http.ResponseWriter, r *http.Request, req *request, err error, begin time.Time) string {
	var bad *malformed
	if errors.As(err, &bad) {
		k.h.options.Log.Info("Cannot read a call", "webhook", k.name, "from", r.RemoteAddr, "error", bad.message)
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
	k.tell(object, reason, err)
	closing := reason != reasonOverloaded
	if !closing {
		closing, _ = k.h.closing.Now(time.Now())
	}
	if closing {
		w.Header().Set("Connection", "close") // the next call may reach another replica
	}
	seconds := int32(0)
	if req == nil || worthwhile(reason, k.h.retries.refused(req.UID, begin), time.Now(), timeoutOf(r)) {
		seconds = int32(retryAfter / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	writeStatus(w, http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, err.Error(), seconds)
	return decisionUndecided
}

// tell logs why a review was not decided. Under overload it logs one line a second.
func (k *hook) tell(object, reason string, err error) {
	more := int64(0)
	if reason == reasonOverloaded {
		var yes bool
		if yes, more = k.h.telling.Now(time.Now()); !yes {
			return
		}
	}
	k.h.options.Log.Info("Cannot decide a review", "webhook", k.name, "object", object, "reason", reason, "error", err.Error(), "moreBefore", more)
}

// errTurnedAway is the error of a review for which there is no place: its body is not read.
var errTurnedAway = &undecided{reasonOverloaded, "attache has more reviews waiting than it can answer in time"}

// turnAway answers a review for which there is no place. It does little, since its time is taken from
// the reviews that are decided.
func (k *hook) turnAway(w http.ResponseWriter, begin time.Time) {
	k.h.metrics.undecided.WithLabelValues(reasonOverloaded).Inc()
	k.tell("", reasonOverloaded, errTurnedAway)
	if closing, _ := k.h.closing.Now(begin); closing {
		w.Header().Set("Connection", "close") // the next call may reach another replica
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(k.h.turnedAway)
	k.h.metrics.answered(k.name, decisionUndecided, nil, begin)
}

// writeStatus writes a Status object. API servers show its message.
func writeStatus(w http.ResponseWriter, code int, reason metav1.StatusReason, message string, waitSeconds int32) {
	body, err := statusBody(code, reason, message, waitSeconds)
	if err != nil {
		http.Error(w, message, code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

// statusBody is a Status object as JSON.
func statusBody(code int, reason metav1.StatusReason, message string, waitSeconds int32) ([]byte, error) {
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
	return json.Marshal(status)
}

const (
	// closingPause is the time between two connections that are closed because of overload. A call
	// on a new connection may reach a replica that has time. But if every refusal caused a new
	// handshake, the handshakes would take the time of the reviews that can be decided.
	closingPause = 40 * time.Millisecond
	// tellingPause is the time between two lines of the log about overload.
	tellingPause = time.Second
)
