// Command prepare builds the programs of package dataplane that the cache lacks,
// so that no test has to, and prints their paths.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/attache-dev/attache/test/dataplane"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, name := range os.Args[1:] {
		path, err := dataplane.Program(ctx, name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%s: %s\n", name, path)
	}
}
