package command

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/console/view"
)

const (
	// uiAsk is how often it is checked whether the API server answers.
	uiAsk = 2 * time.Second
	// uiPatience is how long it may take to answer.
	uiPatience = 5 * time.Second
)

// readOnly blocks every request that could write: the page only gets, lists and watches.
func readOnly(config *rest.Config) *rest.Config {
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return reading{next} })
	return config
}

// reading is a transport that only reads.
type reading struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t reading) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, fmt.Errorf("the page only reads, and this is %s %s", r.Method, r.URL.Path)
	}
	return t.next.RoundTrip(r)
}

// watchServer records in the world when the API server stops answering, and when it answers again.
// Meanwhile the last state is shown.
func (c *uiCluster) watchServer(ctx context.Context, config *rest.Config) {
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return // then other requests fail as well, which is reported
	}
	again := time.NewTicker(uiAsk)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		err := client.RESTClient().Get().AbsPath("/version").Timeout(uiPatience).Do(ctx).Error()
		if ctx.Err() == nil {
			c.heard(troubleOf(config, err), time.Now())
		}
	}
}

// troubleOf returns why there are no updates; empty for a server that answers anything.
func troubleOf(config *rest.Config, err error) string {
	var answered apierrors.APIStatus
	switch {
	case err == nil:
		return ""
	case apierrors.IsUnauthorized(err):
		return "the API server no longer knows who you are: log in again, and start the command again"
	case errors.As(err, &answered) && answered.Status().Code != 0 && answered.Status().Code < http.StatusInternalServerError:
		return ""
	}
	return workspace.Unreachable(config, err).Error()
}

// heard records whether the API server answers.
func (c *uiCluster) heard(trouble string, now time.Time) {
	if (trouble == "") == (c.World().Trouble == "") {
		return
	}
	c.change(nil, func(w *view.World) {
		if w.Trouble = trouble; trouble != "" {
			w.Trouble = "no news since " + now.Format(time.TimeOnly) + ": " + trouble
		}
	})
}

// kindsAbout returns the kinds that the effective policy of a route depends on.
func kindsAbout(s *policy.Snapshot) []schema.GroupKind {
	kinds := []schema.GroupKind{
		hierarchy.NamespaceKind, hierarchy.GatewayClassKind, hierarchy.GatewayKind, hierarchy.ListenerSetKind,
		{Group: hierarchy.Group, Kind: "HTTPRoute"}, {Group: hierarchy.Group, Kind: "GRPCRoute"},
	}
	for _, k := range s.Kinds() {
		kinds = append(kinds, k.GroupKind)
	}
	return kinds
}

// kindsOfResources are the kinds of resources, as far as the API server knows them.
func (c *uiCluster) kindsOfResources(resources []schema.GroupResource) []schema.GroupKind {
	mapper, err := c.options.Config.ToRESTMapper()
	if err != nil {
		return nil
	}
	var kinds []schema.GroupKind
	for _, r := range resources {
		if kind, err := mapper.KindFor(r.WithVersion("")); err == nil {
			kinds = append(kinds, kind.GroupKind())
		}
	}
	return kinds
}

// hidden returns the kinds that the user may not list in all namespaces, each with the namespace of
// the page as an exception if the user may list it there.
func (c *uiCluster) hidden(ctx context.Context, kinds []schema.GroupKind) []view.Hidden {
	mapper, err := c.options.Config.ToRESTMapper()
	if err != nil {
		return nil
	}
	namespace, _, _ := c.options.Config.ToRawKubeConfigLoader().Namespace()
	namespaces, _ := c.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).List(ctx, metav1.ListOptions{})
	one := metav1.ListOptions{Limit: 1}
	var out []view.Hidden
	for _, kind := range kinds {
		mapping, err := mapper.RESTMapping(kind)
		if err != nil {
			continue // it is not served, so nothing of it is hidden
		}
		client := c.client.Resource(mapping.Resource)
		if _, err := client.List(ctx, one); !apierrors.IsForbidden(err) {
			continue
		}
		h := view.Hidden{Kind: kind.Kind, Group: kind.Group, Except: []string{}}
		if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			if _, err := client.Namespace(namespace).List(ctx, one); err == nil {
				h.Except = append(h.Except, namespace)
			}
			if namespaces != nil { // only users who may list namespaces know their number
				h.Namespaces = len(namespaces.Items) - len(h.Except)
			}
		}
		out = append(out, h)
	}
	return out
}
