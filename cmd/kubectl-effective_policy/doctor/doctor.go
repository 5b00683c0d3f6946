package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// State is the result of a check.
type State string

// The states, from the best.
const (
	OK      State = "OK"
	Unknown State = "Unknown"
	Warning State = "Warning"
	Problem State = "Problem"
)

// Check is one checked item.
type Check struct {
	// Part is the part that it belongs to, such as "webhooks"; Name is the name of the item.
	Part    string `json:"part"`
	Name    string `json:"name"`
	State   State  `json:"state"`
	Message string `json:"message"`
}

// Title returns the beginning of its line.
func (c Check) Title() string {
	switch {
	case c.Part == "CRDs":
		return "CRDs of " + c.Name
	case slices.Contains([]string{"version", "lease", "results", "reading"}, c.Name):
		return c.Part
	}
	return c.Name
}

// Cluster is the cluster to examine.
type Cluster struct {
	Client  kubernetes.Interface
	Dynamic dynamic.Interface
	// Namespace is the namespace of the release.
	Namespace string
	// Version is the version of the command, empty if it is not known.
	Version string
	Now     func() time.Time
}

// examination collects checks.
type examination struct {
	Cluster
	checks      []Check
	part        string
	unreachable bool
}

// Examine checks everything, in the order of dependencies. If the API server does not answer,
// nothing else is checked.
func Examine(ctx context.Context, c Cluster) []Check {
	e := &examination{Cluster: c}
	for _, look := range []struct {
		part string
		at   func(context.Context)
	}{
		{"API server", e.apiServer},
		{"CRDs", e.definitions},
		{"processes", e.processes},
		{"leader", e.leader},
		{"webhooks", e.webhooks},
		{"admission policy", e.admissionPolicy},
		{"exporters", e.exporters},
		{"policy reports", e.reports},
		{"your rights", e.rights},
	} {
		e.part = look.part
		if look.at(ctx); e.unreachable {
			break
		}
	}
	return e.checks
}

// Healthy reports whether there are no problems.
func Healthy(checks []Check) bool {
	for _, c := range checks {
		if c.State == Problem {
			return false
		}
	}
	return true
}

func (e *examination) say(name string, state State, format string, args ...any) {
	e.checks = append(e.checks, Check{e.part, name, state, fmt.Sprintf(format, args...)})
}

// failed adds a check for something that could not be read.
func (e *examination) failed(name, what string, err error) {
	if apierrors.IsForbidden(err) {
		e.say(name, Unknown, "you may not read %s: ask somebody who may, or for that right", what)
		return
	}
	e.say(name, Problem, "reading %s: %v", what, err)
}

func (e *examination) apiServer(context.Context) {
	server, err := e.Client.Discovery().ServerVersion()
	if err != nil {
		e.unreachable = true
		var request *url.Error
		if errors.As(err, &request) {
			err = request.Err
		}
		e.say("version", Problem, "it does not answer: %v", err)
		return
	}
	e.say("version", OK, "Kubernetes %s", server.GitVersion)
}

// gatewayKinds are the CRDs of Gateway API that attache needs.
var gatewayKinds = []string{"gatewayclasses", "gateways", "httproutes"}

// ownKinds are the CRDs of this project.
var ownKinds = []string{"timeoutpolicies", "retrypolicies", "ratelimitpolicies", "effectivepolicies", "policyguardrails"}

const gatewayGroup, ownGroup = "gateway.networking.k8s.io", "attache.dev"

var crdResource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

func (e *examination) definitions(ctx context.Context) {
	e.definitionsOf(ctx, gatewayGroup, gatewayKinds, "v1", "install Gateway API: attache waits for it, and needs no restart")
	e.definitionsOf(ctx, ownGroup, ownKinds, "v1alpha1", "install the chart with crds.install=true, or the folder crds of this project")
}

// definitionsOf checks the CRDs of a group, which must serve a version.
func (e *examination) definitionsOf(ctx context.Context, group string, plurals []string, version, remedy string) {
	var missing, unready []string
	bundle := ""
	for _, plural := range plurals {
		u, err := e.Dynamic.Resource(crdResource).Get(ctx, plural+"."+group, getOptions)
		switch {
		case apierrors.IsNotFound(err):
			missing = append(missing, plural)
			continue
		case err != nil:
			e.failed(group, "CustomResourceDefinitions", err)
			return
		}
		if annotations := u.GetAnnotations(); annotations["gateway.networking.k8s.io/bundle-version"] != "" {
			bundle = annotations["gateway.networking.k8s.io/bundle-version"] + " (" + annotations["gateway.networking.k8s.io/channel"] + "), "
		}
		if !established(u.Object) || !serves(u.Object, version) {
			unready = append(unready, plural)
		}
	}
	switch {
	case len(missing) > 0:
		e.say(group, Problem, "%s are not there: %s", strings.Join(missing, ", "), remedy)
	case len(unready) > 0:
		e.say(group, Problem, "%s are not established, or do not serve %s: look at the conditions of their CRDs", strings.Join(unready, ", "), version)
	default:
		e.say(group, OK, "%sserved as %s", bundle, version)
	}
}
