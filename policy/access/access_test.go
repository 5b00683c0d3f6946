package access

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// server answers questions as a test wants.
type server struct {
	asked []string
	reply func(namespace string) (bool, error)
	// refused is a resource of which nobody may read anything.
	refused string
}

func (s *server) Create(ctx context.Context, review *authorizationv1.SubjectAccessReview, _ metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error) {
	if deadline, limited := ctx.Deadline(); !limited || time.Until(deadline) > Patience {
		return nil, errors.New("the question has no deadline")
	}
	a := review.Spec.ResourceAttributes
	if a.Verb != "get" || a.Group != "gateway.networking.k8s.io" || a.Resource != "httproutes" && a.Resource != "referencegrants" {
		return nil, errors.New("another question")
	}
	s.asked = append(s.asked, review.Spec.User+":"+a.Namespace)
	if a.Resource == s.refused {
		return review, nil
	}
	yes, err := s.reply(a.Namespace)
	review.Status.Allowed = yes
	return review, err
}

func TestWhoMayReadEverythingIsAskedAboutOnce(t *testing.T) {
	s := &server{reply: func(namespace string) (bool, error) { return namespace == "", nil }}
	r := NewReader(s)
	for range 3 {
		may := r.For(t.Context(), authenticationv1.UserInfo{Username: "ann"})
		for _, ns := range strings.Fields("a b c d e f g h i") {
			if !may(ns) {
				t.Errorf("may not read %s", ns)
			}
		}
	}
	if len(s.asked) != 1 {
		t.Errorf("asked %q", s.asked)
	}
}

func TestAHandfulOfQuestionsAReview(t *testing.T) {
	s := &server{reply: func(namespace string) (bool, error) { return namespace == "b", nil }}
	now := time.Now()
	r := newReader(s, func() time.Time { return now })
	count := func(user authenticationv1.UserInfo) (yes int) {
		may := r.For(t.Context(), user)
		for _, ns := range strings.Fields("a b c d e f g h i") {
			if may(ns) {
				yes++
			}
		}
		return yes
	}
	tom := authenticationv1.UserInfo{Username: "tom"}
	if yes := count(tom); yes != 1 || len(s.asked) != MaxQuestions {
		t.Errorf("%d namespaces, asked %q", yes, s.asked)
	}
	// The answers are remembered, for this user alone.
	if count(tom); len(s.asked) != MaxQuestions+4 {
		t.Errorf("asked %q", s.asked)
	}
	if count(authenticationv1.UserInfo{Username: "tom", Groups: []string{"admins"}}); len(s.asked) != 2*MaxQuestions+4 {
		t.Errorf("asked %q", s.asked)
	}
	now = now.Add(Remember + time.Nanosecond)
	if count(tom); len(s.asked) != 3*MaxQuestions+4 {
		t.Errorf("after a while: asked %q", s.asked)
	}
}

func TestAnErrorIsANo(t *testing.T) {
	s := &server{reply: func(string) (bool, error) { return true, errors.New("down") }}
	may := NewReader(s).For(t.Context(), authenticationv1.UserInfo{Username: "tom"})
	if may("a") || may("b") || len(s.asked) != 1 {
		t.Errorf("asked %q", s.asked)
	}
}

func TestRoutesAndGrantsAreAskedAboutApart(t *testing.T) {
	s := &server{reply: func(namespace string) (bool, error) { return namespace == "b", nil }, refused: "referencegrants"}
	r, tom := NewReader(s), authenticationv1.UserInfo{Username: "tom"}
	if may := r.For(t.Context(), tom); !may("b") {
		t.Error("tom may read the routes of b")
	}
	if may := r.Grants(t.Context(), tom); may("b") {
		t.Error("tom may not read the grants of b")
	}
	if may := r.For(t.Context(), tom); !may("b") || len(s.asked) != 4 {
		t.Errorf("asked %q", s.asked)
	}
}
