package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/test/eventually"
)

const (
	// teams have a Gateway each, with some routes, and a policy that they edit.
	teams, routesOfATeam = 20, 100
	// connections are those of a crowd that asks at a rate, as many as several API servers have.
	connections = 200
	// patience is how long the caller waits for an answer: the chart's timeout.
	patience = 5 * time.Second
)

// teamsWorld is what an overloaded replica knows.
func teamsWorld(t testing.TB) *policy.Snapshot {
	s := world(t)
	var all []*unstructured.Unstructured
	for i := range teams {
		namespace := "team-" + strconv.Itoa(i)
		all = append(all, object(t, "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: own, namespace: "+namespace+"}, spec: {gatewayClassName: edge, listeners: [{name: https, port: 443, protocol: HTTPS}]}}"))
		for n := range routesOfATeam {
			all = append(all, object(t, fmt.Sprintf("{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r%d, namespace: %s}, spec: {parentRefs: [{name: own}], rules: [{name: a, timeouts: {request: %ds}}, {name: b}]}}", n, namespace, n+1)))
		}
	}
	s, problems := s.With(all...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return s
}

// edits are the reviews: in each team the policy of its Gateway, which every route of it is judged
// anew for.
func edits(t testing.TB) (bodies [][]byte) {
	for i := range teams {
		namespace := "team-" + strconv.Itoa(i)
		a := create(t, timeout(namespace, "kind: Gateway, name: own", tenS))
		a.user = "writer-" + strconv.Itoa(i)
		bodies = append(bodies, a.body(t))
	}
	return bodies
}

// The variables by which the test tells the process that it starts where it writes what, and on
// which processor it runs.
const (
	overloadFolder    = "ATTACHE_OVERLOAD_FOLDER"
	overloadProcessor = "ATTACHE_OVERLOAD_PROCESSOR"
)

// TestTheOverloadedServer is the replica of TestTenTimesTooMuch: a process with a processor of its
// own, which ends with its standard input.
func TestTheOverloadedServer(t *testing.T) {
	folder := os.Getenv(overloadFolder)
	if folder == "" {
		t.Skip("TestTenTimesTooMuch starts it")
	}
	processor, err := strconv.Atoi(os.Getenv(overloadProcessor))
	if err != nil {
		t.Fatal(err)
	}
	pin(t, processor)
	runtime.GOMAXPROCS(2) // as Go does in a container that is limited to one processor
	h := handlersOf(t, teamsWorld(t), with(t, object(t, readsNames)), func(o *Options) { o.Deadline = 0 })
	r := serveWith(t, h, func(o *ServerOptions) { o.CertDir = folder })
	if err := os.WriteFile(filepath.Join(folder, "address.new"), []byte(r.Address()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(folder, "address.new"), filepath.Join(folder, "address")); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// pin keeps all threads of this process, and those that they start, on some processors.
func pin(t testing.TB, processors ...int) {
	t.Helper()
	var set unix.CPUSet
	for _, p := range processors {
		set.Set(p)
	}
	for range 2 { // one may have started another before its own turn
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
				t.Fatal(err)
			}
		}
	}
	runtime.GOMAXPROCS(len(processors))
}

// apart gives the last processor to the replica, and the others to this process.
func apart(t testing.TB) (replica int) {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	var all []int
	for p := 0; len(all) < set.Count(); p++ {
		if set.IsSet(p) {
			all = append(all, p)
		}
	}
	if len(all) < 2 {
		t.Skip("needs two processors: one for the replica, and one for its callers")
	}
	pin(t, all[:len(all)-1]...)
	return all[len(all)-1]
}

// replica is a server in a process of its own.
type replica struct {
	process int
	url     string
	pool    *x509.CertPool
}

func startReplica(t *testing.T) *replica {
	t.Helper()
	folder := t.TempDir()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], "-test.run", "^TestTheOverloadedServer$", "-test.timeout", "0")
	cmd.Env = append(os.Environ(), overloadFolder+"="+folder, overloadProcessor+"="+strconv.Itoa(apart(t)))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	end, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = end.Close() // which ends the process
		if err := <-ended; err != nil {
			t.Errorf("the replica: %v\n%s", err, said.String())
		}
	})
	r := &replica{process: cmd.Process.Pid, pool: x509.NewCertPool()}
	eventually.OK(t, eventually.Limit, "the replica to listen", func(context.Context) error {
		address, err := os.ReadFile(filepath.Join(folder, "address"))
		r.url = "https://" + string(address) + ValidatePath + "?timeout=" + patience.String()
		return err
	})
	authority, err := os.ReadFile(filepath.Join(folder, "tls.crt"))
	if err != nil || !r.pool.AppendCertsFromPEM(authority) {
		t.Fatalf("the certificate of the replica: %v", err)
	}
	return r
}

// memory is what the process takes in MiB: now, and what it took at most.
func (r *replica) memory(t testing.TB) (now, most int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.process))
	if err != nil {
		t.Fatal(err)
	}
	value := func(key string) int {
		_, rest, _ := strings.Cut(string(text), "\n"+key+":")
		number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		kib, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		return kib >> 10
	}
	return value("VmRSS"), value("VmHWM")
}

// processor is how much processor time the process has taken. It is counted in hundredths of a second.
func (r *replica) processor(t testing.TB) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.process))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // from the third one on
	user, err := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// crowd asks a replica and counts what becomes of it.
