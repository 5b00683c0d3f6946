package charts

import (
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestHelmHasNothingToSay runs what "helm lint --strict" runs.
func TestHelmHasNothingToSay(t *testing.T) {
	for name, values := range variants {
		t.Run(name, func(t *testing.T) {
			version := common.DefaultCapabilities.KubeVersion
			linter := lint.RunAll("attache", values, "attache-system", lint.WithKubeVersion(&version))
			for _, m := range linter.Messages {
				if m.Severity > support.InfoSev {
					t.Error(m)
				}
			}
		})
	}
}

// TestEverythingIsPartOfAttache checks the labels by which people find what was installed.
func TestEverythingIsPartOfAttache(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		for _, u := range objects {
			if u.GetLabels()["app.kubernetes.io/part-of"] != "attache" {
				t.Errorf("%s %s has no label app.kubernetes.io/part-of", u.GetKind(), u.GetName())
			}
			if pod := podOf(u); pod != nil && pod.GetLabels()["app.kubernetes.io/part-of"] != "attache" {
				t.Errorf("pods of %s %s have no label app.kubernetes.io/part-of", u.GetKind(), u.GetName())
			}
		}
	})
}

// TestRulesOfAggregatedRolesAreLeftToTheirController checks that no upgrade conflicts with the
// controller that aggregates such roles.
func TestRulesOfAggregatedRolesAreLeftToTheirController(t *testing.T) {
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		aggregated := 0
		for _, u := range objects {
			if _, found := u.Object["aggregationRule"]; !found {
				continue
			}
			aggregated++
			if _, stated := u.Object["rules"]; stated {
				t.Errorf("%s %s states rules besides its aggregationRule", u.GetKind(), u.GetName())
			}
		}
		if aggregated == 0 {
			t.Error("nothing is aggregated")
		}
	})
}
