package bench

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var growth = flag.String("growth", "", "a file for the figure of growth, an SVG: run BenchmarkResolve and BenchmarkMemory with it")

// figures are what the benchmarks of this run reported, by benchmark and unit.
var figures = map[figure][]float64{}

type figure struct{ benchmark, unit string }

func record(b *testing.B, unit string, value float64) {
	b.Helper()
	f := figure{strings.TrimPrefix(b.Name(), "Benchmark"), unit}
	figures[f] = append(figures[f], value)
}

// of is the median of what was measured, and whether anything was.
func of(benchmark, unit string) (float64, bool) {
	values := slices.Sorted(slices.Values(figures[figure{benchmark, unit}]))
	if len(values) == 0 {
		return 0, false
	}
	return values[len(values)/2], true
}

// target is one figure that we want to reach on one processor.
type target struct {
	what string
	// value is what was measured, false when this run did not.
	value func() (float64, bool)
	// want is the most that is good, or the least if atLeast is set.
	want    float64
	atLeast bool
	show    func(float64) string
}

func plain(benchmark, unit string) func() (float64, bool) {
	return func() (float64, bool) { return of(benchmark, unit) }
}

func ratio(benchmark, to, unit string) func() (float64, bool) {
	return func() (float64, bool) {
		a, measured := of(benchmark, unit)
		b, too := of(to, unit)
		return a / b, measured && too
	}
}

// ofManager is a figure of the cluster that -manager.routes asks for.
func ofManager(unit string) func() (float64, bool) {
	return func() (float64, bool) { return of(fmt.Sprintf("Manager/routes=%d", *managerRoutes), unit) }
}

// exponent is the power of the number of routes that a figure grows with.
func exponent(benchmark string, small, large int, unit string) func() (float64, bool) {
	return func() (float64, bool) {
		grown, both := ratio(fmt.Sprintf("%s/routes=%d", benchmark, large), fmt.Sprintf("%s/routes=%d", benchmark, small), unit)()
		return math.Log(grown) / math.Log(float64(large)/float64(small)), both
	}
}

func duration(ns float64) string {
	d := time.Duration(ns)
	switch {
	case d > time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d > time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Nanosecond).String()
}

func count(x float64) string     { return fmt.Sprintf("%.0f", x) }
func number(x float64) string    { return fmt.Sprintf("%.2f", x) }
func kilobytes(x float64) string { return fmt.Sprintf("%.0f KB", x/1000) }
func megabytes(x float64) string { return fmt.Sprintf("%.0f MB", x) }

const (
	microsecond = float64(time.Microsecond)
	millisecond = float64(time.Millisecond)
	second      = float64(time.Second)
)

