package e2e

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/policy/publish"
)

// alike are spellings that look like a name, or that a careless program takes for it.
func alike(name string) map[string]string {
	spellings := map[string]string{
		"a letter of another script": strings.Replace(name, "e", "\u0435", 1),
		"capitals":                   strings.ToUpper(name),
		"full width":                 strings.Replace(name, "w", "\uff57", 1),
		"a space of no width":        name + "\u200b",
		"a space":                    name + " ",
		"a line break":               name + "\n",
		"a NUL":                      name + "\x00",
		"an escape":                  "\x1b[31m" + name,
		"right to left":              "\u202e" + name,
		"a combining mark":           name + "\u0301",
		"a dot":                      name + ".",
		"a path":                     "../team-b/" + name,
		"a section":                  name + "#r1",
		"a pattern":                  name[:1] + "*",
		"punycode":                   "xn--" + name + "-9cd",
	}
	maps.DeleteFunc(spellings, func(_, spelling string) bool { return spelling == name })
	return spellings
}

// onlyVisible says which text has a character that is not seen as what it is.
func onlyVisible(texts []string) error {
	for _, text := range texts {
		for _, r := range text {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				return fmt.Errorf("%U stands raw in %q", r, text)
			}
		}
	}
	return nil
}

// messages are the texts of conditions in a status. The references beside them are data.
func messages(value any) (texts []string) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if text, isText := inner.(string); isText && key == "message" {
				texts = append(texts, text)
			}
			texts = append(texts, messages(inner)...)
		}
	case []any:
		for _, inner := range value {
			texts = append(texts, messages(inner)...)
		}
	}
	return texts
}

// What only looks like a name reaches nothing, as a target, as a namespace, as a section, as a
// hostname, and as a label of consent; and messages about it show it as text.
func TestLookAlikesReachNothing(t *testing.T) {
	s := startSite(t, nil, "team-a", "team-b")
	e := &ears{}
	config := rest.CopyConfig(s.user("alice", "team-a").Config)
	config.WarningHandler = e
	alice, bob := newWorld(t, config, "team-a"), s.owner("bob", "team-b")
	alice.route("web", "5s")
	bob.route("web", "6s")
	within(t, patience, "the results", func(context.Context) error {
		if err := alice.published("web", "5s"); err != nil {
			return err
		}
		return bob.published("web", "6s")
	})
	right := map[string]string{}
	digests := func(in map[string]string) {
		for _, w := range []*world{alice, bob} {
			status, _ := s.as(s.plane.Config, w.namespace).object(publish.Kind, "httproute.web").Object["status"].(map[string]any)
			in[w.namespace] = fmt.Sprint(status["digest"])
		}
	}
	digests(right)
	n, taken := 0, 0
	try := func(what, target string) {
		t.Helper()
		n++
		manifest := parsed(t, policyOn("team-a", fmt.Sprintf("alike-%d", n), "kind: HTTPRoute, name: web", "override: {request: 1s}"))
		reference := manifest.Object["spec"].(map[string]any)["targetRef"].(map[string]any)
		field, value, _ := strings.Cut(target, "=")
		reference[field] = value
		switch err := alice.Create(t.Context(), manifest); {
		case apierrors.IsInvalid(err):
			return // the schema's word: the API server's own quotation of what its author sent
		case err != nil:
			e.hear(err.Error())
			return
		}
		taken++
		t.Logf("taken: %s as %s", what, field)
	}
	for what, name := range alike("web") {
		try(what, "name="+name)
	}
	for what, namespace := range alike("team-b") {
		try(what, "namespace="+namespace)
	}
	for what, section := range alike("r1") {
		try(what, "sectionName="+section)
	}
	for what, kind := range map[string]string{"capitals": "HTTPROUTE", "another script": "HTTPRout\u0435", "a group": "HTTPRoute.gateway.networking.k8s.io"} {
		try(what, "kind="+kind)
	}
	for what, host := range alike("web") {
		u := parsed(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: host-`+fmt.Sprint(n)+`, namespace: team-a}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}}`)
		n++
		u.Object["spec"].(map[string]any)["hostnames"] = []any{host + ".example.com"}
		if err := alice.Create(t.Context(), u); err == nil && what != "punycode" {
			t.Errorf("a hostname with %s is taken: %q", what, host)
		}
	}
	for what, key := range alike("attache.dev/inject") {
		u := parsed(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: label-`+fmt.Sprint(n)+`, namespace: team-a}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}}`)
		n++
		u.SetLabels(map[string]string{key: "true"})
		if err := alice.Create(t.Context(), u); err == nil && what != "punycode" {
			t.Errorf("a label with %s is taken: %q", what, key)
		}
	}
	if taken == 0 {
		t.Error("every spelling was refused, so nothing was tried")
	}
	s.controller.idle(t)
	now := map[string]string{}
	digests(now)
	for namespace, digest := range right {
		if now[namespace] != digest {
			t.Errorf("the result of %s/web is another: %s, was %s", namespace, now[namespace], digest)
		}
	}
	told := e.all()
	admin := s.as(s.plane.Config, "team-a")
	for _, u := range admin.all("TimeoutPolicy", "team-a") {
		told = append(told, messages(u.Object["status"])...)
	}
	for _, u := range admin.all("Event.v1.events.k8s.io", "team-a") {
		told = append(told, fmt.Sprint(u.Object["note"]))
	}
	if err := onlyVisible(told); err != nil {
		t.Error(err)
	}
}
