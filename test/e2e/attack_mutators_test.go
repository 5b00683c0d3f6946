package e2e

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	registration "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/publish"
)

// mutator is somebody else's mutating webhook for policies and HTTPRoutes.
type mutator struct {
	testing.TB
	mu sync.Mutex
	// change edits what is written by a user whose name contains by.
	change func(*obj)
	by     string
	calls  int
}

// change of nil lets everything pass.
func (m *mutator) does(by string, change func(*obj)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.by, m.change = by, change
}

func (m *mutator) called() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// ServeHTTP answers a review with a patch of spec and annotations.
func (m *mutator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	before := &obj{}
	if err := before.UnmarshalJSON(review.Request.Object.Raw); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	after := before.DeepCopy()
	m.mu.Lock()
	m.calls++
	if m.change != nil && strings.Contains(review.Request.UserInfo.Username, m.by) {
		m.change(after)
	}
	m.mu.Unlock()
	response := &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	var patch []map[string]any
	for path, fields := range map[string][]string{"/spec": {"spec"}, "/metadata/annotations": {"metadata", "annotations"}} {
		was, _, _ := unstructured.NestedFieldNoCopy(before.Object, fields...)
		if is, there, _ := unstructured.NestedFieldNoCopy(after.Object, fields...); there && !reflect.DeepEqual(was, is) {
			patch = append(patch, map[string]any{"op": "add", "path": path, "value": is})
		}
	}
	if len(patch) > 0 {
		data, err := json.Marshal(patch)
		if err != nil {
			m.Error(err)
		}
		response.Patch, response.PatchType = data, new(admissionv1.PatchTypeJSONPatch)
	}
	review.Request, review.Response = nil, response
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(review); err != nil {
		m.Log(err)
	}
}

// mutator registers a mutating webhook and waits until the API server calls it. API servers call
// mutating webhooks in the order of the names of their configurations; ours is "attache".
func (a *admission) mutator(t *testing.T, name string, again registration.ReinvocationPolicyType) *mutator {
	t.Helper()
	m := &mutator{TB: t}
	server := httptest.NewTLSServer(m)
	t.Cleanup(server.Close)
	equivalent, none := registration.Equivalent, registration.SideEffectClassNone
	configuration := &registration.MutatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: "admissionregistration.k8s.io/v1", Kind: "MutatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Webhooks: []registration.MutatingWebhook{{
			Name:         name + ".example.com",
			ClientConfig: registration.WebhookClientConfig{URL: &server.URL, CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})},
			Rules: []registration.RuleWithOperations{{
				Operations: []registration.OperationType{registration.Create, registration.Update},
				Rule:       registration.Rule{APIGroups: []string{"attache.dev", "gateway.networking.k8s.io"}, APIVersions: []string{"v1", "v1alpha1"}, Resources: []string{"timeoutpolicies", "httproutes"}},
			}},
			MatchPolicy: &equivalent, SideEffects: &none, ReinvocationPolicy: &again, AdmissionReviewVersions: []string{"v1"},
		}},
	}
	w := newWorld(t, a.plane.Config, releaseNamespace)
	a.write(w, configuration)
	t.Cleanup(func() {
		if err := w.Delete(context.Background(), named("MutatingWebhookConfiguration.v1.admissionregistration.k8s.io", "", name)); err != nil {
			t.Error(err)
		}
	})
	within(t, patience, "the API server to call "+name, func(context.Context) error {
		_, err := w.tryCreate(policyOn(releaseNamespace, "probe", "kind: HTTPRoute, name: probe", fiveSeconds), client.DryRunAll)
		if m.called() == 0 {
			return errors.Join(errors.New("it does not"), err)
		}
		return err
	})
	return m
}

// annotates sets annotations of an object.
func annotates(values map[string]string) func(*obj) {
	return func(u *obj) {
		annotations := u.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		for key, value := range values {
			annotations[key] = value
		}
		u.SetAnnotations(annotations)
	}
}

