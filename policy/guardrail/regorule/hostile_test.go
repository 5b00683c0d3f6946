//go:build unix

package regorule_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
)

// chain is a module in which each of n values is made of the one before: OLD and
// NEW in a line are their names.
func chain(n int, first, line, last string) string {
	return denyIf("x0 := " + first + "\n" + links(n, line) + strings.ReplaceAll(last, "LAST", fmt.Sprintf("x%d", n)))
}

func links(n int, line string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.NewReplacer("NEW", fmt.Sprintf("x%d", i+1), "OLD", fmt.Sprintf("x%d", i)).Replace(line + "\n"))
	}
	return b.String()
}

// hostile are modules that try to take all time or memory. Each must be refused
// or stopped.
var hostile = map[string]string{
	"nested loops":                        denyIf(`some a in numbers.range(1, 10000); some b in numbers.range(1, 10000); some c in numbers.range(1, 10000); a + b + c < 0`),
	"loops over the document":             denyIf(`some a in input.object.list; some b in input.object.list; some c in input.object.list; a + b + c < 0`),
	"loops in functions":                  "package g\n" + strings.ReplaceAll(links(30, "OLD(x) := NEW(x) + NEW(x)"), "x30(x)", "x29(x)") + "x30(x) := 1\ndeny contains \"m\" if x0(1) == 2",
	"sets of pairs":                       denyIf(`count({[a, b] | some a in input.object.list; some b in input.object.list}) == 0`),
	"lists of ranges":                     denyIf(`count([r | some a in input.object.list; r := numbers.range(a, a + 10000)]) == 0`),
	"recursion":                           "package g\nf(x) := f(x + 1)\ndeny contains \"m\" if f(1)",
	"a range of a billion":                denyIf(`count(numbers.range(1, input.object.billion)) == 3`),
	"a range with small steps":            denyIf(`count(numbers.range_step(1, input.object.billion, 1)) == 3`),
	"a literal of a megabyte":             denyIf(`input.route.name == "` + strings.Repeat("a", 1<<20) + `"`),
	"deep brackets":                       denyIf(strings.Repeat("(", 10_000) + "1" + strings.Repeat(")", 10_000)),
	"deep lists":                          denyIf(strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + " == 1"),
	"deep comprehensions":                 denyIf(strings.Repeat("[y | y := ", 40) + "1" + strings.Repeat("]", 40) + " == 1"),
	"regex on a megabyte":                 denyIf("regex.match(`(a|b|ab)*c$`, input.object.megabyte)"),
	"regex with a large program":          denyIf("regex.match(`.*((a|b){50}){20}c$`, input.object.text)"),
	"regex that repeats too much":         denyIf("regex.match(`a{1000}b{1000}c{1000}d{1000}e{1000}f{1000}`, input.object.text)"),
	"regex made of the document":          denyIf("regex.match(input.object.text, input.object.text)"),
	"a pattern made on the way":           denyIf("some i in input.object.list; regex.match(sprintf(`(a|b|ab)*%d`, [i]), input.object.text)"),
	"regex that replaces by texts":        denyIf("regex.replace(input.object.text, `a`, `$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0$0`) == \"\""),
	"sprintf with a wide number":          denyIf(`sprintf("%10000000d", [1]) == ""`),
	"sprintf with a width argument":       denyIf(`sprintf("%*d", [10000000, 1]) == ""`),
	"sprintf of one text many times":      denyIf(`sprintf("` + strings.Repeat("%[1]s", 500) + `", [input.object.text]) == ""`),
	"sprintf in a loop":                   denyIf(`count([s | some i in input.object.list; s := sprintf("%s%d", [input.object.text, i])]) == 0`),
	"concat that doubles":                 chain(40, `"aa"`, `NEW := concat("", [OLD, OLD])`, `LAST == ""`),
	"concat with a long separator":        denyIf(`concat(input.object.text, [sprintf("%d", [i]) | some i in input.object.list]) == ""`),
	"replacing letters by texts":          denyIf(`replace(input.object.text, "a", input.object.text) == ""`),
	"replacing many":                      denyIf(`strings.replace_n({"a": input.object.text}, input.object.text) == ""`),
	"a string that doubles, in functions": "package g\n" + "x0(s) := concat(\"\", [s, s])\n" + links(20, `NEW(s) := OLD(OLD(s))`) + "deny contains \"m\" if x20(\"a\") == \"\"",
	"numbers that square":                 chain(60, "input.object.billion", "NEW := OLD * OLD", "LAST == 0"),
	"a wide shift":                        denyIf("bits.lsh(1, input.object.billion) == 0"),
	"a number of a billion digits":        denyIf(`units.parse("1e900000000") == 0`),
	"a product of many numbers":           denyIf(`product([99999999999999999 | some i in input.object.list]) == 0`),
	"lists that double":                   chain(40, "[1]", "NEW := [OLD, OLD]", "count(LAST) == 0"),
	"lists that double, as rules":         "package g\nx0 := [1]\n" + links(40, "NEW := [OLD, OLD]") + "deny contains \"m\" if count(x40) == 0",
	"objects that double":                 chain(40, "{1: 1}", `NEW := {"a": OLD, "b": OLD}`, "count(LAST) == 0"),
	"array.concat that doubles":           chain(40, "[1]", "NEW := array.concat(OLD, OLD)", "count(LAST) == 0"),
	"array.concat of large lists":         chain(10, "input.object.list", "NEW := array.concat(OLD, OLD)", "count(LAST) == 0"),
	"object.union on deep input":          denyIf(`some i in input.object.list; object.union(input.object.deep, {"k0": {"k1": i}}) == {}`),
	"walk in walk":                        denyIf(`walk(input.object.deep, [p, v]); walk(input.object.deep, [q, w]); v != w; count(p) + count(q) < 0`),
	"json.marshal in a loop":              denyIf(`some i in input.object.list; json.marshal([i, input.object.deep]) == ""`),
	"a pattern that no text matches":      denyIf(`regex.match("((((a{1,100}){1,100}){1,100}){1,100})", input.route.name)`),
	"a pattern that is none":              denyIf(`regex.replace(input.route.name, "(", "x") == ""`),
	"http.send":                           denyIf(`http.send({"method": "get", "url": "http://169.254.169.254"}).status_code == 200`),
	"net.lookup_ip_addr":                  denyIf(`count(net.lookup_ip_addr("example.com")) > 0`),
	"opa.runtime":                         denyIf(`opa.runtime().env.PATH`),
	"time.now_ns":                         denyIf(`time.now_ns() > 0`),
}

