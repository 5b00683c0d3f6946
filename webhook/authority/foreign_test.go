package authority

import (
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic/fake"
)

// TestASecretOfSomebodyElseIsNeverWritten keeps an authority whose Secret already exists and is not
// ours, or is not ours any more: nothing is written, and the error says what to do.
func TestASecretOfSomebodyElseIsNeverWritten(t *testing.T) {
	for name, labels := range map[string]map[string]any{
		"without labels":      nil,
		"with other labels":   {"app.kubernetes.io/part-of": "attache", "app.kubernetes.io/managed-by": "Helm"},
		"with the label away": {ownLabel: "false"},
	} {
		t.Run(name, func(t *testing.T) {
			metadata := map[string]any{"namespace": "attache-system", "name": "authority", "resourceVersion": "1"}
			if labels != nil {
				metadata["labels"] = labels
			}
			client := fake.NewSimpleDynamicClient(runtime.NewScheme(), &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls",
				"data": map[string]any{"tls.crt": "dGhlaXJz", "tls.key": "dGhlaXJz"},
			}})
			keeper := &Keeper{
				options: Options{Namespace: "attache-system", Secret: "authority", Lifetimes: short, Log: logr.Discard()},
				client:  client, now: time.Now,
			}
			_, err := keeper.keep(t.Context())
			if err == nil {
				t.Fatal("there is no error")
			}
			for _, words := range []string{"Secret attache-system/authority is not attache's", "lacks the label attache.dev/authority=true", "delete it, or name another one"} {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
			for _, a := range client.Actions() {
				if a.GetVerb() != "get" {
					t.Errorf("the keeper did %s %s", a.GetVerb(), a.GetResource().Resource)
				}
			}
			if !keeper.Expiry().IsZero() {
				t.Error("an authority is said to be kept")
			}
		})
	}
}