// targets are for a cluster of ten thousand routes where nothing else is said.
var targets = []target{
	{what: "resolve everything", value: plain("Resolve/routes=10000", "cpu-ns/op"), want: 120 * millisecond, show: duration},
	{what: "its growth from 1,000 to 50,000 routes, exponent", value: exponent("Resolve", 1000, 50000, "cpu-ns/op"), want: 1.05, show: number},
	{what: "resolve 40,000 routes on 2,500 ListenerSets", value: plain("ResolveListenerSets/routes=40000", "cpu-ns/op"), want: 600 * millisecond, show: duration},
	{what: "the same: resident memory", value: plain("ResolveListenerSets/routes=40000", "resident-MB"), want: 419, show: megabytes},
	{what: "edit a policy that touches one route", value: plain("EditOneRoute/routes=10000", "cpu-ns/op"), want: 50 * microsecond, show: duration},
	{what: "the same, against 100 routes", value: ratio("EditOneRoute/routes=10000", "EditOneRoute/routes=100", "cpu-ns/op"), want: 2, show: number},
	{what: "edit a policy of the class of all routes", value: plain("EditClass/routes=10000", "cpu-ns/op"), want: 60 * millisecond, show: duration},
	{what: "create a route, 10 guardrails: p50", value: plain("AdmitRoute/routes=10000", "p50-ns"), want: millisecond / 2, show: duration},
	{what: "create a route, 10 guardrails: p99", value: plain("AdmitRoute/routes=10000", "p99-ns"), want: 2 * millisecond, show: duration},
	{what: "create a route, 10 guardrails: allocated", value: plain("AdmitRoute/routes=10000", "B/op"), want: 100_000, show: kilobytes},
	{what: "edit a policy above all routes, 20 guardrails: p99", value: plain("AdmitPolicy/routes=10000", "p99-ns"), want: 100 * millisecond, show: duration},
	{what: "over TLS, added to a webhook that allows all: p50", value: plain("Loopback/routes=10000", "added-p50-ns"), want: millisecond, show: duration},
	{what: "over TLS, throughput against that webhook", value: plain("Loopback/routes=10000", "throughput-ratio"), want: 0.6, atLeast: true, show: number},
	{what: "get -f: processor time", value: plain("CommandGet/routes=10000", "cpu-ns/op"), want: 6 * second, show: duration},
	{what: "get -f: peak memory", value: plain("CommandGet/routes=10000", "peak-MB"), want: 400, show: megabytes},
	{what: "get -f, 2,000 routes: processor time", value: plain("CommandGet/routes=2000", "cpu-ns/op"), want: 1.4 * second, show: duration},
	{what: "export of every route to Envoy Gateway", value: plain("Export/exporter=envoy-gateway/routes=10000", "cpu-ns/op"), want: 150 * millisecond, show: duration},
	{what: "which route serves a request", value: plain("Ask/routes=10000", "cpu-ns/op"), want: millisecond, show: duration},
	{what: "manager: ready", value: ofManager("ready-ns"), want: 3 * second, show: duration},
	{what: "manager: resident memory", value: ofManager("rss-MB"), want: 157, show: megabytes},
	{what: "manager: memory after edits, against before", value: ofManager("churn-rss-ratio"), want: 1.2, show: number},
	{what: "manager: first writes, against a bare client", value: ofManager("first-writes-ratio"), want: 0.7, atLeast: true, show: number},
	{what: "manager: memory after objects of 1.4 MiB, against before", value: ofManager("large-rss-ratio"), want: 1.2, show: number},
	{what: "manager: writes after a restart", value: ofManager("writes-after-restart"), want: 0, show: count},
	{what: "manager: writes after an unrelated write", value: ofManager("writes-unrelated"), want: 0, show: count},
	{what: "manager: admission p99 while all is written, against idle", value: ofManager("admission-p99-ratio"), want: 2, show: number},
	{what: "manager: status with an exporter, against without", value: ofManager("export-status-ratio"), want: 1.5, show: number},
	{what: "manager: routes injected, against bare no-op patches", value: ofManager("export-no-op-ratio"), want: 0.5, atLeast: true, show: number},
	{what: "manager: an edit of the class, against a bare client", value: ofManager("fan-out-ratio"), want: 0.7, atLeast: true, show: number},
}

// TestMain prints the results beside the targets, after a run of benchmarks.
func TestMain(m *testing.M) {
	if flag.Parse(); *allowAt != "" {
		fmt.Fprintln(os.Stderr, serveAllowing(flag.Arg(0)))
		os.Exit(1)
	}
	code := m.Run()
	printTargets()
	if code == 0 && *growth != "" {
		if err := drawGrowth(*growth); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func printTargets() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	rows := 0
	for _, t := range targets {
		value, measured := t.value()
		if !measured {
			continue
		}
		if rows++; rows == 1 {
			_, _ = fmt.Fprintln(w, "\nWHAT\tWANTED\tMEASURED\t")
		}
		missed, sign := value/t.want, "<= "
		if t.atLeast {
			missed, sign = t.want/value, ">= "
		}
		verdict := "met"
		switch {
		case value > 0 && t.want == 0:
			verdict = "missed"
		case missed > 1:
			verdict = fmt.Sprintf("missed by %.1fx", missed)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s%s\t%s\t%s\n", t.what, sign, t.show(t.want), t.show(value), verdict)
	}
	_ = w.Flush()
}
