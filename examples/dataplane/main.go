// Command dataplane is a small reverse proxy that enforces effective policies as
// the annotation on routes states them: a reference for authors of data planes
// and a test bed, not a product (README.md says what it is not). It binds with
// package hierarchy, matches with policy/request, and reads the annotation with
// policy/v1alpha1/annotation. One idea is in one file: world.go watches,
// settings.go reads what applies, proxy.go answers, attempt.go tries backends,
// limit.go counts, serve.go opens ports, status.go reports.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/attache-dev/attache/hierarchy"
)

// options are what the flags say.
type options struct {
	class, controller string
	network           netip.Prefix
	portOffset        int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "dataplane:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "the API server to watch")
	flag.StringVar(&o.class, "class", "reference", "the GatewayClass whose Gateways are served")
	flag.StringVar(&o.controller, "controller", "attache.dev/reference-dataplane", "the controllerName of that class")
	flag.TextVar(&o.network, "network", netip.MustParsePrefix("127.30.0.0/16"), "where each Gateway gets an address of its own; it has to be local")
	flag.IntVar(&o.portOffset, "port-offset", 0, "added to the port of each listener: with 8000, port 80 is served on 8080")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	w := &world{options: o, log: log, client: client, changed: make(chan struct{}, 1), addresses: map[hierarchy.Ref]netip.Addr{}, last: o.network.Masked().Addr()}
	s := newServers(w)
	defer s.close()
	reports := &reporter{client, o, log}
	return w.run(ctx, func(now *state) {
		s.settle(now)
		reports.write(ctx, now)
	})
}
