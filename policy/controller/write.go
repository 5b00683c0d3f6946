package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// FieldOwner is our field manager.
const FieldOwner = status.FieldOwner

// The values of the label result of attache_writes_total.
const (
	resultDone     = "done"
	resultGone     = "gone"
	resultConflict = "conflict"
	resultFailed   = "failed"
)

// soon is the delay for an object that somebody else wrote at the same time: the watch is about to
// deliver it.
const soon = 100 * time.Millisecond

// errLater is the error of a write that has to be planned again.
type errLater struct{ after time.Duration }

func (e errLater) Error() string { return "the object is to be planned again" }

// notLeading is the delay of a write that may not be sent now. Whoever still leads then plans it
// again.
const notLeading = time.Second

// leading is a transport that sends no write while another replica may lead. It is the last one
// before the network: a write that waited for its turn, or whose process was suspended, may be older
// than what the other replica has written.
type leading struct {
	leads func() error
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t leading) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		if err := t.leads(); err != nil {
			if r.Body != nil {
				_ = r.Body.Close() // nothing was read from it
			}
			return nil, fmt.Errorf("%w: %w", err, errLater{notLeading})
		}
	}
	return t.next.RoundTrip(r)
}

// write carries out one write. It is the only function that writes to the API server. If the object
// is gone, nothing needs to be written, and this is not an error.
func (c *Controller) write(ctx context.Context, w status.Write) error {
	resource, known := c.resource(w.Object.GroupVersionKind().GroupKind())
	if !known {
		return nil // the kind does not exist any more, or not yet; when it is added, everything is planned again
	}
	objects := c.client.Resource(resource).Namespace(w.Object.GetNamespace())
	name := w.Object.GetName()
	apply := metav1.ApplyOptions{FieldManager: FieldOwner, Force: true}
	if w.Object.GetKind() == publish.Kind {
		c.drift.makes(hierarchy.RefOf(w.Object), w.Verb != status.Delete)
	}
	var answer *unstructured.Unstructured
	var err error
	switch w.Verb {
	case status.Apply:
		answer, err = objects.Apply(ctx, name, w.Object, apply)
		err = c.insist(ctx, objects, w, answer, err)
	case status.ApplyStatus:
		answer, err = objects.ApplyStatus(ctx, name, w.Object, apply)
		err = c.insist(ctx, objects, w, answer, err)
	case status.ReplaceStatus:
		var patch []byte
		if patch, err = json.Marshal(map[string]any{"status": w.Object.Object["status"]}); err == nil {
			answer, err = objects.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldOwner}, "status")
		}
		c.learn(answer, err)
	case status.UpdateStatus:
		answer, err = objects.UpdateStatus(ctx, w.Object, metav1.UpdateOptions{FieldManager: FieldOwner})
		c.learn(answer, err)
	case status.RemoveAnnotations:
		answer, err = objects.Patch(ctx, name, types.MergePatchType, removal(w.Object), metav1.PatchOptions{FieldManager: FieldOwner})
		c.learn(answer, err)
	case status.Create:
		if _, err = objects.Create(ctx, w.Object, metav1.CreateOptions{FieldManager: FieldOwner}); apierrors.IsAlreadyExists(err) {
			err = nil
		}
	case status.Delete:
		if err = objects.Delete(ctx, name, metav1.DeleteOptions{}); err == nil {
			c.source.Deleted(w.Object.GetNamespace(), name)
		}
	default:
		err = fmt.Errorf("no such verb: %q", w.Verb)
	}
	err = c.ungranted(resource, w.Verb, err)
	result, err := outcome(err)
	c.metrics.writes.WithLabelValues(string(w.Verb), result).Inc()
	c.options.Log.V(1).Info("Wrote", "verb", w.Verb, "kind", w.Object.GetKind(), "namespace", w.Object.GetNamespace(), "name", name, "result", result)
	if err != nil {
		return fmt.Errorf("%s of %s %s/%s: %w", w.Verb, w.Object.GetKind(), w.Object.GetNamespace(), name, err)
	}
	return nil
}

// removal is a merge patch that removes the annotations of an object.
func removal(u *unstructured.Unstructured) []byte {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(u.GetAnnotations())) {
		keys = append(keys, strconv.Quote(key)+":null") // keys are ASCII
	}
	return []byte(`{"metadata":{"annotations":{` + strings.Join(keys, ",") + `}}}`)
}

// notGranted is the delay for a status that we may not write.
const notGranted = time.Minute

// ungranted logs once that the right to write the status of another project's kind is missing,
// although its CRD asks for it, and delays the write: other writes are not held up, and the log is
// not flooded.
func (c *Controller) ungranted(resource schema.GroupVersionResource, verb status.Verb, err error) error {
	at := resource.GroupResource()
	switch {
	case verb != status.UpdateStatus || at.Group == policy.Group:
		return err
	case apierrors.IsForbidden(err):
		if _, told := c.untouchable.LoadOrStore(at, true); !told {
			c.options.Log.Error(err, "Not allowed to write the status of a kind: give the service account update on it", "resource", at.Resource+"."+at.Group+"/status")
		}
		return errLater{notGranted}
	case err == nil:
		c.untouchable.Delete(at)
	}
	return err
}

