//go:build unix

package celrule_test

import (
	"context"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
)

// hostile are expressions that try to take all time or memory. Each must be
// refused or stopped.
var hostile = map[string]string{
	"nested loops":                   `lists.range(10000).all(a, lists.range(10000).all(b, lists.range(10000).all(c, a + b + c >= 0)))`,
	"loops over the document":        `object.list.all(a, object.list.all(b, object.list.all(c, a + b + c >= 0)))`,
	"loops that stop at nothing":     `object.list.exists(a, object.list.exists(b, object.list.exists(c, a + b + c < 0)))`,
	"maps of maps":                   `lists.range(10000).map(a, lists.range(10000).map(b, lists.range(10000))).size() == 1`,
	"a range of a billion":           `lists.range(int(object.billion)).size() == 3`,
	"a literal of a megabyte":        `"` + strings.Repeat("a", 1<<20) + `" == route.name`,
	"a literal list without end":     `[` + strings.Repeat("1,", 50_000) + `1] == []`,
	"deep brackets":                  strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000),
	"deep lists":                     strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + " == []",
	"deep selection":                 "effective" + strings.Repeat(".a", 2000) + " == 1",
	"a long chain":                   "true" + strings.Repeat(" ? true : false", 270),
	"regex on a megabyte":            `object.megabyte.matches("(a|b|ab)*c$")`,
	"regex with a large program":     `object.text.matches(".*((a|b){50}){20}c$")`,
	"regex that repeats too much":    `object.text.matches("a{1000}b{1000}c{1000}d{1000}e{1000}f{1000}")`,
	"regex made of the document":     `object.text.matches(object.text)`,
	"find with a large program":      `object.text.find(".*((a|b){50}){20}c$") == ""`,
	"findAll with a large program":   `object.text.findAll(".*((a|b){50}){20}c$") == []`,
	"a pattern made on the way":      `object.list.exists(i, object.text.matches("(a|b|ab)*" + string(i)))`,
	"strings that double":            `["aaaaaaaaaaaaaaaa"]` + strings.Repeat(".map(x, x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x)", 4) + `.exists(x, x + x + x + x + x + x + x + x + x + x + x + x + x + x + x + x == "")`,
	"replacing letters by texts":     `object.text.replace("a", object.text) == ""`,
	"joining texts":                  `object.list.map(i, object.text).join(object.text) == ""`,
	"format with a text many times":  `object.list.map(i, "%s%s%s%s".format([object.text, object.text, object.text, object.text])).size() == 0`,
	"format with a wide number":      `"%.999999999f".format([1.0]) == ""`,
	"a quantity of a billion digits": `quantity("1e999999999").isGreaterThan(quantity("1"))`,
	"lists that double":              `[[1]]` + strings.Repeat(".map(x, [x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x])", 4) + ` == [[1]]` + strings.Repeat(".map(x, [x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x])", 4),
	"lists that double, in a text":   `"%s".format([lists.range(1000).map(x, object)]) == ""`,
	"flattening lists that double":   `[[1]]` + strings.Repeat(".map(x, [x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x])", 4) + `.flatten(9).size() == 1`,
	"sums of lists":                  `[object.list]` + strings.Repeat(".map(x, x + x + x + x + x + x + x + x)", 4) + `[0] == [1]`,
	"comparing all pairs":            `sets.intersects(object.list, object.list.map(x, x + 100000))`,
	"distinct elements":              `object.list.distinct().size() == 3`,
	"comparing copies of the object": `lists.range(10000).map(x, object) == lists.range(9999).map(x, object)`,
	"a map made of everything":       `object.list.transformMap(i, v, object) == object.list.transformMap(i, v, object)`,
	"protocol buffers":               `google.protobuf.ListValue{values: [1]} == google.protobuf.ListValue{values: [1]}`,
	"http.send":                      `http.send({"url": "http://169.254.169.254"}).status == 200`,
	"looking names up":               `net.lookup_ip_addr("example.com") == []`,
	"the environment":                `opa.runtime().env.PATH != ""`,
	"the clock":                      `now() > timestamp("2020-01-01T00:00:00Z")`,
	"the API server":                 `authorizer.group("").resource("secrets").check("get").allowed()`,
}

func hostileDocument() guardrail.Input {
	in := document()
	list := make([]any, 5000)
	for i := range list {
		list[i] = int64(i)
	}
	in["object"] = map[string]any{"megabyte": strings.Repeat("a", 1<<20), "text": strings.Repeat("a", 60<<10), "list": list, "billion": int64(1e9)}
	return in
}

const (
	maxTime   = guardrail.MaxTime / 2 // of the processor: counting stops it, not the clock
	maxMemory = 48 << 20
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

func TestHostileExpressionsAreRefusedOrStopped(t *testing.T) {
	in := hostileDocument()
	compile(t, "true") // the environment is there
	for name, expression := range hostile {
		t.Run(name, func(t *testing.T) {
			var rules []guardrail.Rule
			var problems []guardrail.Problem
			took, allocated := measure(func() {
				rules, problems = celrule.Compile([]guardrail.Expression{{Expression: expression, Message: "m"}})
			})
			if took > maxTime || allocated > maxMemory {
				t.Errorf("compiling took %s and %d MiB", took, allocated>>20)
			}
			if len(rules) == 0 {
				t.Logf("refused in %s: %.200s", took, problems[0].Message)
				return
			}
			var err error
			took, allocated = measure(func() { _, err = rules[0].Check(t.Context(), in) })
			if took > maxTime || allocated > maxMemory {
				t.Errorf("checking took %s and %d MiB", took, allocated>>20)
			}
			if err == nil {
				t.Error("neither refused nor stopped")
			}
			t.Logf("stopped in %s with %d KiB: %v", took, allocated>>10, err)
		})
	}
}

func TestOthersGetTheirAnswersMeanwhile(t *testing.T) {
	in := hostileDocument()
	slow := compile(t, hostile["loops over the document"])
	fine := compile(t, `duration(effective.TimeoutPolicy.request) <= duration("60s")`)
	busy, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for busy.Err() == nil {
			_, _ = slow.Check(context.Background(), in)
		}
	}()
	for range 500 {
		findings, err := fine.Check(t.Context(), in)
		if err != nil || len(findings) != 1 {
			t.Fatalf("%v, %v", findings, err)
		}
	}
	stop()
	<-done
}
