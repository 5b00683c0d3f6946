package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
)

// version is set by the linker: -X main.version=v1.2.3.
var version string

func main() {
	ctx, cancel := untilSignal()
	defer cancel()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "attache:", err)
		os.Exit(1)
	}
}

// untilSignal returns a context that ends at the first signal to end. The second
// one ends the process.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(1)
	}()
	return ctx, cancel
}

func newCommand() *cobra.Command {
	command := &cobra.Command{
		Use:           "attache",
		Short:         "Attaché attaches policies to Gateway API objects and says what is in effect where",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	command.AddCommand(managerCommand(), probeCommand(), uninstallCommand(), versionCommand(), docsCommand())
	return command
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(command.OutOrStdout(), "attache %s (%s, %s/%s)\n", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// versionText is the version that the linker or the module system stamped.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// buildInfo is a metric that says which version runs.
func buildInfo() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "attache_build_info",
		Help:        "1, with the version of the running program and of Go as labels.",
		ConstLabels: prometheus.Labels{"version": versionText(), "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}
