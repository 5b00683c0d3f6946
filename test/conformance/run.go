package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Options say which plane is checked, and how it is reached.
type Options struct {
	Config       *rest.Config
	GatewayClass string
	// Address is where requests go instead of the Gateway's address: a host.
	Address string
	// Ports are those of the suite's two listeners; zero is 8181 and 8182.
	Ports [2]int
	// PortOffset is added to the ports of listeners.
	PortOffset int
	// RouteLabels are put on the suite's routes: what an exporter asks for before
	// it writes to a route.
	RouteLabels map[string]string
	// BackendHost is the address of the suite's backend. When it is empty an
	// annotation on the Service names it, as examples/dataplane reads it; else
	// it is the Service's clusterIP.
	BackendHost string
	// ReadsAnnotation says that the plane enforces what the annotation says.
	ReadsAnnotation bool
	// Only are the names of features to run; none means all.
	Only []string
	// Progress gets a line for each feature; nil for none.
	Progress io.Writer
}

// The ports of the suite's listeners where nobody says others.
const (
	portOne = 8181
	portTwo = 8182
)

const namespace = "attache-conformance"

const above = `
{apiVersion: v1, kind: Namespace, metadata: {name: NS}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: conformance, namespace: NS}
spec:
  gatewayClassName: CLASS
  listeners:
  - {name: one, port: FIRST, protocol: HTTP}
  - {name: two, port: SECOND, protocol: HTTP}
---
apiVersion: v1
kind: Service
metadata: {name: backend, namespace: NS, annotations: {example.attache.dev/addresses: "BACKEND"}}
spec: {CLUSTERIP ports: [{name: http, port: PORT}]}
---
apiVersion: v1
kind: Service
metadata: {name: half-dead, namespace: NS, annotations: {example.attache.dev/addresses: "BACKEND,DEAD"}}
spec: {ports: [{name: http, port: PORT}]}
---
apiVersion: v1
kind: Service
metadata: {name: deaf, namespace: NS, annotations: {example.attache.dev/addresses: "DEAF"}}
spec: {ports: [{name: http, port: PORT}]}
`

// bed is everything that a feature works with.
type bed struct {
	client.Client
	Options
	upstream *Upstream
	replace  *strings.Replacer
	address  string
	runs     int
	// claimless says that nothing is claimed here: no exporter is enabled.
	claimless bool
}

// Run checks all features, one after the other.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Ports == [2]int{} {
		o.Ports = [2]int{portOne, portTwo}
	}
	c, err := client.New(o.Config, client.Options{})
	if err != nil {
		return nil, err
	}
	host := o.BackendHost
	if host == "" {
		host = "127.0.0.1"
	}
	upstream, err := StartUpstream(net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	defer upstream.Stop()
	deaf, release, err := deafAddress()
	if err != nil {
		return nil, err
	}
	defer release()
	b := &bed{Client: c, Options: o, upstream: upstream}
	_, port, _ := net.SplitHostPort(upstream.Address)
	clusterIP := ""
	if o.BackendHost != "" {
		clusterIP = "clusterIP: " + o.BackendHost + ","
	}
	b.replace = strings.NewReplacer("NS", namespace, "CLASS", o.GatewayClass, "BACKEND", upstream.Address, "PORT", port,
		"FIRST", strconv.Itoa(o.Ports[0]), "SECOND", strconv.Itoa(o.Ports[1]),
		"CLUSTERIP", clusterIP, "DEAD", "127.0.0.1:1", "DEAF", deaf)
	if err := b.apply(ctx, above); err != nil {
		return nil, err
	}
	defer b.cleanUp()
	if err := b.awaitAddress(ctx); err != nil {
		return nil, err
	}
	report := &Report{APIVersion: "attache.dev/v1alpha1", Kind: "PolicyConformanceReport", Date: time.Now().UTC().Format(time.RFC3339), GatewayClass: o.GatewayClass}
	report.Implementation = b.controller(ctx)
	all := append(append([]Feature{}, features...), limited...)
	for i := range all {
		if f := &all[i]; len(o.Only) == 0 || contains(o.Only, f.Name) {
			result := b.run(ctx, f)
			report.add(result)
			if o.Progress != nil {
				fmt.Fprintf(o.Progress, "%-13s %s %s\n", result.Result, f.Name, result.Message)
			}
			if ctx.Err() != nil {
				return report, ctx.Err()
			}
		}
	}
	return report, nil
}

