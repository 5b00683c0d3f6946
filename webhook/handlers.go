package webhook

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/webhook/limit"
)

// The paths that the webhook configurations of the chart name.
const (
	MutatePath   = "/mutate"
	ValidatePath = "/validate"
)

// MaxBody is the largest review that is read: an object as large as an API server
// takes one (3 MiB), and one as large as it stores one (1.5 MiB), and what is
// around them. The status of the objects is not needed, but no rule of a webhook
// can leave it out.
const MaxBody = 6 << 20

// Options are what the handlers need. Only Snapshot is required.
type Options struct {
	// Snapshot returns the current snapshot; complete is false until all existing objects were seen
	// once.
	Snapshot func() (s *policy.Snapshot, complete bool)

	// Terminating reports whether a namespace is being deleted. Nil means that this is not known;
	// the namespace controller is always admitted.
	Terminating func(namespace string) bool

	// Controllers are the exact usernames that may write EffectivePolicy objects: the controller's
	// own. When it is empty, everybody may write them whom RBAC permits.
	Controllers []string

	// LeaveRoutes means that routes and Gateways do not get the annotation; annotations of users
	// with reserved keys are still removed.
	LeaveRoutes bool

	// Concurrency is the maximum number of reviews that are decided at a time; if it is zero, the
	// number of processors, and at least two. Queue is the maximum number that may wait; 64 if it is
	// zero.
	Concurrency, Queue int

	// Deadline limits one decision, however long the API server would wait; two
	// seconds if it is zero.
	Deadline time.Duration

	// Guardrails returns the guardrails that are in force now; nil means none.
	Guardrails func() []*guardrail.Guardrail

	// Now is the clock by which exceptions of guardrails end; time.Now if it is nil.
	Now func() time.Time

	// Compilers check PolicyGuardrails when they are written.
	Compilers guardrail.Compilers

	// MayRead returns, for one review, in which namespaces its author may read routes: names and
	// values of others are only counted in answers. With nil, authors who write in platform
	// namespaces are told everything, and others only about their own namespace.
	MayRead func(ctx context.Context, user authenticationv1.UserInfo) func(namespace string) bool

	// MayReadGrants is the same for ReferenceGrants: one that nearly permits the reference of a
	// policy is only mentioned to authors who may read it; with nil, to nobody.
	MayReadGrants func(ctx context.Context, user authenticationv1.UserInfo) func(namespace string) bool

	// MaxPaths is the maximum number of paths on which guardrails that distinguish paths are
	// evaluated in one review; 0 means no limit. Above it, an edit of a tenant is refused, and one
	// of the platform is left to the publication gate.
	MaxPaths int

	// MaxResults is the maximum number of different results of one route or Gateway; 0 means no
	// limit. Above it, an edit of a tenant is refused.
	MaxResults int

	// Injector computes the values that are put into routes at admission; nil when no exporter
	// writes there.
	Injector *status.Injector

	// RefuseUnenforced refuses writes after which a data plane no longer enforces an override or a
	// bound, instead of warning of them.
	RefuseUnenforced bool

	// Tracer creates the spans of reviews; nil creates none.
	Tracer trace.Tracer

	// Version of the engine, for the audit log.
	Version string

	// Metrics is where to register metrics; controller-runtime's registry if nil.
	Metrics prometheus.Registerer

	// Log receives reviews that could not be decided, and, at level 1, denials.
	Log logr.Logger
}

// Handlers are the two admission handlers.
type Handlers struct {
	options Options
	limiter *limit.Limiter
	retries retries
	metrics *measures
	phase   atomic.Int32
	// closing and telling limit connections and log lines for reviews that are turned away;
	// turnedAway is the answer.
	closing, telling limit.Seldom
	turnedAway       []byte
	// resolvers are unused resolvers with their caches; memories are the caches of guardrails.
	resolvers, memories sync.Pool
	wide                wide
	digest              atomic.Pointer[digested]
}

// The phases of a replica's life that the handlers know.
const (
	serving  int32 = iota
	draining       // answers, and closes its connections
	stopped        // no longer decides
)

