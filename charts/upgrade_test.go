package charts

import (
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/engine"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/controlplane"
)

// TestAnUpgradeThatNobodyReviewedIsRefused renders the chart as Helm does on a real API server that
// has the controller of another version.
func TestAnUpgradeThatNobodyReviewedIsRefused(t *testing.T) {
	const namespace = "upgrades"
	plane := controlplane.Shared(t)
	c, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		t.Fatal(err)
	}
	// upgrade renders a version over an installed one; without a plane as "helm template" does.
	upgrade := func(to string, values map[string]any, cluster bool) error {
		chart, err := load()
		if err != nil {
			t.Fatal(err)
		}
		chart.Metadata.AppVersion = to
		all, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: "attache", Namespace: namespace, Revision: 2, IsUpgrade: true}, common.DefaultCapabilities)
		if err != nil {
			t.Fatal(err)
		}
		if cluster {
			_, err = engine.RenderWithClient(chart, all, plane.Config)
		} else {
			_, err = engine.Render(chart, all)
		}
		return err
	}
	if err := upgrade("0.9.0", nil, true); err != nil {
		t.Fatalf("where nothing is installed: %v", err)
	}
	objects, err := Render(Release{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	deployment := find(objects, "Deployment", "attache-controller")
	if err := c.Create(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	accept := func(line string) map[string]any { return map[string]any{"upgrade": map[string]any{"acceptFrom": line}} }
	const skips, back = "skips versions", "an older version may not read"
	for _, test := range []struct {
		from, to string
		values   map[string]any
		refused  string // empty: it is not
	}{
		{"0.1.0", "0.1.0", nil, ""},
		{"0.1.0", "0.1.7", nil, ""},
		{"0.1.7", "0.1.0", nil, ""},
		{"0.1.3", "0.2.0", nil, ""},
		{"0.2.0-rc.1", "0.2.0", nil, ""},
		{"v0.1.3", "0.2.0-rc.1", nil, ""},
		{"0.1.0", "0.3.0", nil, skips},
		{"0.1.0", "0.3.0", accept("0.1"), ""},
		{"0.1.0", "0.3.0", accept("0.2"), skips},
		{"0.9.0", "1.0.0", nil, skips},
		{"0.9.0", "1.0.0", accept("0.9"), ""},
		{"0.2.0", "0.1.9", nil, back},
		{"0.2.0", "0.1.9", accept("0.2"), ""},
		{"1.0.0", "0.9.0", nil, back},
		{"1.4.0", "1.3.9", nil, back},
		{"1.4.0", "1.4.1", nil, ""},
		{"1.0.0", "1.9.0", nil, ""},
		{"1.2.0", "2.5.0", nil, ""},
		{"1.2.0", "3.0.0", nil, skips},
		{"1.2.0", "3.0.0", accept("1.2"), ""},
		{"main", "0.3.0", nil, ""}, // not a version
	} {
		t.Run(test.from+" to "+test.to, func(t *testing.T) {
			label(t, c, deployment, test.from)
			switch err := upgrade(test.to, test.values, true); {
			case err == nil && test.refused == "":
			case err == nil || test.refused == "":
				t.Errorf("got %v", err)
			default:
				line := strings.Join(strings.Split(test.from, ".")[:2], ".")
				for _, want := range []string{"attache " + test.from + " is installed", test.to, test.refused, "CHANGELOG.md", `set upgrade.acceptFrom="` + line + `"`} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q is not in %v", want, err)
					}
				}
			}
			if err := upgrade(test.to, test.values, false); err != nil {
				t.Errorf("without a cluster: %v", err)
			}
		})
	}
}

// label makes a Deployment that of another version.
func label(t *testing.T, c client.Client, u *unstructured.Unstructured, version string) {
	t.Helper()
	patch := `{"metadata":{"labels":{"app.kubernetes.io/version":"` + version + `"}}}`
	if err := c.Patch(t.Context(), u.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		t.Fatal(err)
	}
}
