package charts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestTheTableOfRoles compares the page about roles with the rights that the chart grants.
func TestTheTableOfRoles(t *testing.T) {
	const begin = "<!-- roles: go generate ./charts -->\n"
	file := filepath.Join("..", "docs", "roles.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), begin)
	_, after, closed := strings.Cut(rest, tableEnd)
	if !found || !closed {
		t.Fatalf("%s has no %q and %q", file, begin, tableEnd)
	}
	text := before + begin + rolesOf(t) + tableEnd + after
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if text != string(page) {
		t.Errorf(`%s does not have the rules of the chart: run "go generate ./charts"`, file)
	}
}

// rolesOf has a row for each rule of each role, without the kinds of vendors.
func rolesOf(t *testing.T) string {
	t.Helper()
	objects := rendered(t, map[string]any{"vendorPolicies": false})
	holders := map[string][]string{}
	for _, u := range append(kinds(objects, "ClusterRoleBinding"), kinds(objects, "RoleBinding")...) {
		role, _, _ := unstructured.NestedStringMap(u.Object, "roleRef")
		subjects, _, _ := unstructured.NestedSlice(u.Object, "subjects")
		for _, s := range subjects {
			name, _ := s.(map[string]any)["name"].(string)
			holders[role["kind"]+role["name"]] = append(holders[role["kind"]+role["name"]], "`"+name+"`")
		}
	}
	var out strings.Builder
	out.WriteString("| role | who has it | group | resources | verbs |\n|---|---|---|---|---|\n")
	for _, u := range append(kinds(objects, "ClusterRole"), kinds(objects, "Role")...) {
		who := strings.Join(holders[u.GetKind()+u.GetName()], ", ")
		for label := range u.GetLabels() {
			if to, is := strings.CutPrefix(label, "rbac.authorization.k8s.io/aggregate-to-"); is && (who == "" || to == "view") {
				who = "`" + to + "` and above" // the least of them
			}
		}
		if strings.HasSuffix(u.GetName(), "-edit") {
			who = "`edit` and above"
		}
		if who == "" {
			who = "whom you bind"
		}
		name := fmt.Sprintf("%s `%s`", u.GetKind(), u.GetName())
		if u.Object["aggregationRule"] != nil {
			fmt.Fprintf(&out, "| %s | %s | | what ClusterRoles labelled `attache.dev/aggregate-to-reader: \"true\"` have | |\n", name, who)
		}
		rules, _, _ := unstructured.NestedSlice(u.Object, "rules")
		for _, r := range rules {
			list := func(key string) string {
				texts, _, _ := unstructured.NestedStringSlice(r.(map[string]any), key)
				return strings.Join(texts, ", ")
			}
			what := list("resources")
			if names := list("resourceNames"); names != "" {
				what += " (only " + names + ")"
			}
			if urls := list("nonResourceURLs"); urls != "" {
				what = urls
			}
			fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", name, who, list("apiGroups"), what, list("verbs"))
			name, who = "", ""
		}
	}
	return out.String()
}
