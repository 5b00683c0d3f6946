package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

var peers = flag.String("peers", "", "the program of test/peers, for BenchmarkPeers, which is left out without it")

// cost is what one piece of work takes, in processor time and in what it allocates.
type cost struct {
	Nanoseconds int64
	Bytes       uint64
}

// peer is what the program of test/peers prints.
type peer struct {
	Bind, Resolve   cost
	Bound, Resolved int
}

// BenchmarkPeers reads a cluster of objects in memory and finds the Gateways of every route, and what
// applies to it; gwctl's resolver does the same in a process of its own. Each takes its turn:
//
//	make bench-peers
func BenchmarkPeers(b *testing.B) {
	if *peers == "" {
		b.Skip("-peers does not name the program to compare with")
	}
	for _, n := range sizes(100, 1000, 10000) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			objs := append(definitions(b), cluster(n)...)
			file := filepath.Join(b.TempDir(), "world.json")
			text, err := json.Marshal(objs)
			if err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(file, text, 0o600); err != nil {
				b.Fatal(err)
			}
			read(b, cluster(100)) // what is compiled once, is
			for b.Loop() {
				ours, theirs := resolveAll(b, objs, n), peerOn(b, file)
				if theirs.Bound != n || theirs.Resolved != n {
					b.Fatalf("gwctl binds %d and resolves %d of %d routes", theirs.Bound, theirs.Resolved, n)
				}
				measured(b, "bind-ns", float64(ours.Bind.Nanoseconds))
				measured(b, "gwctl-bind-ns", float64(theirs.Bind.Nanoseconds))
				measured(b, "bind-ratio", float64(theirs.Bind.Nanoseconds)/float64(ours.Bind.Nanoseconds))
				measured(b, "resolve-ns", float64(ours.Resolve.Nanoseconds))
				measured(b, "gwctl-resolve-ns", float64(theirs.Resolve.Nanoseconds))
				measured(b, "resolve-ratio", float64(theirs.Resolve.Nanoseconds)/float64(ours.Resolve.Nanoseconds))
				measured(b, "resolve-MB", float64(ours.Resolve.Bytes)/1e6)
				measured(b, "gwctl-resolve-MB", float64(theirs.Resolve.Bytes)/1e6)
			}
		})
	}
}

// resolveAll does with attache's engine what test/peers does with gwctl's.
func resolveAll(b *testing.B, objs []*unstructured.Unstructured, routes int) (p peer) {
	b.Helper()
	p.Bind = costs(b, func() {
		s, _ := policy.NewSnapshot(options).With(objs...)
		for _, u := range objs {
			if u.GetKind() == "HTTPRoute" && len(s.Graph().BoundTo(hierarchy.RefOf(u))) > 0 {
				p.Bound++
			}
		}
	})
	p.Resolve = costs(b, func() {
		s, _ := policy.NewSnapshot(options).With(objs...)
		p.Resolved = effective.ResolveAll(s).Len()
	})
	if p.Bound != routes || p.Resolved < routes {
		b.Fatalf("bound %d and resolved %d of %d routes", p.Bound, p.Resolved, routes)
	}
	return p
}

func costs(b *testing.B, work func()) cost {
	b.Helper()
	runtime.GC()
	began, had := spent(b), allocated()
	work()
	return cost{spent(b) - began, allocated() - had}
}

func peerOn(b *testing.B, file string) (p peer) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), *peers, file)
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", runtime.GOMAXPROCS(0)))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(out, &p); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return p
}

// definitions are the CRDs of attache's kinds.
func definitions(b *testing.B) []*unstructured.Unstructured {
	b.Helper()
	var all []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(file.Data, &u.Object); err != nil {
			b.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}