func hostileDocument() guardrail.Input {
	in := document()
	list := make([]any, 5000)
	for i := range list {
		list[i] = int64(i)
	}
	deep := map[string]any{}
	for i, inner := 0, deep; i < 500; i++ {
		next := map[string]any{}
		inner[fmt.Sprint("k", i)], inner["other"] = next, int64(i)
		inner = next
	}
	in["object"] = map[string]any{"megabyte": strings.Repeat("a", 1<<20), "text": strings.Repeat("a", 60<<10), "list": list, "billion": int64(1e9), "deep": deep}
	return in
}

const (
	maxTime   = guardrail.MaxTime / 4 // counting stops it, not the clock
	maxMemory = 64 << 20
)

// measure runs a function up to three times and returns the shortest time and
// the bytes allocated. It takes the processor's time where that is shorter: other
// programs want the processor too.
func measure(f func()) (shortest time.Duration, allocated uint64) {
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start, used := time.Now(), processorTime()
		f()
		took := min(time.Since(start), processorTime()-used)
		runtime.ReadMemStats(&after)
		if shortest == 0 || took < shortest {
			shortest, allocated = took, after.TotalAlloc-before.TotalAlloc
		}
		if shortest < maxTime {
			break
		}
	}
	return shortest, allocated
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestHostileModulesAreRefusedOrStopped(t *testing.T) { runHostile(t, hostile) }

func runHostile(t *testing.T, modules map[string]string) {
	in := hostileDocument()
	for name, module := range modules {
		t.Run(name, func(t *testing.T) {
			var rules []guardrail.Rule
			var problems []guardrail.Problem
			took, allocated := measure(func() { rules, problems = regorule.Compile(module) })
			if took > maxTime || allocated > maxMemory {
				t.Errorf("compiling took %s and %d MiB", took, allocated>>20)
			}
			if len(rules) == 0 {
				t.Logf("refused in %s: %.200s", took, problems[0].Message)
				return
			}
			var err error
			check := func() { _, err = rules[0].Check(t.Context(), in) }
			took, allocated = measure(check)
			// If the clock stopped it after little processor time, other programs had the processor.
			for tries := 0; errors.As(err, &guardrail.TooSlow{}) && took < maxTime && tries < 20; tries++ {
				took, allocated = measure(check)
			}
			if took > maxTime || allocated > maxMemory {
				t.Errorf("checking took %s and %d MiB", took, allocated>>20)
			}
			if err == nil {
				t.Error("neither refused nor stopped")
			}
			if errors.As(err, &guardrail.TooSlow{}) {
				t.Errorf("the clock stopped it: %v", err)
			}
			t.Logf("stopped in %s with %d KiB: %v", took, allocated>>10, err)
		})
	}
}

func TestOthersGetTheirAnswersMeanwhile(t *testing.T) {
	in := hostileDocument()
	slow := compile(t, hostile["loops over the document"])
	fine := compile(t, benchmarkModule)
	busy, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for busy.Err() == nil {
			_, _ = slow.Check(context.Background(), in)
		}
	}()
	for range 300 {
		findings, err := fine.Check(t.Context(), in)
		if err != nil || len(findings) != 2 {
			t.Fatalf("%v, %v", findings, err)
		}
	}
	stop()
	<-done
}
