package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/attache-dev/attache/test/conformance"
)

const referenceClass = `{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "reference"}, "spec": {"controllerName": "attache.dev/reference-dataplane"}}`

// conform runs the conformance suite for policies: on a cluster that is given by
// its kubeconfig, or on one of its own with the reference data plane.
func conform(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	o := conformance.Options{Progress: os.Stderr}
	kubeconfig := flags.String("kubeconfig", "", "a cluster with attache and the data plane; none: one of its own, with the reference data plane")
	features := flags.String("features", "", "names of features, separated by commas; none: all")
	report := flags.String("report", "", "a file for the report; none: standard output")
	flags.StringVar(&o.GatewayClass, "gateway-class", "reference", "the GatewayClass to check")
	flags.StringVar(&o.Address, "address", "", "where requests go instead of the Gateway's address: a host")
	flags.IntVar(&o.Ports[0], "port", 8181, "the port of the suite's first listener")
	flags.IntVar(&o.Ports[1], "second-port", 8182, "the port of the suite's second listener")
	label := flags.String("route-label", "", "NAME=VALUE, a label for the suite's routes: what an exporter asks for before it writes to a route")
	flags.IntVar(&o.PortOffset, "port-offset", 0, "added to the ports of listeners, to reach them")
	flags.StringVar(&o.BackendHost, "backend-host", "", "an address of this machine that a Service may have as its clusterIP; none: an annotation on the Service names the backend")
	flags.BoolVar(&o.ReadsAnnotation, "reads-annotation", false, "the data plane promises all that the annotation says; so it is without --kubeconfig")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if name, value, is := strings.Cut(*label, "="); is {
		o.RouteLabels = map[string]string{name: value}
	} else if *label != "" {
		return fmt.Errorf("--route-label %s: write NAME=VALUE", *label)
	}
	if *features != "" {
		o.Only = strings.Split(*features, ",")
	}
	if *kubeconfig != "" {
		if o.Config, err = clientcmd.BuildConfigFromFlags("", *kubeconfig); err != nil {
			return err
		}
		return check(ctx, o, *report, out)
	}
	folder, remove, err := temporary(out)
	if err != nil {
		return err
	}
	defer remove()
	t := &tour{terminal: &terminal{story: newStory(os.Stderr)}}
	defer func() { err = errors.Join(err, t.close()) }()
	for _, step := range []func(context.Context, string) error{
		t.build, t.startControlPlane, t.installCRDs, t.installChart, t.startManager,
		func(ctx context.Context, _ string) error { return t.cluster.startDataplane(ctx) },
		func(ctx context.Context, folder string) error { return t.applyText(ctx, folder, referenceClass) },
	} {
		if err := step(ctx, folder); err != nil {
			return err
		}
	}
	o.Config, o.ReadsAnnotation = t.cluster.plane.Config, true
	return check(ctx, o, *report, out)
}

// applyText applies one manifest.
func (t *tour) applyText(ctx context.Context, folder, manifest string) error {
	file := folder + "/applied.json"
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		return err
	}
	_, err := t.reads(ctx, "kubectl apply -f "+file)
	return err
}

// check runs the suite and writes its report. A contradiction is an error.
func check(ctx context.Context, o conformance.Options, file string, out io.Writer) error {
	report, err := conformance.Run(ctx, o)
	if report == nil {
		return err
	}
	text, marshalled := report.YAML()
	if file == "" {
		_, writing := out.Write(text)
		err = errors.Join(err, marshalled, writing)
	} else {
		err = errors.Join(err, marshalled, os.WriteFile(file, text, 0o600))
	}
	if report.Summary.Failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d features contradict what is claimed", report.Summary.Failed))
	}
	return err
}
