package charts

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// typed is a rendered object as its Go type; nil when it is not rendered.
func typed[T any](t *testing.T, objects []*unstructured.Unstructured, kind, name string) *T {
	t.Helper()
	u := find(objects, kind, name)
	if u == nil {
		return nil
	}
	object := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(u.Object, object, true); err != nil {
		t.Fatalf("%s %s: %v", kind, name, err)
	}
	return object
}

// TestPodsAreReplacedOneByOne checks, for all installations that tests try, what keeps admission
// available while nodes are drained, pods are replaced and zones fail.
func TestPodsAreReplacedOneByOne(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		for _, name := range []string{"attache-webhook", "attache-controller"} {
			d := typed[appsv1.Deployment](t, objects, "Deployment", name)
			replicas := 1
			if d.Spec.Replicas != nil {
				replicas = int(*d.Spec.Replicas)
			}
			if scaler := typed[autoscalingv2.HorizontalPodAutoscaler](t, objects, "HorizontalPodAutoscaler", name); scaler != nil {
				replicas = int(*scaler.Spec.MinReplicas)
			}
			if replicas > 1 || name == "attache-webhook" {
				surges(t, d)
			}
			budget := typed[policyv1.PodDisruptionBudget](t, objects, "PodDisruptionBudget", name)
			if budget != nil {
				lets, err := intstr.GetScaledValueFromIntOrPercent(budget.Spec.MaxUnavailable, replicas, true)
				if err != nil || lets < 1 {
					t.Errorf("of %d pods of %s, %d may be evicted (%v)", replicas, name, lets, err)
				}
				chooses(t, budget.Spec.Selector, d)
			}
			spreads(t, d)
			limits := d.Spec.Template.Spec.Containers[0].Resources.Limits
			if _, limited := limits[corev1.ResourceCPU]; limited || limits.Memory().IsZero() {
				t.Errorf("%s has the limits %v", name, limits)
			}
		}
	})
}

// surges checks that a new pod is ready before an old one ends.
func surges(t *testing.T, d *appsv1.Deployment) {
	t.Helper()
	update := d.Spec.Strategy.RollingUpdate
	if update == nil || *update.MaxUnavailable != intstr.FromInt32(0) || *update.MaxSurge != intstr.FromInt32(1) {
		t.Errorf("%s is updated by %+v", d.Name, d.Spec.Strategy)
	}
}

// chooses checks that a selector is about the pods of a Deployment.
func chooses(t *testing.T, selector *metav1.LabelSelector, d *appsv1.Deployment) {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil || !s.Matches(labels.Set(d.Spec.Template.Labels)) {
		t.Errorf("%v does not select the pods of %s (%v)", selector, d.Name, err)
	}
}

// spreads checks that pods are spread over zones and nodes, pods of each version for themselves.
func spreads(t *testing.T, d *appsv1.Deployment) {
	t.Helper()
	over := map[string]bool{}
	for _, constraint := range d.Spec.Template.Spec.TopologySpreadConstraints {
		over[constraint.TopologyKey] = constraint.MaxSkew == 1 && slices.Equal(constraint.MatchLabelKeys, []string{"pod-template-hash"})
		chooses(t, constraint.LabelSelector, d)
	}
	if !maps.Equal(over, map[string]bool{"topology.kubernetes.io/zone": true, "kubernetes.io/hostname": true}) {
		t.Errorf("the pods of %s are spread over %v", d.Name, over)
	}
}

// TestAnAutoscalerOwnsTheReplicas: a Deployment that states them, too, would undo the autoscaler's
// work at each upgrade.
func TestAnAutoscalerOwnsTheReplicas(t *testing.T) {
	objects := rendered(t, map[string]any{"webhook": map[string]any{"autoscaling": map[string]any{"enabled": true, "maxReplicas": 7}}})
	scaler := typed[autoscalingv2.HorizontalPodAutoscaler](t, objects, "HorizontalPodAutoscaler", "attache-webhook")
	d := typed[appsv1.Deployment](t, objects, "Deployment", "attache-webhook")
	if scaler == nil || d.Spec.Replicas != nil {
		t.Fatalf("autoscaler %v, replicas %v", scaler, d.Spec.Replicas)
	}
	if s := scaler.Spec; s.ScaleTargetRef.Name != d.Name || *s.MinReplicas != 3 || s.MaxReplicas != 7 || *s.Metrics[0].Resource.Target.AverageUtilization != 80 {
		t.Errorf("%+v", s)
	}
	if d.Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().IsZero() {
		t.Error("without a request, there is nothing to measure by")
	}
	objects = rendered(t, nil)
	if d := typed[appsv1.Deployment](t, objects, "Deployment", "attache-webhook"); *d.Spec.Replicas != 3 || len(kinds(objects, "HorizontalPodAutoscaler")) > 0 {
		t.Errorf("without one there are %d replicas", *d.Spec.Replicas)
	}
}

// TestATerminatingPodHasTimeToAnswer: a kubelet that kills a pod during its drain delay ends reviews
// that the API server has already sent.
func TestATerminatingPodHasTimeToAnswer(t *testing.T) {
	for delay, seconds := range map[string]int64{"10s": 45, "0s": 35, "500ms": 36, "2.5s": 38, "90s": 125, "1m30s": 125, "1m0.25s": 96, "5m": 335} {
		objects := rendered(t, map[string]any{"webhook": map[string]any{"drainDelay": delay}})
		spec := typed[appsv1.Deployment](t, objects, "Deployment", "attache-webhook").Spec.Template.Spec
		if got := *spec.TerminationGracePeriodSeconds; got != seconds {
			t.Errorf("after a delay of %s a pod has %d s, not %d", delay, got, seconds)
		}
	}
	for name, timeouts := range map[string]map[string]any{"validating": {"validating": 30}, "mutating": {"mutating": 30}} {
		objects := rendered(t, map[string]any{"admission": map[string]any{"timeouts": timeouts}})
		spec := typed[appsv1.Deployment](t, objects, "Deployment", "attache-webhook").Spec.Template.Spec
		given := time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
		i := slices.IndexFunc(spec.Containers[0].Args, func(a string) bool { return strings.HasPrefix(a, "--drain-delay=") })
		delay, err := time.ParseDuration(strings.TrimPrefix(spec.Containers[0].Args[i], "--drain-delay="))
		if err != nil || given <= delay+30*time.Second {
			t.Errorf("a timeout for %s of 30 s and a delay of %s leave %s (%v)", name, delay, given, err)
		}
	}
}

// TestNodesDecideAboutUsersUnlessAValueDoes is about hostUsers: the field is there when it is set.
func TestNodesDecideAboutUsersUnlessAValueDoes(t *testing.T) {
	for _, value := range []any{nil, false, true} {
		for _, u := range rendered(t, map[string]any{"hostUsers": value}) {
			pod := podOf(u)
			if pod == nil {
				continue
			}
			if got := pod.Object["spec"].(map[string]any)["hostUsers"]; got != value {
				t.Errorf("hostUsers %v: pods of %s %s have %v", value, u.GetKind(), u.GetName(), got)
			}
		}
	}
}
