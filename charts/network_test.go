package charts

import (
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// TestWhoMayBeCalledIsListed: with egress rules, attache calls the API server and what a value adds,
// such as a collector of traces.
func TestWhoMayBeCalledIsListed(t *testing.T) {
	objects := rendered(t, variants["everything on"])
	for _, name := range []string{"attache-webhook", "attache-controller"} {
		p := typed[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy", name)
		if len(p.Spec.PolicyTypes) != 2 || len(p.Spec.Egress) != 2 {
			t.Fatalf("%s: %+v", name, p.Spec)
		}
		apiServer, collector := p.Spec.Egress[0], p.Spec.Egress[1]
		if len(apiServer.Ports) != 2 || apiServer.To[0].IPBlock.CIDR != "10.0.0.0/28" {
			t.Errorf("%s: the API server's rule is %+v", name, apiServer)
		}
		if *collector.Ports[0].Port != intstr.FromInt32(4317) || collector.To[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] != "observability" {
			t.Errorf("%s: the collector's rule is %+v", name, collector)
		}
	}
	objects = rendered(t, map[string]any{"networkPolicy": map[string]any{"enabled": true}})
	if p := typed[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy", "attache-webhook"); len(p.Spec.PolicyTypes) != 1 || p.Spec.Egress != nil {
		t.Errorf("without egress.enabled: %+v", p.Spec)
	}
}
