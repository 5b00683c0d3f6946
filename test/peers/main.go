package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/gwctl/pkg/common"
	"sigs.k8s.io/gwctl/pkg/extension"
	"sigs.k8s.io/gwctl/pkg/extension/directlyattachedpolicy"
	"sigs.k8s.io/gwctl/pkg/extension/gatewayeffectivepolicy"
	"sigs.k8s.io/gwctl/pkg/policymanager"
	"sigs.k8s.io/gwctl/pkg/topology"
	"sigs.k8s.io/gwctl/pkg/topology/gateway"
)

// cost is what one piece of work takes.
type cost struct {
	Nanoseconds int64  `json:"nanoseconds"` // of processor time
	Bytes       uint64 `json:"bytes"`       // allocated
}

// report is what is printed.
type report struct {
	// Bind finds the Gateways of every route, Resolve that and what applies to it.
	Bind    cost `json:"bind"`
	Resolve cost `json:"resolve"`
	// Bound and Resolved are how many routes have Gateways, and effective policies.
	Bound    int `json:"bound"`
	Resolved int `json:"resolved"`
}

// world serves what a file holds, as gwctl would get it from an API server.
type world map[schema.GroupKind][]*unstructured.Unstructured

// Fetch implements common.GroupKindFetcher.
func (w world) Fetch(gk schema.GroupKind) ([]*unstructured.Unstructured, error) { return w[gk], nil }

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: peers FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(file string) error {
	w, err := read(file)
	if err != nil {
		return err
	}
	var r report
	var graph *topology.Graph
	if r.Bind, err = measure(func() error {
		graph, err = w.bind()
		return err
	}); err != nil {
		return err
	}
	for _, node := range graph.Nodes[common.HTTPRouteGK] {
		if len(gateway.HTTPRouteNode(node).Gateways()) > 0 {
			r.Bound++
		}
	}
	if r.Resolve, err = measure(func() error {
		graph, err = w.resolve()
		return err
	}); err != nil {
		return err
	}
	for _, node := range graph.Nodes[common.HTTPRouteGK] {
		found, err := gatewayeffectivepolicy.Access(node)
		if err != nil {
			return err
		}
		if found != nil && len(found.HTTPRouteEffectivePolicies) > 0 {
			r.Resolved++
		}
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// read reads a list of objects. What gwctl takes a policy to be in the namespace of, it looks for
// there; objects without a namespace have to be named so.
func read(file string) (world, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var objects []map[string]any
	if err := json.Unmarshal(text, &objects); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	w := world{}
	for _, o := range objects {
		u := &unstructured.Unstructured{Object: o}
		if ref, found, _ := unstructured.NestedMap(o, "spec", "targetRef"); found && (ref["kind"] == "GatewayClass" || ref["kind"] == "Namespace") {
			if err := unstructured.SetNestedField(o, "", "spec", "targetRef", "namespace"); err != nil {
				return nil, err
			}
		}
		gk := u.GroupVersionKind().GroupKind()
		w[gk] = append(w[gk], u)
	}
	return w, nil
}

// bind is what "gwctl get httproutes -A -o wide" does first.
func (w world) bind() (*topology.Graph, error) {
	return topology.NewBuilder(w).StartFrom(w[common.HTTPRouteGK]).UseRelationships(gateway.AllRelations).Build()
}

// resolve is what it does then.
func (w world) resolve() (*topology.Graph, error) {
	graph, err := w.bind()
	if err != nil {
		return nil, err
	}
	policies := policymanager.New(w)
	if err := policies.Init(); err != nil {
		return nil, err
	}
	return graph, extension.ExecuteAll(graph, directlyattachedpolicy.NewExtension(policies), gatewayeffectivepolicy.NewExtension())
}

// measure takes the processor time of the whole process, with what was left to collect before it
// collected.
func measure(work func() error) (cost, error) {
	runtime.GC()
	began, had := spent(), allocated()
	err := work()
	return cost{spent() - began, allocated() - had}, err
}

func spent() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