// learn records the answer to a write.
func (c *Controller) learn(answer *unstructured.Unstructured, err error) {
	if err == nil {
		ref := hierarchy.RefOf(answer)
		c.drift.wrote(ref, c.source.Wrote(answer))
	}
}

// insist records the answer to an apply, and replaces what the apply could not change: fields that
// somebody else put into an EffectivePolicy are owned by them, and stay if we do not mention them.
// Nobody else may write there.
func (c *Controller) insist(ctx context.Context, objects dynamic.ResourceInterface, w status.Write, answer *unstructured.Unstructured, err error) error {
	if err != nil || w.Object.GetKind() != publish.Kind {
		c.learn(answer, err)
		return err
	}
	update := metav1.UpdateOptions{FieldManager: FieldOwner}
	switch {
	case w.Verb == status.ApplyStatus && !reflect.DeepEqual(answer.Object["status"], w.Object.Object["status"]):
		answer.Object["status"] = w.Object.Object["status"]
		answer, err = objects.UpdateStatus(ctx, answer, update)
	case w.Verb == status.Apply && !reflect.DeepEqual(answer.GetOwnerReferences(), w.Object.GetOwnerReferences()):
		answer.SetOwnerReferences(w.Object.GetOwnerReferences())
		answer, err = objects.Update(ctx, answer, update)
	}
	c.learn(answer, err)
	return err
}

// outcome returns the result of a write, and whether more has to be done.
func outcome(err error) (result string, left error) {
	var later errLater
	switch {
	case err == nil:
		return resultDone, nil
	case errors.As(err, &later):
		return resultFailed, err
	case apierrors.IsNotFound(err), apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return resultGone, nil
	case apierrors.IsConflict(err):
		return resultConflict, errLater{soon}
	}
	if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
		return resultFailed, errors.Join(errLater{time.Duration(max(seconds, 1)) * time.Second}, err)
	}
	return resultFailed, err
}

var (
	eventKind     = schema.GroupKind{Group: "events.k8s.io", Kind: "Event"}
	eventResource = schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}
)

// eventTime is the timeout for writing an event.
const eventTime = 5 * time.Second

// tell writes events. Failures are not retried, because the status has the same information.
func (c *Controller) tell(ctx context.Context, events ...status.Write) {
	ctx, cancel := context.WithTimeout(ctx, eventTime)
	defer cancel()
	for _, e := range events {
		if err := c.write(ctx, e); err != nil {
			c.options.Log.Error(err, "Cannot write an event")
		}
	}
}

// tellOfRoute sends an event about a route that has just been held back.
func (c *Controller) tellOfRoute(ctx context.Context, ref hierarchy.Ref) {
	note, uid, news := c.state.newlyWithheld(ref)
	if !news {
		return
	}
	about := &unstructured.Unstructured{}
	about.SetAPIVersion(ref.GroupKind.Group + "/" + c.source.Version(ref))
	about.SetKind(ref.Kind)
	about.SetNamespace(ref.Namespace)
	about.SetName(ref.Name)
	about.SetUID(uid)
	c.tell(ctx, c.planner.Event(about, status.Event{Type: status.EventWarning, Reason: status.ReasonGuardrailViolated, Note: note}))
}

// backoff keeps us from fighting with another program that writes the same fields: the first few
// changes are reverted at once, further ones less and less often.
type backoff struct {
	mu     sync.Mutex
	fights map[hierarchy.Ref]fight
}

// fight records the recent repairs of an object.
type fight struct {
	last  time.Time
	times int
}

const (
	// freely is how many times an object is repaired without waiting.
	freely = 10
	// leastWait is the first wait, which doubles each time; mostWait is the
	// longest.
	leastWait = time.Second
	mostWait  = 5 * time.Minute
	// peace is how long an object has to stay unchanged, in addition to the next wait, for its
	// record to be dropped.
	peace = 30 * time.Second
)

// wait is the delay of the next repair.
func (f fight) wait() time.Duration {
	if f.times < freely {
		return 0
	}
	return min(leastWait<<min(f.times-freely, 10), mostWait)
}

// wait returns how long to wait before processing an object that somebody else wrote.
func (p *backoff) wait(ref hierarchy.Ref, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of(ref, now).wait()
}

// repaired records that an object had to be repaired.
func (p *backoff) repaired(ref hierarchy.Ref, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fights[ref] = fight{last: now, times: p.of(ref, now).times + 1}
}

// of returns the fight about an object, if it is not over.
func (p *backoff) of(ref hierarchy.Ref, now time.Time) fight {
	f, ok := p.fights[ref]
	if ok && now.Sub(f.last) > f.wait()+peace {
		delete(p.fights, ref)
		return fight{}
	}
	return f
}