// New returns handlers. The error is one of registering metrics.
func New(o Options) (*Handlers, error) {
	if o.Concurrency <= 0 {
		o.Concurrency = max(2, runtime.GOMAXPROCS(0))
	}
	if o.Queue <= 0 {
		o.Queue = 64
	}
	if o.Deadline <= 0 {
		o.Deadline = 2 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Guardrails == nil {
		o.Guardrails = func() []*guardrail.Guardrail { return nil }
	}
	if o.Metrics == nil {
		o.Metrics = metrics.Registry
	}
	m, err := newMeasures(o.Metrics)
	if err != nil {
		return nil, err
	}
	turnedAway, err := statusBody(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, errTurnedAway.message, int32(retryAfter/time.Second))
	if err != nil {
		return nil, err
	}
	h := &Handlers{options: o, retries: newRetries(), limiter: limit.New(o.Concurrency, o.Queue), metrics: m, turnedAway: turnedAway}
	h.wide.from, h.wide.spare = 512, 500
	h.closing.Every, h.telling.Every = closingPause, tellingPause
	return h, nil
}

// maxFolds is the maximum size of a resolver's cache.
const maxFolds = 4096

// resolver returns a resolver of a snapshot, and what to call when it is used no more. Most routes of
// a Gateway come to the same, so the next decision has little left to fold.
func (h *Handlers) resolver(s *policy.Snapshot) (r *effective.Resolver, done func()) {
	if used, ok := h.resolvers.Get().(*effective.Resolver); ok {
		r = used.On(s)
	} else {
		r = effective.NewResolver(s)
	}
	return r, func() {
		if r.Folds() <= maxFolds {
			h.resolvers.Put(r)
		}
	}
}

// maxMemory is the maximum size of a memory.
const maxMemory = 16384

// memory returns a memory of what rules said of values, and what to call when it is used no more. Most
// routes come to values that another one has, so that the next decision has few rules to ask.
func (h *Handlers) memory() (m *evaluate.Memory, done func()) {
	m, ok := h.memories.Get().(*evaluate.Memory)
	if !ok {
		m = evaluate.NewMemory()
	}
	return m, func() {
		if m.Size() <= maxMemory {
			h.memories.Put(m)
		}
	}
}

// wide has what the last review of an edit that reaches many routes left behind. The results before an
// edit are those before the next one, and to fold all of them would take most of its time. That is as
// much as the results of all routes, so it is kept for some time only.
type wide struct {
	// from is how many routes and Gateways such an edit touches, spare is how many folds more than twice
	// those of the first review may be kept.
	from, spare int

	mu     sync.Mutex
	kept   *kept
	expiry *time.Timer
}

// keepWide is for how long it is kept.
const keepWide = 5 * time.Minute

// kept is for one review at a time.
type kept struct {
	resolver *effective.Resolver
	memory   *evaluate.Memory
	// folds is how many there were after the first review with this resolver since it forgot.
	folds int
}

// lend returns a function that takes what there is, if the review turns out to need it, and what to call
// when nothing of it is used any more.
func (w *wide) lend(s *policy.Snapshot) (take func(touched int) (*effective.Resolver, *evaluate.Memory), back func()) {
	var lent *kept
	take = func(touched int) (*effective.Resolver, *evaluate.Memory) {
		if touched < w.from {
			return nil, nil
		}
		lent = w.take(s)
		return lent.resolver, lent.memory
	}
	return take, func() {
		if lent != nil {
			w.put(lent)
		}
	}
}

func (w *wide) take(s *policy.Snapshot) *kept {
	w.mu.Lock()
	k := w.kept
	w.kept = nil
	w.mu.Unlock()
	if k == nil {
		return &kept{resolver: effective.NewResolver(s), memory: evaluate.NewMemory()}
	}
	if k.resolver.Snapshot() != s {
		k.resolver = k.resolver.On(s)
	}
	return k
}

func (w *wide) put(k *kept) {
	k.trim(w.spare)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = k
	if w.expiry == nil {
		w.expiry = time.AfterFunc(keepWide, w.drop)
	} else {
		w.expiry.Reset(keepWide)
	}
}

func (w *wide) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = nil
}

// trim forgets what edits came to of which most were not made, or are over.
func (k *kept) trim(spare int) {
	switch folds := k.resolver.Folds(); {
	case k.folds == 0:
		k.folds = folds
	case folds > 2*k.folds+spare:
		k.resolver.Forget()
		k.resolver, k.folds = k.resolver.On(k.resolver.Snapshot()), 0
	}
	if k.memory.Size() > 4*maxMemory {
		k.memory = evaluate.NewMemory()
	}
}

// Mutate handles the reviews of the mutating webhooks.
func (h *Handlers) Mutate() http.Handler {
	return &hook{h: h, name: "mutate", decide: h.mutate}
}

// Validate handles the reviews of the validating webhooks.
func (h *Handlers) Validate() http.Handler {
	return &hook{h: h, name: "validate", decide: h.validate}
}

// Mux serves both handlers under their paths.
func (h *Handlers) Mux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle(MutatePath, h.Mutate())
	mux.Handle(ValidatePath, h.Validate())
	return mux
}

// Drain makes every answer from now on close its connection, so that the API server opens the next
// one to another replica. Reviews are still decided.
func (h *Handlers) Drain() { h.phase.CompareAndSwap(serving, draining) }

// Stop makes every later review undecided. Those that are being decided are finished.
func (h *Handlers) Stop() { h.phase.Store(stopped) }

// Complete reports whether the handlers can decide: whether the snapshot is complete.
func (h *Handlers) Complete() bool {
	_, complete := h.options.Snapshot()
	return complete
}
