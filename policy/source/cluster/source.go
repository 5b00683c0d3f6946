package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// Options say what to read.
type Options struct {
	// Policy are the options of the snapshots, the names of kinds without labels
	// among them.
	Policy policy.Options
	// Compilers compile guardrails.
	Compilers guardrail.Compilers
	// Compiled is called with each guardrail before it is used, and with nil for one that was
	// removed. It may be nil.
	Compiled func(name string, g *guardrail.Guardrail)
	// Results makes it watch EffectivePolicy objects, which only their writer needs.
	Results bool
	// Log receives problems of the cluster, once each: kinds that may not be read, CRDs with invalid
	// policy annotations. The zero value logs nothing.
	Log logr.Logger
}

// Batch is what changed from one snapshot to the next.
type Batch struct {
	Before, After *policy.Snapshot
	// First means that this is the first non-empty snapshot.
	First bool
	// Changed are the objects that were added, removed, or changed in a relevant part, including
	// CRDs of policy kinds and route kinds, and guardrails.
	Changed []hierarchy.Ref
	// Written are the objects of which only a part changed that belongs to us, and that somebody
	// else wrote: an annotation, the status of a policy, an EffectivePolicy. When the kind
	// EffectivePolicy is added, its CRD is among them.
	Written []hierarchy.Ref
}

// Source keeps a live snapshot of a cluster. It implements status.Live.
type Source struct {
	clients clients
	options Options
	events  *queue
	memory  *memory
	reducer *reducer

	snapshot   atomic.Pointer[policy.Snapshot]
	guardrails atomic.Pointer[[]*guardrail.Guardrail]
	// synced is closed with the first snapshot, complete once all results are known.
	synced, complete chan struct{}
	blind            atomic.Bool // results may not be read

	mu          sync.Mutex // held while a batch is published
	subscribers map[int]func(Batch)
	last        int
}

// New returns a Source that reads from an API server. It makes no request
// before Start.
func New(config *rest.Config, options Options) (*Source, error) {
	c, err := newClients(config)
	if err != nil {
		return nil, err
	}
	s := &Source{
		clients:     c,
		options:     options,
		events:      newQueue(),
		memory:      newMemory(),
		synced:      make(chan struct{}),
		complete:    make(chan struct{}),
		subscribers: map[int]func(Batch){},
	}
	s.snapshot.Store(policy.NewSnapshot(options.Policy))
	s.reducer = newReducer(options.Policy, s.memory, nil, nil)
	s.reducer.guardrails.compilers, s.reducer.guardrails.compiled = options.Compilers, options.Compiled
	s.reducer.results = options.Results
	return s, nil
}

// Start keeps the snapshot up to date until ctx ends. It never fails because a kind is missing, or
// may not be read.
func (s *Source) Start(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	s.reducer.start = func(k kind) *watched {
		watchCtx, stop := context.WithCancel(ctx)
		w := &watched{kind: k, stop: stop}
		running.Go(func() { s.follow(watchCtx, w) })
		return w
	}
	s.reducer.ask = func(crd string) {
		running.Go(func() { s.define(ctx, crd) })
	}
	s.reducer.begin()
	complete := sync.OnceFunc(func() { close(s.complete) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.events.filled:
		}
		batch, problems := s.reducer.apply(s.events.take())
		if batch != nil {
			list := s.reducer.guardrails.list()
			s.guardrails.Store(&list)
			s.publish(*batch)
		}
		s.blind.Store(s.reducer.blind())
		if s.reducer.complete {
			complete() // after the batch: who waited for it has all results from the beginning
		}
		s.report(problems)
	}
}

// follow keeps a watch going until ctx ends. Results are the most by far and no snapshot needs them, so
// they come after everything else; whether they may be read is known before.
func (s *Source) follow(ctx context.Context, w *watched) {
	if w.role == remembered {
		w.ask(ctx, s.clients, s.events)
		if s.WaitForSync(ctx) != nil {
			return
		}
	}
	w.run(ctx, s.clients, s.events, s.options.Log)
}

// NeedLeaderElection returns false, because every replica has a snapshot.
func (s *Source) NeedLeaderElection() bool { return false }

// define reads a CRD, with retries, and queues the answer.
func (s *Source) define(ctx context.Context, name string) {
	pause := wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 8, Cap: 15 * time.Second}
	for {
		crd, err := s.clients.definition(ctx, name)
		switch {
		case err == nil && crd == nil:
			s.events.put(event{op: opDefine, crd: name})
			return
		case err == nil:
			s.events.put(event{op: opDefine, crd: name, objects: []*unstructured.Unstructured{crd}})
			return
		}
		s.options.Log.Error(err, "Cannot read a CRD, trying again", "crd", name)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause.Step()):
		}
	}
}

func (s *Source) publish(batch Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snapshot.Store(batch.After)
	if batch.First {
		close(s.synced)
	}
	for _, tell := range s.subscribers {
		tell(batch)
	}
}

// report logs problems that users can fix.
func (s *Source) report(problems []hierarchy.Problem) {
	for _, e := range s.reducer.refusals {
		s.options.Log.Error(e.err, "Not allowed to read a kind: give the service account list and watch on it",
			"resource", e.from.resource.String(), "required", !e.from.optional)
	}
	s.reducer.refusals = nil
	for _, p := range problems {
		log := s.options.Log.V(1)
		if p.Ref.GroupKind == crd.GroupKind || p.Ref.GroupKind == guardrail.Kind {
			log = s.options.Log
		}
		log.Info("An object has a problem", "object", p.Ref.String(), "field", p.Field, "error", p.Message)
	}
}

// Snapshot returns the current snapshot, which is empty until Synced.
func (s *Source) Snapshot() *policy.Snapshot { return s.snapshot.Load() }

