package controller

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// network answers every request with an object.
type network struct{ methods []string }

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.methods = append(n.methods, r.Method)
	body := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"b"}}`
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// TestNobodyWritesWhoMayNotLead holds that a write is planned again, and is not sent, while another
// replica may lead; reads are sent.
func TestNobodyWritesWhoMayNotLead(t *testing.T) {
	var leads error
	sent := &network{}
	client, err := dynamic.NewForConfig(&rest.Config{
		Host: "http://example.com", Transport: sent,
		WrapTransport: func(next http.RoundTripper) http.RoundTripper { return leading{func() error { return leads }, next} },
	})
	if err != nil {
		t.Fatal(err)
	}
	objects := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace("b")
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}}}
	writes := map[string]func() error{
		"apply": func() error {
			_, err := objects.Apply(t.Context(), "a", object, metav1.ApplyOptions{FieldManager: "c"})
			return err
		},
		"create": func() error { _, err := objects.Create(t.Context(), object, metav1.CreateOptions{}); return err },
		"update": func() error { _, err := objects.Update(t.Context(), object, metav1.UpdateOptions{}); return err },
		"delete": func() error { return objects.Delete(t.Context(), "a", metav1.DeleteOptions{}) },
	}
	for verb, write := range writes {
		if err := write(); err != nil {
			t.Errorf("%s by the leader: %v", verb, err)
		}
	}
	leads, sent.methods = errors.New("the lease was not renewed"), nil
	for verb, write := range writes {
		result, err := outcome(write())
		var later errLater
		if result != resultFailed || !errors.As(err, &later) || later.after != notLeading || !strings.Contains(err.Error(), "the lease was not renewed") {
			t.Errorf("%s by another: %s, %v", verb, result, err)
		}
	}
	if _, err := objects.Get(t.Context(), "a", metav1.GetOptions{}); err != nil || len(sent.methods) != 1 || sent.methods[0] != http.MethodGet {
		t.Errorf("sent was %v, %v", sent.methods, err)
	}
}