// Whatever other mutating webhooks make of an object, before ours and after it: the verdict is about
// what would be stored, and the annotation says what is in force.
func TestOtherMutatorsChangeNothingAboutVerdicts(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	alice.route("web", "5s")
	s.as(s.plane.Config, "team-a").apply(atMost60s)
	within(t, patience, "the route's result", func(context.Context) error { return alice.published("web", "5s") })
	s.knows("at-most-60s-team-a", "team-a")
	for _, name := range []string{"a-first", "z-last"} {
		t.Run(name, func(t *testing.T) {
			m := s.mutator(t, name, registration.IfNeededReinvocationPolicy)
			alice := &world{t, alice.Client, alice.config, alice.namespace}
			m.does("alice", request("90s"))
			alice.refusedBy("at-most-60s-team-a", "a policy that becomes a longer one", func() error { return alice.attempt("TimeoutPolicy", "web", request("4s")) })
			m.does("alice", request("4s"))
			alice.edit("TimeoutPolicy", "web", request("90s"))
			within(t, patience, "what was made of it", func(context.Context) error { return alice.published("web", "4s") })
			m.does("alice", func(u *obj) { states(u, "2m") })
			alice.refusedBy("at-most-60s-team-a", "a route that becomes a slower one", func() error {
				return alice.attempt("HTTPRoute", "web", func(u *obj) { states(u, "3s") })
			})
			m.does("alice", func(u *obj) { states(u, "6s") })
			alice.edit("HTTPRoute", "web", func(u *obj) { states(u, "2m") })
			within(t, patience, "what was made of it", func(context.Context) error { return alice.published("web", "6s") })
			// The controller's own writes are of the annotation alone, unless another webhook adds to them.
			m.does(controllerAccount, func(u *obj) {
				if u.GetKind() == "HTTPRoute" {
					states(u, "2m")
				}
			})
			called := m.called()
			alice.edit("TimeoutPolicy", "web", func(u *obj) { setBlock(u, "default", map[string]any{"idle": "9s"}) })
			within(t, patience, "the controller to write the route", func(context.Context) error {
				if m.called() < called+2 {
					return errors.New("it has not")
				}
				return nil
			})
			s.controller.idleWithin(t, patience)
			if got := stated(alice.object("HTTPRoute", "web")); got == "2m" {
				t.Errorf("by the controller's write the route states %s, which nobody reviewed", got)
			}
			m.does("", nil)
			alice.edit("HTTPRoute", "web", func(u *obj) { states(u, "") })
			alice.edit("TimeoutPolicy", "web", request("5s"))
			within(t, patience, "what she writes", func(context.Context) error { return alice.published("web", "5s") })
		})
	}
}

// TestOtherMutatorsDoNotKeepTheAnnotation has webhooks of others write our annotation.
func TestOtherMutatorsDoNotKeepTheAnnotation(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	alice.route("web", "5s")
	within(t, patience, "the route's result", func(context.Context) error { return alice.published("web", "5s") })
	s.controller.idle(t)
	forged := map[string]string{publish.Annotation: `{"scopes":[]}`, "attache.dev/Effective-Policies": "{}"}
	n := 0
	write := func(t *testing.T) *obj {
		t.Helper()
		var live *obj
		n++
		alice.edit("HTTPRoute", "web", func(u *obj) {
			_ = unstructured.SetNestedStringSlice(u.Object, []string{fmt.Sprintf("web-%d.example.com", n)}, "spec", "hostnames")
			live = u
		})
		return live // as the API server answered
	}
	right := func(u *obj) error {
		if got := annotation(u); !strings.Contains(got, `"request":"5s"`) || !strings.Contains(got, fmt.Sprintf(`"generation":%d`, u.GetGeneration())) {
			return fmt.Errorf("the annotation is %q, of generation %d", got, u.GetGeneration())
		}
		if _, there := u.GetAnnotations()["attache.dev/Effective-Policies"]; there {
			return errors.New("the one that looks like it is there")
		}
		return nil
	}
	for _, c := range []struct {
		name  string
		again registration.ReinvocationPolicyType
		// at once is whether what is stored is right already.
		atOnce bool
	}{
		{"a-first", registration.IfNeededReinvocationPolicy, true},
		{"z-last", registration.NeverReinvocationPolicy, true}, // ours is called again
		{"z-last", registration.IfNeededReinvocationPolicy, false},
	} {
		t.Run(c.name+" "+string(c.again), func(t *testing.T) {
			m := s.mutator(t, c.name, c.again)
			m.does("alice", annotates(forged))
			stored := write(t)
			if err := right(stored); (err == nil) != c.atOnce {
				t.Errorf("what is stored: %v", err)
			}
			within(t, patience, "the annotation to be right", func(context.Context) error { return right(alice.object("HTTPRoute", "web")) })
			if err := alice.published("web", "5s"); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("one that never gives in", func(t *testing.T) {
		m := s.mutator(t, "z-last", registration.IfNeededReinvocationPolicy)
		m.does("", annotates(forged))
		write(t)
		s.controller.idle(t)
		before := s.controller.metric(t, "attache_writes_total")
		write(t)
		s.controller.idle(t)
		if sent := s.controller.metric(t, "attache_writes_total") - before; sent == 0 || sent > 12 {
			t.Errorf("the controller made %v writes", sent)
		}
		m.does("", nil)
		write(t)
		within(t, patience, "the annotation to be right", func(context.Context) error { return right(alice.object("HTTPRoute", "web")) })
	})
}
