package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	classOverride    = "examples/shop-changes/01-class-override.yaml"
	refusedByCRD     = "examples/shop-changes/02-refused-by-crd.yaml"
	refusedByWebhook = "examples/shop-changes/03-refused-by-webhook.yaml"

	readAnnotation = `kubectl get httproute checkout -n shop -o jsonpath='{.metadata.annotations.attache\.dev/effective-policies}'`
)

// demo tells the whole story and fails at the first thing that is not so.
func demo(ctx context.Context, out io.Writer) (err error) {
	begin := time.Now()
	folder, remove, err := temporary(out)
	if err != nil {
		return err
	}
	defer remove()
	s := newStory(out)
	programs, there, err := prepare(ctx, folder)
	if err != nil {
		return err
	}
	plan(out, there)
	if err := (&tour{terminal: &terminal{story: s}}).files(ctx, folder); err != nil {
		return err
	}
	if !there {
		s.title("Wait for the control plane")
		if err := programs.wait(ctx, s); err != nil {
			return err
		}
	}
	t, err := open(ctx, folder, s, false)
	defer func() { err = errors.Join(err, t.close()) }()
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		t.traffic, t.showEffective, t.explain, t.enforce, t.stampAtCreation, t.override, t.guard, t.refuse, t.end,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n%s\n", s.paint(bold, fmt.Sprintf("All of it was so. It took %s.", took(begin))))
	return nil
}

func (t *tour) showEffective(ctx context.Context) error {
	t.story.title("Which policies apply now? Plain kubectl knows")
	out, err := t.types(ctx, "kubectl get effective-policy -A")
	if err != nil {
		return err
	}
	t.story.say("\"mixed\" means that not all listeners and rules of a route have the same; what a Gateway")
	t.story.say("shows is what a route without policies of its own would get there.")
	return expect("the table", out, "HTTPRoute/checkout", "HTTPRoute/api-route", "GRPCRoute/authorise", "Gateway/edge", "mixed")
}

func (t *tour) explain(ctx context.Context) error {
	t.story.title("Why does the checkout's rule pay get what it gets?")
	out, err := t.types(ctx, "kubectl effective-policy explain httproute/checkout -n shop --rule pay")
	if err != nil {
		return err
	}
	files, err := t.reads(ctx, "kubectl effective-policy explain httproute/checkout -n shop --rule pay -f "+shop)
	if err != nil {
		return err
	}
	if files != out {
		return fmt.Errorf("on the cluster and on the files the command should say the same; on the files it said:\n%s", files)
	}
	t.story.check("from the files alone, without a cluster, the command says the same")
	return expect("explain", out, "stated 90s", "written in rule pay", "shop/pay-once")
}

// enforce asks what two data planes would make of what was decided. It needs no
// cluster: requests through a real one are "make traffic".
func (t *tour) enforce(ctx context.Context) error {
	t.story.title("Would a data plane do it? Each field has an answer on each plane")
	export := "kubectl effective-policy export httproute/checkout -n shop -f " + shop
	envoy, err := t.types(ctx, export+" --to envoy-gateway")
	if err != nil {
		return err
	}
	traefik, err := t.types(ctx, export+" --to traefik")
	if err != nil {
		return err
	}
	t.story.say("The objects go into a Git repository, or the controller writes them: docs/enforcement.md.")
	return errors.Join(
		expect("the export to Envoy Gateway", envoy, "kind: BackendTrafficPolicy", "Projected as spec.timeout.http.requestTimeout", "Degraded FewKeys"),
		expect("the export to Traefik", traefik, "Unsupported NoField: Traefik has no such setting"))
}

// stampAtCreation makes a route and looks at the answer to that very request.
func (t *tour) stampAtCreation(ctx context.Context) error {
	t.story.title("A new route carries its policy from its first moment")
	out, err := t.types(ctx, `kubectl create -n shop -f test/playground/returns.yaml -o jsonpath='{.metadata.annotations.attache\.dev/effective-policies}'`)
	if err != nil {
		return err
	}
	if err := expect("the answer to the request", out, `"request":"10s"`, `"listener":"https"`); err != nil {
		return err
	}
	t.story.check("the annotation is in the answer to the request that made the route: the mutating webhook wrote it")
	_, err = t.types(ctx, "kubectl delete -f test/playground/returns.yaml")
	return err
}

func (t *tour) override(ctx context.Context) error {
	t.story.title("The platform team overrides: 20 seconds, on every path of the class")
	before, err := t.offline(ctx, shop)
	if err != nil {
		return err
	}
	want, err := t.offline(ctx, shop, classOverride)
	if err != nil {
		return err
	}
	if err := t.settle(ctx, before); err != nil { // the route of the step before is gone
		return err
	}
	annotation, err := t.reads(ctx, readAnnotation)
	if err != nil {
		return err
	}
	if err := expect("the annotation before", annotation, `"request":"60s"`); err != nil {
		return err
	}
	if _, err := t.types(ctx, "kubectl apply -f "+classOverride); err != nil {
		return err
	}
	begin := time.Now()
	if err := t.settle(ctx, want); err != nil {
		return err
	}
	t.story.check("everything followed in %s", took(begin))
	changed := changes(before, want)
	if len(changed) == 0 {
		return errors.New("the override should have changed something")
	}
	t.story.say("What changed:")
	for _, line := range changed {
		t.story.say("    %s", line)
	}
	if _, err := t.types(ctx, "kubectl get effective-policy -A"); err != nil {
		return err
	}
	t.story.say("The annotation of the checkout, which a data plane reads, had 60s, and now:")
	annotation, err = t.types(ctx, readAnnotation)
	if err != nil {
		return err
	}
	if strings.Contains(annotation, `"request":"60s"`) {
		return errors.New("the annotation should not have 60s any more")
	}
	return expect("the annotation", annotation, `"request":"20s"`)
}

// changes says in a line each what became different.
func changes(before, after *effective) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(after.summaries)) {
		was, is := before.summaries[name], after.summaries[name]
		for _, column := range []string{"timeout", "retries", "rate", "scopes"} {
			if fmt.Sprint(was[column]) != fmt.Sprint(is[column]) {
				lines = append(lines, fmt.Sprintf("%-22v %-8s %v -> %v", is["target"], column, was[column], is[column]))
			}
		}
	}
	return lines
}

func (t *tour) refuse(ctx context.Context) error {
	t.story.title("What makes no sense is refused, with what to write instead")
	t.story.say("By the CRD's own rules, webhook or not:")
	out, err := t.failsAt(ctx, "kubectl apply -f "+refusedByCRD)
	if err != nil {
		return err
	}
	if err := expect("the refusal", out, "write 1h30m"); err != nil {
		return err
	}
	t.story.say("By the validating webhook, which knows who may decide for the whole class:")
	out, err = t.failsAt(ctx, "kubectl apply -f "+refusedByWebhook)
	if err != nil {
		return err
	}
	if err := expect("the refusal", out, "admission webhook", "denied the request", "GatewayClass"); err != nil {
		return err
	}
	left, err := t.reads(ctx, "kubectl get timeoutpolicy/storefront ratelimitpolicy/unlimited -n shop --ignore-not-found")
	if err != nil {
		return err
	}
	if strings.TrimSpace(left) != "" {
		return fmt.Errorf("nothing of it should exist, and there is:\n%s", left)
	}
	t.story.check("neither exists")
	return nil
}

func (t *tour) end(context.Context) error {
	t.story.title("Stop everything that was started")
	begin := time.Now()
	if err := t.close(); err != nil {
		return err
	}
	t.story.check("the manager drained and ended, the control plane is gone, in %s", took(begin))
	return nil
}
