package view

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/explain"
)

// World is what the page shows at one moment. Nobody changes it.
type World struct {
	Snapshot *policy.Snapshot
	// Version names the snapshot, in ETags and events.
	Version string
	// Context is the cluster's, or the manifests that were read. Files says that
	// it is manifests.
	Context string
	Files   bool
	// Namespace is where names are looked up first; empty for everywhere.
	Namespace string
	// Live says that newer worlds follow; Trouble says why none does for now.
	Live    bool
	Trouble string
	// Problems are those of single objects, in words.
	Problems []string
	// Hidden is what the reader may not list.
	Hidden []Hidden
	// Unread are objects that look like policies and are not read as such.
	Unread []explain.Unread
	// Outcomes answers expressions what data planes make of routes; nil is unknown.
	Outcomes evaluate.Enforced
	// Guardrails are those of the world.
	Guardrails []*unstructured.Unstructured
	// Exists finds out whether what an object names is there.
	Exists func(hierarchy.Ref) string
	// Enforced is what data planes make, or would make, of a route: a list of
	// JSON objects as EffectivePolicy has them. Nil when nothing is known.
	Enforced func(ctx context.Context, route hierarchy.Ref) []any
	// Published are the EffectivePolicy objects by target, for who may not read what
	// they follow from. Nil when the snapshot has everything; else it knows the
	// policy kinds and no objects.
	Published map[hierarchy.Ref]*unstructured.Unstructured
	// Place is the file and line of an object; empty when it is not from a file.
	Place func(hierarchy.Ref) string
}

// Hidden is a kind that the reader may not list.
type Hidden struct {
	Kind  string `json:"kind"`
	Group string `json:"group"`
	// Namespaces is in how many it is hidden; 0 says everywhere.
	Namespaces int `json:"namespaces"`
	// Except are namespaces where it may be listed.
	Except []string `json:"except"`
}
