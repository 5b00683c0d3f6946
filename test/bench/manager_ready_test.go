package bench

import (
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
)

// bareList lists what a manager reads before it is ready, all kinds at once, with the general client and the
// manager's credentials, and does nothing with it. It says how ready compares with that, and with the time
// that it takes until the API server has sent the same.
func (s *site) bareList(ready time.Duration) {
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		s.b.Fatal(err)
	}
	config.QPS = -1
	bare := dial(s.b, config)
	resources := []schema.GroupVersionResource{{Version: "v1", Resource: "namespaces"}}
	for _, crd := range bare.list(s.b, "apiextensions.k8s.io/v1", "CustomResourceDefinition") {
		group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
		plural, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "plural")
		versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
		if strings.HasPrefix(crd.GetName(), "effectivepolicies.") {
			continue // not needed to be ready
		}
		var version string
		for _, v := range versions {
			if v, _ := v.(map[string]any); v["storage"] == true {
				version, _ = v["name"].(string)
			}
		}
		resources = append(resources, schema.GroupVersionResource{Group: group, Version: version, Resource: plural})
	}
	began := time.Now() // after the CRDs, of which a manager reads only some
	var running sync.WaitGroup
	counts := make([]int, len(resources))
	for i, resource := range resources {
		running.Go(func() {
			list, err := bare.Resource(resource).List(s.b.Context(), metav1.ListOptions{})
			if err != nil {
				s.b.Error(err)
				return
			}
			counts[i] = len(list.Items)
		})
	}
	running.Wait()
	took, objects := time.Since(began), 0
	for _, n := range counts {
		objects += n
	}
	measured(s.b, "bare-list-ns", float64(took))
	measured(s.b, "ready-against-bare-list", ready.Seconds()/took.Seconds())
	say("ready after %v; a bare list of the same %d objects takes %v: ready against a bare list %.2f", ready, objects, took, ready.Seconds()/took.Seconds())
}

// calm waits until the manager's memory no longer falls, and returns it in bytes: it is given back when a
// burst of work is over.
func (m *manager) calm(s *site) float64 {
	const rss = "process_resident_memory_bytes"
	least, since := m.metric(s.b, rss), time.Now()
	for began := time.Now(); time.Since(since) < 10*time.Second && time.Since(began) < 2*time.Minute; time.Sleep(time.Second) {
		if now := m.metric(s.b, rss); now < 0.98*least {
			least, since = now, time.Now()
		}
	}
	return m.metric(s.b, rss)
}
