package migrate

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// replicas are how many Pods of the controller count limits, each for itself (M55).
type replicas struct {
	count int64
	// scaled says that a HorizontalPodAutoscaler changes the number.
	scaled bool
}

// findReplicas takes the number that was given, else that of the controller's Deployment,
// which has its label, else 1.
func findReplicas(objects []Object, given int, label string) replicas {
	r := replicas{count: 1}
	for i := range objects {
		u := objects[i].Unstructured
		if u.GetKind() != "Deployment" || !isController(u, label) {
			continue
		}
		if n, has, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "replicas"); has && whole(n) > 0 {
			r.count = whole(n)
		}
		for j := range objects {
			r.scaled = r.scaled || scales(objects[j].Unstructured, u)
		}
		break
	}
	if given > 0 {
		r.count = int64(given)
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