type crowd struct {
	client *http.Client
	to     string
	bodies [][]byte
	calls  atomic.Uint32

	mu sync.Mutex
	tally
}

// tally is what became of calls.
type tally struct {
	answered int
	turned   int // away, to come again
	times    []time.Duration
	other    []string
}

func newCrowd(t *testing.T, r *replica) *crowd {
	return &crowd{to: r.url, bodies: edits(t), client: &http.Client{Timeout: patience, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: r.pool, ServerName: "attache"}, MaxIdleConnsPerHost: connections,
	}}}
}

// body is a review. Each has a uid of its own: a uid that occurs again would be another try of an API
// server, whose time began with the first one.
func (c *crowd) body(i int) io.Reader {
	return bytes.NewReader(bytes.Replace(c.bodies[i%len(c.bodies)], []byte(testUID), fmt.Appendf(nil, "%08x", c.calls.Add(1)), 1))
}

func (c *crowd) ask(i int) {
	body := c.body(i)
	began := time.Now()
	answer, err := c.client.Post(c.to, "application/json", body)
	took := time.Since(began)
	if err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.other = append(c.other, err.Error())
	case answer.StatusCode == http.StatusOK:
		c.answered++
		c.times = append(c.times, took)
	case answer.StatusCode == http.StatusServiceUnavailable:
		c.turned++
	default:
		c.other = append(c.other, answer.Status)
	}
}

// counted returns what became of the calls since it was asked last.
func (c *crowd) counted() tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.tally
	c.tally = tally{}
	return all
}

// closed asks with some callers at a time, each when its last question was answered, and returns
// answers per second.
func (c *crowd) closed(callers int, during time.Duration) (float64, tally) {
	until := time.Now().Add(during)
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			for i := n; time.Now().Before(until); i += callers {
				c.ask(i)
			}
		})
	}
	all.Wait()
	counted := c.counted()
	return float64(counted.answered) / during.Seconds(), counted
}

// open asks at a rate, each connection at its own moments, and returns what was asked and answered per second.
func (c *crowd) open(rate float64, during time.Duration) (asked, answered float64, _ tally) {
	var all sync.WaitGroup
	began := time.Now()
	pause := time.Duration(connections / rate * float64(time.Second))
	for n := range connections {
		first := began.Add(pause * time.Duration(n) / connections)
		all.Go(func() {
			for i := 0; time.Since(began) < during; i++ {
				time.Sleep(time.Until(first.Add(time.Duration(i) * pause))) // its pace, unless it is late
				c.ask(n + i*connections)
			}
		})
	}
	all.Wait()
	took, counted := time.Since(began).Seconds(), c.counted()
	return float64(counted.answered+counted.turned+len(counted.other)) / took, float64(counted.answered) / took, counted
}

// Ten times the load that a replica can serve does not keep it from serving what it can, takes no
// memory, and has no effect afterwards. The replica has a processor of its own, and its callers
// have the others: the cost of the callers is not part of the measurement. Figures are logged.
func TestTenTimesTooMuch(t *testing.T) {
	text := os.Getenv("ATTACHE_OVERLOAD")
	if text == "" {
		t.Skip("needs a machine for itself: say for how long, such as ATTACHE_OVERLOAD=60s")
	}
	during, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	r := startReplica(t)
	c := newCrowd(t, r)
	c.closed(8, 2*time.Second) // connections, and what is folded once
	began := r.processor(t)
	capacity, decided := c.closed(8, min(during, 10*time.Second))
	review := (r.processor(t) - began) / time.Duration(max(1, decided.answered))
	before, _ := r.memory(t)
	began = r.processor(t)
	asked, goodput, much := c.open(10*capacity, during)
	took := r.processor(t) - began
	_, most := r.memory(t)
	if much.answered == 0 {
		t.Fatalf("nothing was decided: %d turned away, %q", much.turned, much.other[:min(1, len(much.other))])
	}
	slices.Sort(much.times)
	t.Logf("capacity %.0f a second; of %.0f a second for %s %.0f were decided (%.0f %% of capacity), the slowest after %s, and %d in all turned away; RSS %d MiB before, %d MiB at most",
		capacity, asked, during, goodput, 100*goodput/capacity, much.times[len(much.times)-1].Round(time.Millisecond), much.turned, before, most)
	useful := review * time.Duration(much.answered)
	t.Logf("of the processor time of the replica, %s, %.0f %% went into reviews that were decided, which take %s each, and the rest into turning others away, %s each",
		took, 100*useful.Seconds()/took.Seconds(), review.Round(10*time.Microsecond), ((took - useful) / time.Duration(max(1, much.turned))).Round(time.Microsecond))
	if len(much.other) > 0 {
		t.Errorf("%d were neither decided nor told to come again: %s", len(much.other), much.other[0])
	}
	if much.turned == 0 {
		t.Error("nobody was turned away: that was no overload")
	}
	for second := 1; second <= 5; second++ {
		again, counted := c.closed(8, time.Second)
		t.Logf("in second %d after that %.0f a second", second, again)
		if len(counted.other)+counted.turned > 0 {
			t.Errorf("%d were turned away then, and %q", counted.turned, counted.other)
		}
	}
}