func contains(list []string, text string) bool {
	for _, t := range list {
		if t == text {
			return true
		}
	}
	return false
}

// run applies a feature's objects, policies first so that the route is born with
// them, waits for them to be published, and checks.
func (b *bed) run(ctx context.Context, f *Feature) Result {
	if b.BackendHost != "" && f.byAddress() {
		return Result{Feature: f.Name, Fields: f.Fields, Claim: ClaimNone, Result: Skipped, Message: "its backend is not one that a Service leads to by its clusterIP"}
	}
	objects, err := b.parse(f.Manifests)
	if err == nil {
		err = b.applyAll(ctx, objects)
	}
	defer b.remove(objects)
	if notInCRD(err) {
		return Result{Feature: f.Name, Fields: f.Fields, Claim: ClaimNone, Result: Skipped, Message: "the CRDs of this cluster do not have it: " + err.Error()}
	}
	if err == nil {
		err = b.awaitPublished(ctx, f, objects)
	}
	var claim Claims
	if err == nil {
		claim = b.awaitClaim(ctx, f, objects)
		err = b.eventually(ctx, f, claim)
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return judge(f, claim, err, b.ReadsAnnotation)
}

// notInCRD says whether an object was refused because the installed CRDs do not
// have what is in it.
func notInCRD(err error) bool {
	return err != nil && strings.Contains(err.Error(), "field not declared in schema")
}

// eventually checks a few times: what was published has to reach the plane, and
// buckets have to fill again. What is said not to be enforced is looked for once,
// when the plane serves the route.
func (b *bed) eventually(ctx context.Context, f *Feature, claim Claims) (err error) {
	most := 5
	switch {
	case claim.Claim() == ClaimNotEnforced, f.Unclaimed && !b.ReadsAnnotation:
		most = 1
	case claim.Claim() == ClaimDegraded && f.Refill > 0:
		most = 2
	}
	if f.Refill > 0 && len(claim) > 0 {
		// A plane takes up a moment later what it accepted. Nothing tells when, and to
		// ask too early empties a bucket and takes Refill.
		pause(ctx, 1500*time.Millisecond)
	}
	const mostUnserved = 30
	for unserved := 0; most > 0; {
		b.runs++
		if err = f.Check(ctx, &exchange{bed: b, feature: f, key: f.Name + strconv.Itoa(b.runs)}); err == nil {
			return nil
		}
		wait := max(f.Refill, 300*time.Millisecond)
		if errors.Is(err, errUnserved) && unserved < mostUnserved {
			unserved++
			wait = 300 * time.Millisecond
		} else {
			most--
		}
		if most == 0 {
			break
		}
		if pause(ctx, wait); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return err
}

func (b *bed) parse(manifests string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	reader := yaml.NewYAMLOrJSONDecoder(strings.NewReader(b.replace.Replace(manifests)), 4096)
	for {
		u := &unstructured.Unstructured{}
		if err := reader.Decode(&u.Object); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, err
		}
		if len(u.Object) > 0 {
			if isRoute(u) && len(b.RouteLabels) > 0 {
				u.SetLabels(b.RouteLabels)
			}
			objects = append(objects, u)
		}
	}
}

func (b *bed) apply(ctx context.Context, manifests string) error {
	objects, err := b.parse(manifests)
	if err != nil {
		return err
	}
	return b.applyAll(ctx, objects)
}

func (b *bed) applyAll(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, u := range objects {
		err := b.Apply(ctx, client.ApplyConfigurationFromUnstructured(u.DeepCopy()), client.FieldOwner("conformance"), client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("%s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
	return nil
}

func (b *bed) remove(objects []*unstructured.Unstructured) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for i := len(objects) - 1; i >= 0; i-- {
		_ = b.Delete(ctx, objects[i])
	}
}

func (b *bed) cleanUp() {
	if objects, err := b.parse(above); err == nil {
		b.remove(objects)
	}
}
