package doctor

import (
	"context"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The labels of objects that exporters write.
const (
	managedBySelector = "app.kubernetes.io/managed-by=attache,attache.dev/exporter="
	recordAnnotation  = "attache.dev/injected"
)

// Exporter is an exporter by its name, the kinds that it writes, and whether it writes into routes.
type Exporter struct {
	Name    string
	Kinds   []schema.GroupVersionResource
	Injects bool
}

// Exporters are all exporters, sorted by name. A test compares them with the engine's registry,
// which this package does not import.
func Exporters() []Exporter {
	kind := func(group string, resources ...string) (kinds []schema.GroupVersionResource) {
		for _, r := range resources {
			kinds = append(kinds, schema.GroupVersionResource{Group: group, Version: "v1alpha1", Resource: r})
		}
		return kinds
	}
	return []Exporter{
		{"agentgateway", kind("agentgateway.dev", "agentgatewaypolicies"), false},
		{"envoy-gateway", kind("gateway.envoyproxy.io", "backendtrafficpolicies"), true},
		{"kgateway", kind("gateway.kgateway.dev", "trafficpolicies"), true},
		{"nginx", kind("gateway.nginx.org", "proxysettingspolicies", "ratelimitpolicies"), false},
		{"standard", nil, true},
		{"traefik", kind("traefik.io", "middlewares"), true},
	}
}

// exporters looks for what exporters wrote: objects of data planes, and values in routes. For an
// exporter that is switched off, it reports what is left, and how that is removed (E5.6, E8.9).
func (e *examination) exporters(ctx context.Context) {
	settings, err := e.Client.CoreV1().ConfigMaps(e.Namespace).Get(ctx, settingsName, getOptions)
	if err != nil {
		return // it is said of the processes
	}
	enabled, leaving := listed(settings.Data["exporters"]), listed(settings.Data["exportCleanup"])
	injects, left := false, false
	for _, row := range Exporters() {
		on := slices.Contains(enabled, row.Name)
		injects = injects || row.Injects && on
		count := 0
		for _, resource := range row.Kinds {
			n, known := e.counted(ctx, row.Name, resource)
			if !known {
				return
			}
			count += n
		}
		left = e.exporter(row.Name, count, on, slices.Contains(leaving, row.Name)) || left
	}
	if routes, known := e.recorded(ctx, injects); known && routes > 0 {
		left = true
		e.say("exporters", Warning, "%d routes still have values that an exporter put into them, and none is switched on: kubectl effective-policy export --restore -A | kubectl replace -f -", routes)
	}
	if !left && len(enabled) == 0 {
		e.say("exporters", OK, "none is switched on, and nothing of one is left")
	}
}

// exporter reports what one exporter wrote, and whether that should not be there.
func (e *examination) exporter(name string, objects int, on, leaving bool) (left bool) {
	name = "exporter " + name
	switch {
	case on:
		e.say(name, OK, "switched on, %d objects", objects)
	case objects == 0:
		return false
	case leaving:
		e.say(name, Warning, "switched off, %d objects are being removed: the rights for that can go when there are none", objects)
	default:
		e.say(name, Warning, "switched off, and nobody removes %d objects: name it in export.cleanup", objects)
	}
	return !on
}

// counted returns the number of objects of an exporter of one kind; known is false when they cannot
// be read.
func (e *examination) counted(ctx context.Context, exporter string, resource schema.GroupVersionResource) (n int, known bool) {
	n, err := e.each(ctx, resource, managedBySelector+exporter, func(*unstructured.Unstructured) bool { return true })
	if err != nil {
		e.failed("exporter "+exporter, resource.GroupResource().String(), err)
	}
	return n, err == nil
}

// recorded returns the number of routes with injected values although no exporter is enabled.
func (e *examination) recorded(ctx context.Context, injects bool) (n int, known bool) {
	if injects {
		return 0, true
	}
	for _, kind := range []string{"httproutes", "grpcroutes"} {
		some, err := e.each(ctx, schema.GroupVersionResource{Group: gatewayGroup, Version: "v1", Resource: kind}, "", func(u *unstructured.Unstructured) bool {
			return u.GetAnnotations()[recordAnnotation] != ""
		})
		if err != nil {
			e.failed("exporters", kind, err)
			return 0, false
		}
		n += some
	}
	return n, true
}

// page is the number of objects in one answer of the API server.
const page = 500

// each counts the matching objects; none for a kind that is not installed.
func (e *examination) each(ctx context.Context, resource schema.GroupVersionResource, selector string, meant func(u *unstructured.Unstructured) bool) (n int, err error) {
	options := metav1.ListOptions{LabelSelector: selector, Limit: page}
	for {
		list, err := e.Dynamic.Resource(resource).List(ctx, options)
		switch {
		case apierrors.IsNotFound(err):
			return n, nil
		case err != nil:
			return n, err
		}
		for i := range list.Items {
			if meant(&list.Items[i]) {
				n++
			}
		}
		if options.Continue = list.GetContinue(); options.Continue == "" {
			return n, nil
		}
	}
}

// listed returns the entries of a list separated by commas.
func listed(text string) []string {
	return slices.DeleteFunc(strings.Split(text, ","), func(s string) bool { return s == "" })
}
