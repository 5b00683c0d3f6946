// Package access finds out which namespaces a user may read, by asking the API server.
//
// # Purpose
//
// Answers of admission describe what an edit changes, possibly in namespaces that its author may
// not read. Authors are not told about objects that they may not read.
//
// # Invariants
//
//   - The question is always the same: may this user get HTTPRoutes there? For ReferenceGrants, the
//     question is asked before one is quoted. One question about the whole cluster comes first:
//     members of a platform team get a yes, and no more questions are asked.
//   - A review asks at most MaxQuestions times, for at most Patience in total. A question that was
//     not answered by then, or that failed, counts as a no.
//   - Answers are remembered for Remember. No right is cached for longer.
//
// # What it must not do
//
// Decide anything about an edit: it only says what may be told.
package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/hierarchy"
)

// Limits of what is asked.
const (
	// MaxQuestions is the maximum number of questions of one review.
	MaxQuestions = 6
	// Patience is the maximum time that one review waits for all its answers.
	Patience = 500 * time.Millisecond
	// Remember is how long an answer is cached.
	Remember = 10 * time.Second
	// maxRemembered is the maximum number of cached answers; the least recently used ones are
	// dropped first.
	maxRemembered = 10_000
)

// Asker asks the API server about access: SubjectAccessReviewInterface is one.
type Asker interface {
	Create(ctx context.Context, review *authorizationv1.SubjectAccessReview, options metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error)
}

// Reader answers who may read what, and caches the answers for a while.
type Reader struct {
	asker   Asker
	clock   clock
	answers *cache.LRUExpireCache
}

type question struct{ user, resource, namespace string }

// The resources of Gateway API that questions are about.
const (
	routes = "httproutes"
	grants = "referencegrants"
)

// clock returns the time.
type clock func() time.Time

// Now returns the time.
func (c clock) Now() time.Time { return c() }

// New returns a Reader that asks an API server.
func New(config *rest.Config) (*Reader, error) {
	c, err := authorization.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	return NewReader(c.SubjectAccessReviews()), nil
}

// NewReader returns a Reader that asks the given Asker.
func NewReader(asker Asker) *Reader { return newReader(asker, time.Now) }

func newReader(asker Asker, now clock) *Reader {
	return &Reader{asker: asker, clock: now, answers: cache.NewLRUExpireCacheWithClock(maxRemembered, now)}
}

// For returns the function that one review asks with: it reports whether the author may read the
// routes of a namespace.
func (r *Reader) For(ctx context.Context, user authenticationv1.UserInfo) func(namespace string) bool {
	return r.may(ctx, user, routes)
}

// Grants returns the same for the ReferenceGrants of a namespace.
func (r *Reader) Grants(ctx context.Context, user authenticationv1.UserInfo) func(namespace string) bool {
	return r.may(ctx, user, grants)
}

func (r *Reader) may(ctx context.Context, user authenticationv1.UserInfo, resource string) func(namespace string) bool {
	s := &session{reader: r, user: user, key: keyOf(user), resource: resource, left: MaxQuestions, deadline: r.clock.Now().Add(Patience)}
	return func(namespace string) bool {
		return s.may(ctx, metav1.NamespaceAll) || s.may(ctx, namespace)
	}
}

// session has the questions of one review.
type session struct {
	reader   *Reader
	user     authenticationv1.UserInfo
	key      string
	resource string
	left     int
	deadline time.Time
}

func (s *session) may(ctx context.Context, namespace string) bool {
	q := question{s.key, s.resource, namespace}
	if yes, known := s.reader.known(q); known {
		return yes
	}
	if s.left--; s.left < 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, s.deadline.Sub(s.reader.clock.Now()))
	defer cancel()
	reply, err := s.reader.asker.Create(ctx, s.review(namespace), metav1.CreateOptions{})
	if err != nil {
		s.left = 0 // a server that does not answer now will not answer the next question either
		return false
	}
	s.reader.remember(q, reply.Status.Allowed)
	return reply.Status.Allowed
}

func (s *session) review(namespace string) *authorizationv1.SubjectAccessReview {
	extra := make(map[string]authorizationv1.ExtraValue, len(s.user.Extra))
	for k, v := range s.user.Extra {
		extra[k] = authorizationv1.ExtraValue(v)
	}
	return &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: s.user.Username, UID: s.user.UID, Groups: s.user.Groups, Extra: extra,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: "get", Group: hierarchy.Group, Resource: s.resource,
		},
	}}
}

func (r *Reader) known(q question) (yes, known bool) {
	answer, known := r.answers.Get(q)
	yes, _ = answer.(bool)
	return yes, known
}

func (r *Reader) remember(q question, yes bool) { r.answers.Add(q, yes, Remember) }

// keyOf returns a key with everything that the rights of a user can depend on.
func keyOf(user authenticationv1.UserInfo) string {
	groups := slices.Sorted(slices.Values(user.Groups))
	return fmt.Sprintf("%q %q %q %q", user.Username, user.UID, strings.Join(groups, ","), user.Extra)
}
