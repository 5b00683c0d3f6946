package charts

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
)

// exportRights are what the chart lets an account do by the roles of exporters: "group/resource verb".
func exportRights(objects []*unstructured.Unstructured, account string) map[string]bool {
	rights := map[string]bool{}
	for _, binding := range kinds(objects, "ClusterRoleBinding") {
		role, _, _ := unstructured.NestedString(binding.Object, "roleRef", "name")
		subjects, _, _ := unstructured.NestedSlice(binding.Object, "subjects")
		if !strings.HasPrefix(role, "attache-export") || !slices.ContainsFunc(subjects, func(s any) bool { return s.(map[string]any)["name"] == account }) {
			continue
		}
		rules, _, _ := unstructured.NestedSlice(find(objects, "ClusterRole", role).Object, "rules")
		for _, rule := range rules {
			list := func(key string) []string {
				texts, _, _ := unstructured.NestedStringSlice(rule.(map[string]any), key)
				return texts
			}
			for _, group := range list("apiGroups") {
				for _, resource := range list("resources") {
					for _, verb := range list("verbs") {
						rights[group+"/"+resource+" "+verb] = true
					}
				}
			}
		}
	}
	return rights
}

// grant adds rights on the kinds of an exporter.
func grant(rights map[string]bool, row export.Registration, verbs ...string) {
	for _, k := range row.Kinds {
		for _, verb := range verbs {
			rights[k.Group+"/"+k.Plural+" "+verb] = true
		}
	}
}

// protected are the resources that nobody else may change.
func protected(objects []*unstructured.Unstructured) (resources []string) {
	for _, u := range kinds(objects, "ValidatingAdmissionPolicy") {
		if u.GetName() != "attache-export" {
			continue
		}
		rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "matchConstraints", "resourceRules")
		for _, rule := range rules {
			list, _, _ := unstructured.NestedStringSlice(rule.(map[string]any), "resources")
			resources = append(resources, list...)
		}
	}
	slices.Sort(resources)
	return resources
}

// TestAnExporterBringsItsRightsAndNoOthers: each exporter alone, all together, in each mode, and
// one that is switched off (E9.1, E5.5, E5.6). Rights on other kinds do not come from exporters.
func TestAnExporterBringsItsRightsAndNoOthers(t *testing.T) {
	routes := []string{"gateway.networking.k8s.io/grpcroutes patch", "gateway.networking.k8s.io/httproutes patch"}
	check := func(t *testing.T, values map[string]any, rows []export.Registration, mode string, off ...export.Registration) {
		t.Helper()
		objects := rendered(t, map[string]any{"annotateRoutes": false, "export": values})
		reads, writes := map[string]bool{}, map[string]bool{}
		var guarded []string
		for _, row := range slices.Concat(rows, off) {
			grant(reads, row, "get", "list", "watch")
			if row.Injects && !row.Experimental {
				for _, right := range routes {
					writes[right] = true
				}
			}
		}
		for _, row := range off {
			grant(writes, row, "delete")
		}
		for _, row := range rows {
			if mode == "Write" && !row.Experimental {
				grant(writes, row, "create", "patch", "delete")
			}
			if mode != "Observe" || row.Experimental {
				for _, k := range row.Kinds {
					guarded = append(guarded, k.Plural)
				}
			}
		}
		slices.Sort(guarded)
		if got := exportRights(objects, "attache-webhook"); !maps.Equal(got, reads) {
			t.Errorf("the webhook may %v, not %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(reads)))
		}
		maps.Copy(writes, reads)
		if got := exportRights(objects, "attache-controller"); !maps.Equal(got, writes) {
			t.Errorf("the controller may %v, not %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(writes)))
		}
		if got := protected(objects); !slices.Equal(got, guarded) {
			t.Errorf("what exporters write is protected of %v, not of %v", got, guarded)
		}
	}
	rows := exporters.All()
	names := make([]any, len(rows))
	for i, row := range rows {
		names[i] = row.Name()
		for _, mode := range []string{"Write", "Observe", "Plan"} {
			t.Run(row.Name()+" "+mode, func(t *testing.T) {
				parameters := map[string]any{row.Name(): map[string]any{"mode": mode}}
				check(t, map[string]any{"exporters": []any{row.Name()}, "parameters": parameters}, []export.Registration{row}, mode)
			})
		}
		t.Run(row.Name()+" switched off", func(t *testing.T) {
			check(t, map[string]any{"cleanup": []any{row.Name()}}, nil, "", row)
		})
	}
	t.Run("all together", func(t *testing.T) { check(t, map[string]any{"exporters": names}, rows, "Write") })
	t.Run("none", func(t *testing.T) { check(t, map[string]any{}, nil, "") })
	if got := protected(rendered(t, map[string]any{"export": map[string]any{"exporters": names, "protect": false}})); got != nil {
		t.Errorf("without export.protect, %v are protected", got)
	}
}

// TestTheNotesSayHowToLeave: objects of exporters that are switched off are removed, and what is
// left after attache itself was removed can be found by its labels (E5.6, E8.9).
func TestTheNotesSayHowToLeave(t *testing.T) {
	notes := func(values map[string]any) string {
		texts, err := render(Release{Values: map[string]any{"export": values}})
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range texts {
			if strings.HasSuffix(name, "NOTES.txt") {
				return strings.Join(strings.Fields(text), " ")
			}
		}
		t.Fatal("there are no NOTES")
		return ""
	}
	const byLabel = "--all-namespaces --selector app.kubernetes.io/managed-by=attache,attache.dev/exporter"
	for name, c := range map[string]struct {
		values map[string]any
		says   []string
	}{
		"none is on":  {map[string]any{}, []string{"No exporter is switched on", "--set export.exporters={envoy-gateway}"}},
		"two are on":  {map[string]any{"exporters": []any{"envoy-gateway", "traefik"}}, []string{"switch exporters off", "kubectl delete backendtrafficpolicies.gateway.envoyproxy.io,middlewares.traefik.io " + byLabel}},
		"no kinds":    {map[string]any{"exporters": []any{"standard"}}, []string{"export --restore"}},
		"one goes":    {map[string]any{"cleanup": []any{"traefik"}}, []string{"(traefik) are being removed", "--set-json export.cleanup=[]"}},
		"no cluster":  {map[string]any{"exporters": []any{"standard"}}, []string{"export.cleanup is empty"}},
		"experiments": {map[string]any{"exporters": []any{"nginx"}}, []string{"kubectl delete ratelimitpolicies.gateway.nginx.org,proxysettingspolicies.gateway.nginx.org " + byLabel}},
	} {
		text := notes(c.values)
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in %s", name, want, text)
			}
		}
	}
}
