package charts

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

//go:generate sh -c "rm -f attache/files/crds/*.yaml && cp ../crds/attache.dev_*.yaml attache/files/crds/"
//go:generate sh -c "mkdir -p attache/files/profiles && rm -f attache/files/profiles/*.yaml && cp ../policy/profiles/*.yaml attache/files/profiles/"
//go:generate go test -run "^TestTheTableOf(Values|Roles)$" -update .

//go:embed all:attache
var files embed.FS

// Release is the installation that is rendered.
type Release struct {
	// Name and Namespace are "attache" and "attache-system" if empty.
	Name, Namespace string
	// Values are merged over the chart's own.
	Values map[string]any
	// Hooks adds what Helm installs for a moment only, such as what "helm test" runs.
	Hooks bool
}

// Render returns all objects of the chart, in the order of the template files.
// The error says, among other things, which value the chart's schema refuses.
func Render(r Release) ([]*unstructured.Unstructured, error) {
	texts, err := render(r)
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for i, document := range strings.Split("\n"+texts[name], "\n---") {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(document), &u.Object); err != nil {
				return nil, fmt.Errorf("document %d of %s: %w", i, name, err)
			}
			if _, hook := u.GetAnnotations()["helm.sh/hook"]; len(u.Object) > 0 && (r.Hooks || !hook) {
				objects = append(objects, u)
			}
		}
	}
	return objects, nil
}

// render returns the text of each template.
func render(r Release) (map[string]string, error) {
	chart, err := load()
	if err != nil {
		return nil, err
	}
	if r.Name == "" {
		r.Name = "attache"
	}
	if r.Namespace == "" {
		r.Namespace = "attache-system"
	}
	values, err := util.ToRenderValues(chart, r.Values, common.ReleaseOptions{
		Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true,
	}, common.DefaultCapabilities)
	if err != nil {
		return nil, fmt.Errorf("the values of the chart: %w", err)
	}
	texts, err := engine.Render(chart, values)
	if err != nil {
		return nil, fmt.Errorf("rendering the chart: %w", err)
	}
	return texts, nil
}

func load() (*chartv2.Chart, error) {
	var buffered []*archive.BufferedFile
	err := fs.WalkDir(files, "attache", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := files.ReadFile(path)
		buffered = append(buffered, &archive.BufferedFile{Name: strings.TrimPrefix(path, "attache/"), Data: data})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the chart: %w", err)
	}
	chart, err := loader.LoadFiles(buffered)
	if err != nil {
		return nil, fmt.Errorf("reading the chart: %w", err)
	}
	return chart, nil
}

// Webhooks are the webhook configurations of a rendered chart.
type Webhooks struct {
	Mutating   []*admissionregistrationv1.MutatingWebhookConfiguration
	Validating []*admissionregistrationv1.ValidatingWebhookConfiguration
}

// WebhooksOf finds the webhook configurations among rendered objects.
func WebhooksOf(objects []*unstructured.Unstructured) (Webhooks, error) {
	var w Webhooks
	for _, u := range objects {
		var err error
		switch u.GetKind() {
		case "MutatingWebhookConfiguration":
			c := &admissionregistrationv1.MutatingWebhookConfiguration{}
			err = runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(u.Object, c, true)
			w.Mutating = append(w.Mutating, c)
		case "ValidatingWebhookConfiguration":
			c := &admissionregistrationv1.ValidatingWebhookConfiguration{}
			err = runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(u.Object, c, true)
			w.Validating = append(w.Validating, c)
		}
		if err != nil {
			return Webhooks{}, fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
	return w, nil
}

// RenderWebhooks renders the webhook configurations alone.
func RenderWebhooks(r Release) (Webhooks, error) {
	objects, err := Render(r)
	if err != nil {
		return Webhooks{}, err
	}
	return WebhooksOf(objects)
}

// OnPort keeps the service of all webhooks and the CA that is trusted there, and
// changes the port. With a Service of type ExternalName that leads to this
// machine, an API server calls the webhooks as it does in a real cluster.
func (w Webhooks) OnPort(port int32) {
	w.each(func(c *admissionregistrationv1.WebhookClientConfig) { c.Service.Port = &port })
}

func (w Webhooks) each(change func(*admissionregistrationv1.WebhookClientConfig)) {
	for _, c := range w.Mutating {
		for i := range c.Webhooks {
			change(&c.Webhooks[i].ClientConfig)
		}
	}
	for _, c := range w.Validating {
		for i := range c.Webhooks {
			change(&c.Webhooks[i].ClientConfig)
		}
	}
}
