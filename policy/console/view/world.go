package view

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/explain"
)

// World is what the page shows at one moment. It is never changed.
type World struct {
	Snapshot *policy.Snapshot
	// Version names the snapshot, in ETags and events.
	Version string
	// Context is the context of the cluster, or the manifests that were read. Files
	// says that it is manifests.
	Context string
	Files   bool
	// Namespace is where names are looked up first; empty for everywhere.
	Namespace string
	// Live says that newer worlds follow; Trouble says why none follows at present.
	Live    bool
	Trouble string
	// Problems are the problems of single objects, in words.
	Problems []string
	// Hidden are the kinds that the reader is not permitted to list.
	Hidden []Hidden
	// Unread are objects that look like policies and are not read as such.
	Unread []explain.Unread
	// Outcomes tells expressions how data planes enforce what applies to routes; nil
	// when that is unknown.
	Outcomes evaluate.Enforced
	// Guardrails are those of the world.
	Guardrails []*unstructured.Unstructured
	// Exists finds out whether an object to which another refers exists.
	Exists func(hierarchy.Ref) string
	// Enforced is how data planes enforce, or would enforce, what applies to a
	// route: a list of JSON objects as in EffectivePolicy. Nil when nothing is known.
	Enforced func(ctx context.Context, route hierarchy.Ref) []any
	// Published are the EffectivePolicy objects by target, for readers who are not
	// permitted to read the objects behind them. Nil when the snapshot has
	// everything; otherwise the snapshot has the policy kinds and no objects.
	Published map[hierarchy.Ref]*unstructured.Unstructured
	// Place is the file and line of an object; empty when it is not from a file.
	Place func(hierarchy.Ref) string
}

// Hidden is a kind that the reader is not permitted to list.
type Hidden struct {
	Kind  string `json:"kind"`
	Group string `json:"group"`
	// Namespaces is the number of namespaces in which it is hidden; 0 means all.
	Namespaces int `json:"namespaces"`
	// Except are namespaces where it may be listed.
	Except []string `json:"except"`
}