// Synced reports whether the snapshot has everything that existed when the source started. Once
// true, it stays true.
func (s *Source) Synced() bool {
	select {
	case <-s.synced:
		return true
	default:
		return false
	}
}

// WaitForSync returns when the source is Synced, or ctx ends.
func (s *Source) WaitForSync(ctx context.Context) error {
	select {
	case <-s.synced:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Blind says whether results were to be read and could not be, for want of the right to:
// WaitForResults waits until somebody gives it.
func (s *Source) Blind() bool { return s.blind.Load() }

// WaitForResults returns when all EffectivePolicy objects that existed are known besides, or ctx ends.
func (s *Source) WaitForResults(ctx context.Context) error {
	select {
	case <-s.complete:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Subscribe returns the current snapshot and calls f with every later batch, one after the other,
// until cancel is called. f must be quick: no other snapshot is made before it returns.
func (s *Source) Subscribe(f func(Batch)) (now *policy.Snapshot, cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	id := s.last
	s.subscribers[id] = f
	return s.snapshot.Load(), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subscribers, id)
	}
}

// Annotations returns the annotations of a route or a Gateway that only we may write; ok is false
// when the object does not exist.
func (s *Source) Annotations(target hierarchy.Ref) (annotations map[string]string, ok bool) {
	r, _, ok := s.memory.get(target.Object())
	if !ok {
		return nil, false
	}
	return r.written.annotations.texts(), true
}

// EffectivePolicy returns the object of that name, nil when there is none.
func (s *Source) EffectivePolicy(namespace, name string) *unstructured.Unstructured {
	return s.object(hierarchy.Ref{GroupKind: publish.EffectivePolicyKind, NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}})
}

// EffectivePolicies lists all EffectivePolicy objects, in no particular order.
func (s *Source) EffectivePolicies() []hierarchy.Ref {
	return s.memory.refs(publish.EffectivePolicyKind)
}

// Policy returns a policy object with its status and resourceVersion, and without its spec; nil
// when there is none, or when we do not write its status.
func (s *Source) Policy(ref hierarchy.Ref) *unstructured.Unstructured { return s.object(ref.Object()) }

// Conditions returns the conditions of a GatewayClass, a Gateway or a ListenerSet, and of its
// listeners: ours completely, and the types of the others. It is empty when there is no such
// object.
func (s *Source) Conditions(ref hierarchy.Ref) status.Conditions {
	var live status.Conditions
	u := s.object(ref)
	if u == nil {
		return live
	}
	live.Object = condition.In(u.Object, "status", "conditions")
	listeners, _, _ := unstructured.NestedSlice(u.Object, "status", "listeners")
	live.Listeners = make(map[string][]metav1.Condition, len(listeners))
	for _, l := range listeners {
		l, _ := l.(map[string]any)
		name, _ := l["name"].(string)
		live.Listeners[name] = condition.Read(l["conditions"])
	}
	return live
}

// object builds again what a record keeps of an object.
func (s *Source) object(ref hierarchy.Ref) *unstructured.Unstructured {
	r, k, ok := s.memory.get(ref)
	if !ok || r.written.body.isNone() {
		return nil
	}
	return build(ref, r, k)
}

// build makes the object again that a record was made of, as far as it is kept.
func build(ref hierarchy.Ref, r *record, k kind) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: r.written.body.decode()}
	u.SetGroupVersionKind(k.resource.GroupVersion().WithKind(k.Kind))
	u.SetNamespace(ref.Namespace)
	u.SetName(ref.Name)
	u.SetUID(types.UID(r.uid))
	u.SetResourceVersion(r.version)
	return u
}

// Terminating reports whether a namespace is being deleted.
func (s *Source) Terminating(namespace string) bool {
	r, _, ok := s.memory.get(hierarchy.Ref{GroupKind: hierarchy.NamespaceKind, NamespacedName: types.NamespacedName{Name: namespace}})
	return ok && r.terminating
}

// Resource returns the API resource of a kind, in the version in which it is read; ok is false when
// there is no such kind, or it is not watched.
func (s *Source) Resource(gk schema.GroupKind) (resource schema.GroupVersionResource, ok bool) {
	k, ok := s.memory.kind(gk)
	return k.resource, ok
}

// Version returns the API version in which a kind is read, empty when it is not read.
func (s *Source) Version(ref hierarchy.Ref) string {
	k, _ := s.memory.kind(ref.GroupKind)
	return k.resource.Version
}

// Wrote tells the source the API server's answer to a write, so that the next
// plan knows of it, however late the watch is. It returns what Print says while
// nobody else writes there. The answer is the source's from then on.
func (s *Source) Wrote(answer *unstructured.Unstructured) (print uint64) {
	k, ok := s.memory.kind(answer.GroupVersionKind().GroupKind())
	if !ok {
		return 0
	}
	compact(answer, k)
	ref, r := refOf(k, answer), newRecord(k, answer)
	s.memory.wrote(ref, r)
	return r.written.print()
}

// Print stands for what is kept of an object that we write on: it is another one
// when somebody wrote something else there. ok is false when there is no such object.
func (s *Source) Print(ref hierarchy.Ref) (print uint64, ok bool) {
	r, _, ok := s.memory.get(ref.Object())
	if !ok {
		return 0, false
	}
	return r.written.print(), true
}

// Deleted tells the source that we deleted an EffectivePolicy.
func (s *Source) Deleted(namespace, name string) {
	s.memory.remove(hierarchy.Ref{GroupKind: publish.EffectivePolicyKind, NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}})
}

// Objects counts what is known, by kind.
func (s *Source) Objects() map[schema.GroupKind]int { return s.memory.count() }
