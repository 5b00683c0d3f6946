package ground

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	registration "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/eventually"
)

// toucher is the field manager of the request that only makes admission happen.
const toucher = "ground-inject"

// The match conditions under test, which are those of the chart's mutating
// webhook with the two keys of this package.
var (
	notGoing = condition("not-of-objects-being-deleted",
		`request.operation != "UPDATE" || !has(oldObject.metadata.deletionTimestamp)`)
	changed = condition("only-when-something-changes-that-matters", `
		request.operation != "UPDATE"
		|| request.options.?fieldManager.orValue("") == "`+toucher+`"
		|| object.spec != oldObject.spec
		|| object.metadata.?labels.orValue({}) != oldObject.metadata.?labels.orValue({})
		|| object.metadata.?annotations["`+recordKey+`"].orValue("") != oldObject.metadata.?annotations["`+recordKey+`"].orValue("")
		|| object.metadata.?annotations["ground.test/other"].orValue("") != oldObject.metadata.?annotations["ground.test/other"].orValue("")`)
)

func condition(name, expression string) registration.MatchCondition {
	return registration.MatchCondition{Name: name, Expression: strings.Join(strings.Fields(expression), " ")}
}

// hook is a mutating webhook for the routes of one namespace.
type hook struct {
	calls atomic.Int64
	down  atomic.Bool

	mu     sync.Mutex
	wants  map[string]map[string]any // by rule name and leaf
	mutate func(route, old *unstructured.Unstructured) *unstructured.Unstructured
}

// want says what is to be written from now on.
func (h *hook) want(wants map[string]map[string]any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wants = map[string]map[string]any{}
	for rule, leaves := range wants {
		h.wants[rule] = map[string]any{}
		for leaf, value := range leaves {
			var decoded any // numbers as an API server has them
			if err := json.Unmarshal([]byte(plain(value)), &decoded); err != nil {
				panic(err)
			}
			h.wants[rule][leaf] = decoded
		}
	}
}

// change is what the hook makes of a route.
func (h *hook) change(route, old *unstructured.Unstructured) *unstructured.Unstructured {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mutate != nil {
		return h.mutate(route, old)
	}
	return inject(route, old, h.wants)
}

// ServeHTTP answers an AdmissionReview. While the hook is down it hangs up.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.calls.Add(1)
	if h.down.Load() {
		panic(http.ErrAbortHandler)
	}
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	patch, err := h.patch(review.Request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	kind := admissionv1.PatchTypeJSONPatch
	review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true, Patch: patch, PatchType: &kind}
	review.Request = nil
	_ = json.NewEncoder(w).Encode(review)
}

func (h *hook) patch(request *admissionv1.AdmissionRequest) ([]byte, error) {
	route, old := &unstructured.Unstructured{}, (*unstructured.Unstructured)(nil)
	if err := route.UnmarshalJSON(request.Object.Raw); err != nil {
		return nil, err
	}
	if len(request.OldObject.Raw) > 0 {
		old = &unstructured.Unstructured{}
		if err := old.UnmarshalJSON(request.OldObject.Raw); err != nil {
			return nil, err
		}
	}
	changed := h.change(route, old)
	operations := []map[string]any{{"op": "replace", "path": "/spec", "value": changed.Object["spec"]}}
	metadata := changed.Object["metadata"]
	operations = append(operations, map[string]any{"op": "replace", "path": "/metadata", "value": metadata})
	return json.Marshal(operations)
}

// servers are the webhook servers of the package by their addresses, one for each
// control plane, with one path for each hook.
var servers = struct {
	sync.Mutex
	muxes map[string]*http.ServeMux
}{muxes: map[string]*http.ServeMux{}}

func serve(t *testing.T, plane *controlplane.ControlPlane, path string, h http.Handler) (url string) {
	t.Helper()
	servers.Lock()
	defer servers.Unlock()
	serving := plane.WebhookServing()
	address := net.JoinHostPort(serving.Host, strconv.Itoa(serving.Port))
	mux := servers.muxes[address]
	if mux == nil {
		mux = http.NewServeMux()
		servers.muxes[address] = mux
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
		go func() {
			_ = s.ServeTLS(listener, filepath.Join(serving.CertDir, "tls.crt"), filepath.Join(serving.CertDir, "tls.key"))
		}()
	}
	mux.Handle(path, h)
	return "https://" + address + path
}

// install registers a webhook for the routes of a namespace, and returns when
// the API server calls it.
func (w *world) install(name string, h *hook, conditions ...registration.MatchCondition) {
	w.Helper()
	url := serve(w.T, w.plane, "/"+w.namespace+"/"+name, h)
	none, ignore, equivalent, again := registration.SideEffectClassNone, registration.Ignore, registration.Equivalent, registration.IfNeededReinvocationPolicy
	scope := registration.NamespacedScope
	hooks := kubernetes.NewForConfigOrDie(w.plane.Config).AdmissionregistrationV1().MutatingWebhookConfigurations()
	configuration := &registration.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name + "-" + w.namespace},
		Webhooks: []registration.MutatingWebhook{{
			Name:                    name + ".ground.test",
			ClientConfig:            registration.WebhookClientConfig{URL: &url, CABundle: w.plane.WebhookServing().CAData},
			AdmissionReviewVersions: []string{"v1"},
			SideEffects:             &none,
			FailurePolicy:           &ignore,
			MatchPolicy:             &equivalent,
			ReinvocationPolicy:      &again,
			MatchConditions:         conditions,
			NamespaceSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.namespace}},
			Rules: []registration.RuleWithOperations{{
				Operations: []registration.OperationType{registration.Create, registration.Update},
				Rule:       registration.Rule{APIGroups: []string{"gateway.networking.k8s.io"}, APIVersions: []string{"v1"}, Resources: []string{"httproutes"}, Scope: &scope},
			}},
		}},
	}
	if _, err := hooks.Create(w.Context(), configuration, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		if err := hooks.Delete(context.Background(), configuration.Name, metav1.DeleteOptions{}); err != nil {
			w.Error(err)
		}
	})
	w.within("the API server to call the webhook", func(ctx context.Context) error {
		probe := w.parsed(`{metadata: {name: probe}, spec: {rules: [{name: probe}]}}`)
		if err := w.Create(ctx, probe, dryRun); err != nil {
			return err
		}
		if h.calls.Load() == 0 {
			return errors.New("it does not")
		}
		return nil
	})
	h.calls.Store(0)
}

// within waits until check has no complaint.
func (w *world) within(what string, check func(context.Context) error) {
	w.Helper()
	eventually.OK(w, eventually.Limit, what, check)
}
