package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	ctrl.SetLogger(logr.Discard()) // envtest has little to say that the story does not
	err := run(ctx, os.Args[1:], os.Stdout)
	interrupted := ctx.Err() != nil
	stop()
	if err != nil {
		if interrupted {
			err = errors.New("interrupted; everything that was started is stopped")
		}
		fmt.Fprintln(os.Stderr, "playground:", err)
		os.Exit(1)
	}
}

// run carries out one command line.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("playground", flag.ContinueOnError)
	state := flags.String("state", ".playground", "`folder` in which a playground that is left running is remembered")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 1 {
		switch flags.Arg(0) {
		case "demo":
			return demo(ctx, out)
		case "up":
			return up(ctx, *state, out)
		case "down":
			return down(ctx, *state, out)
		case serveCommand:
			return serve(ctx, *state, out)
		}
	}
	if flags.NArg() > 0 && flags.Arg(0) == "conformance" {
		return conform(ctx, flags.Args()[1:], out)
	}
	return errors.New("write one of demo, up, down, conformance")
}
