package controller

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/migrate/document"
)

// Replicas are how many Pods of the controller count limits, each for itself (M55).
type Replicas struct {
	Count int64
	// Scaled says that a HorizontalPodAutoscaler changes the number.
	Scaled bool
}

// FindReplicas takes the number that was given, else that of the controller's Deployment,
// which has its label, else 1.
func FindReplicas(objects []document.Object, given int, label string) Replicas {
	r := Replicas{Count: 1}
	for i := range objects {
		u := objects[i].Unstructured
		if u.GetKind() != "Deployment" || !isController(u, label) {
			continue
		}
		if n, has, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "replicas"); has && whole(n) > 0 {
			r.Count = whole(n)
		}
		for j := range objects {
			r.Scaled = r.Scaled || scales(objects[j].Unstructured, u)
		}
		break
	}
	if given > 0 {
		r.Count = int64(given)
	}
	return r
}

// isController says whether a Deployment is the controller itself: its charts deploy other
// programs with the same name, apart from the component.
func isController(u *unstructured.Unstructured, label string) bool {
	labels := u.GetLabels()
	component, has := labels["app.kubernetes.io/component"]
	return label != "" && labels["app.kubernetes.io/name"] == label && (!has || component == "controller")
}

// scales says whether an object is an autoscaler of a Deployment.
func scales(u, deployment *unstructured.Unstructured) bool {
	if u.GetKind() != "HorizontalPodAutoscaler" || u.GetNamespace() != deployment.GetNamespace() {
		return false
	}
	target, _, _ := unstructured.NestedStringMap(u.Object, "spec", "scaleTargetRef")
	return target["kind"] == "Deployment" && target["name"] == deployment.GetName()
}
