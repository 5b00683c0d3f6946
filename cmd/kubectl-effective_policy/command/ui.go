package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/edit"
	"github.com/attache-dev/attache/policy/console"
	"github.com/attache-dev/attache/policy/console/page"
)

// uiFlags are the flags of ui only.
type uiFlags struct {
	base      []string
	port      int
	noBrowser bool
	out       string
	open      string
}

const (
	// uiIdle is how long the command runs without an open page.
	uiIdle = 30 * time.Minute
	// uiLook is how often it checks for open pages.
	uiLook = 20 * time.Second
	// uiHeader is the timeout for the headers of a request.
	uiHeader = 10 * time.Second
)

func (o *options) uiCommand() *cobra.Command {
	var flags uiFlags
	cmd := &cobra.Command{
		Use:   "ui [-f FILE…] [--base FILE…]",
		Short: "Serve a page that shows the hierarchy, its policies, and why they apply",
		Long: `Show the topology with the policies on it, why each value applies, what an edit
would do, and which requests go where, on a page in the browser.

The page is served to this machine only, and it only reads. On a cluster it shows
what you may read, and follows changes there. With --base it opens with the
manifests of -f as an edit to try.

The link that is printed works once. The command ends with Ctrl-C, or after 30
minutes without an open page. --out writes the page to one file instead, with the
data that its address shows.`,
		Example: `  kubectl effective-policy ui
  kubectl effective-policy ui -f examples/shop
  kubectl effective-policy ui -f branch/ --base main/ -R
  kubectl effective-policy ui -n shop --out shop.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.ui(cmd.Context(), &flags) },
	}
	cmd.Flags().StringArrayVar(&flags.base, "base", nil, "manifests of the current state, which -f edits; may be repeated")
	cmd.Flags().IntVar(&flags.port, "port", 0, "the local port to serve on (default: a free one)")
	cmd.Flags().BoolVar(&flags.noBrowser, "no-browser", false, "only print the link")
	cmd.Flags().StringVar(&flags.out, "out", "", "write the page to this HTML file, which needs no server")
	cmd.Flags().StringVar(&flags.open, "open", "", "the address in the page that it opens at, such as '#/table?ns=shop'")
	return cmd
}

func (o *options) ui(ctx context.Context, flags *uiFlags) error {
	if len(flags.base) > 0 && len(o.Files) == 0 {
		return errors.New("--base is what -f edits: give the edit with -f")
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	source, err := o.uiSource(ctx, flags)
	if err != nil {
		return err
	}
	if flags.out != "" {
		return o.uiFile(ctx, source, flags)
	}
	look := time.NewTicker(uiLook)
	defer look.Stop()
	return o.serveUI(ctx, source, flags, uiClock{time.Now, look.C})
}

// uiClock is the clock by which the command ends when no page is open.
type uiClock struct {
	now func() time.Time
	// look signals when to check for open pages.
	look <-chan time.Time
}

// uiWorld is the source of the page's worlds, and of edits of them.
type uiWorld interface {
	console.Source
	console.Workshop
}

func uiOptions(source uiWorld) console.Options {
	return console.Options{
		Source: source, Workshop: source, Page: page.Files(), Where: whereRule, Compilers: edit.Compilers, Token: console.NewToken(),
	}
}

// listenUI takes a port on 127.0.0.1, and the same on ::1 where that is free.
func listenUI(port int) ([]net.Listener, int, error) {
	first, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, 0, fmt.Errorf("--port %d: %w", port, err)
	}
	address, _ := first.Addr().(*net.TCPAddr)
	listeners := []net.Listener{first}
	if second, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(address.Port))); err == nil {
		listeners = append(listeners, second)
	}
	return listeners, address.Port, nil
}

// hostsOf returns the hosts that requests on a port may have.
func hostsOf(port int) []string {
	var hosts []string
	for _, name := range []string{"127.0.0.1", "localhost", "::1"} {
		hosts = append(hosts, net.JoinHostPort(name, strconv.Itoa(port)))
	}
	return hosts
}

func (o *options) serveUI(ctx context.Context, source uiWorld, flags *uiFlags, clock uiClock) error {
	listeners, port, err := listenUI(flags.port)
	if err != nil {
		return err
	}
	settings := uiOptions(source)
	settings.Hosts, settings.Now = hostsOf(port), clock.now
	handler := console.New(settings)
	handler.Prepare()
	place := flags.open
	if len(flags.base) > 0 {
		name, err := handler.Try(ctx, console.Edit{Files: o.Files})
		if err != nil {
			return err
		}
		place = withTrial(place, name)
	}
	link := "http://" + settings.Hosts[0] + "/#token=" + settings.Token
	if place != "" {
		link += "&open=" + escapeHash(place)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: uiHeader}
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { ended <- server.Serve(l) }()
	}
	fmt.Fprintln(o.Streams.Out, link)
	o.Note("it works once, on this machine; Ctrl-C ends it")
	if !flags.noBrowser {
		if err := browse(ctx, link); err != nil {
			o.Note("no browser could be opened (%v): open the link yourself", err)
		}
	}
	err = o.awaitUI(ctx, handler, ended, clock.look)
	handler.Close()
	server.Close()
	return err
}

// awaitUI returns when the user ends the command, or no page is open any more.
func (o *options) awaitUI(ctx context.Context, handler *console.Handler, ended <-chan error, look <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case <-look:
			if handler.Idle() >= uiIdle {
				o.Note("no page was open for %d minutes", int(uiIdle.Minutes()))
				return nil
			}
		}
	}
}

// escapeHash escapes an address in the page as part of a URL.
func escapeHash(place string) string {
	return strings.NewReplacer("%", "%25", "#", "%23", "&", "%26", " ", "%20", "+", "%2B").Replace(place)
}

// withTrial adds an edit to an address in the page.
func withTrial(place, name string) string {
	switch {
	case place == "":
		return "#/map?whatif=" + name
	case strings.Contains(place, "?"):
		return place + "&whatif=" + name
	}
	return place + "?whatif=" + name
}

// browse opens a link in the user's browser.
func browse(ctx context.Context, link string) error {
	program := []string{"xdg-open", link}
	switch runtime.GOOS {
	case "darwin":
		program = []string{"open", link}
	case "windows":
		program = []string{"rundll32", "url.dll,FileProtocolHandler", link}
	}
	command := exec.CommandContext(ctx, program[0], program[1:]...)
	if err := command.Start(); err != nil {
		return err
	}
	go func() { _ = command.Wait() }() // its result does not matter
	return nil
}
