package arch

import "slices"

const module = "github.com/attache-dev/attache"

// row is one package: what it is for, and which doors it has.
type row struct {
	name string
	// does is the package in one sentence, for ARCHITECTURE.md.
	does string
	// pure packages have no I/O, no log, no clock, no goroutine and no mutable package variable.
	pure bool
	// stdlib allows nothing but the standard library, however far down.
	stdlib bool
	// imports are the packages of this module that it imports directly: these, and all of these.
	imports []string
	// never are import paths, or prefixes ending in "/", that must not be among its dependencies,
	// however far down.
	never []string
}

var (
	clients = []string{"k8s.io/client-go/", "sigs.k8s.io/controller-runtime", "sigs.k8s.io/controller-runtime/"}
	cel     = []string{"github.com/google/cel-go/"}
	opa     = []string{"github.com/open-policy-agent/opa/"}
	engines = slices.Concat(clients, cel, opa)
)

// ours are packages of this module, as entries of never.
func ours(names ...string) []string {
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = module + "/" + name
	}
	return paths
}

// table is the architecture. A package that is not in it fails the test, so that nobody adds one
// without deciding what it may import; so does an arrow that is not in it, and one that nobody uses.
// The table and the figure of ARCHITECTURE.md and the depguard rules of .golangci.yaml are
// generated from it: run "go generate ./test/arch" after a change.
var table = []row{
	{
		name: "hierarchy/prose", pure: true, stdlib: true,
		does: "counts, lists, clips and guesses words in sentences",
	},
	{
		name: "hierarchy/persistent", pure: true, stdlib: true,
		does: "a hash map whose versions share what did not change; the base of every snapshot",
	},
	{
		name: "hierarchy", pure: true,
		does: "turns Gateway API objects into an immutable graph: targets, bindings with the reason for each, " +
			"and paths from a GatewayClass down to a route rule",
		imports: []string{"hierarchy/persistent", "hierarchy/prose"},
		never:   engines,
	},
	{
		name: "hierarchy/injected", pure: true, stdlib: true,
		does: "tells what was put into a route's rules from what its owner wrote there",
	},
	{
		name: "hierarchy/decode", pure: true,
		does:    "reads unstructured objects of Gateway API into the compact ones of the hierarchy",
		imports: []string{"hierarchy", "hierarchy/injected"},
		never:   engines,
	},
	{
		name: "policy/condition", pure: true,
		does:  "reads and writes the conditions of a status, typed, where objects are unstructured",
		never: engines,
	},
	{
		name: "policy/merge", pure: true, stdlib: true,
		does: "folds layers of JSON under Atomic and Patch and remembers who set each leaf; knows nothing of Kubernetes",
	},
	{
		name: "policy/crd", pure: true,
		does: "reads a CRD once, for everybody: version, schema, where blocks, strategy and targets stand, our " +
			"annotations, and what a profile adds",
		imports: []string{"hierarchy/prose"},
		never:   slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name:    "policy/profiles",
		does:    "what is known of vendors' policy kinds, as data; embedded",
		imports: []string{"policy/crd"},
		never:   slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/bound", pure: true,
		does:    "compares the values of fields: durations, integers, quantities and texts",
		imports: []string{"policy/crd"},
		never:   engines,
	},
	{
		name: "policy", pure: true,
		does: "what is written: policy kinds as their CRDs describe them, parsed policies, the snapshot, " +
			"and which policy is in force where",
		imports: []string{
			"hierarchy", "hierarchy/decode", "hierarchy/persistent", "hierarchy/prose", "policy/bound",
			"policy/crd", "policy/merge",
		},
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/effective", pure: true,
		does: "what follows: effective policies per path with their origins, bounds, and the difference of two resolutions",
		imports: []string{
			"hierarchy", "policy", "policy/bound", "policy/crd", "policy/merge",
		},
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name:    "policy/validate",
		does:    "defaults, prunes and validates by a CRD's schema and CEL rules, as an API server would",
		imports: []string{"hierarchy/prose", "policy/crd"},
		never:   clients,
	},
	{
		name: "policy/guardrail", pure: true,
		does:    "what is written in a guardrail: rules, selection, exceptions and examples; the limits of every language",
		imports: []string{"hierarchy", "policy", "policy/effective"},
		never:   engines,
	},
	{
		name: "policy/evaluate", pure: true,
		does: "runs guardrails on effective policies: the input document, shared answers, what is new or worse",
		imports: []string{
			"hierarchy", "hierarchy/prose", "policy", "policy/crd", "policy/effective",
			"policy/guardrail", "policy/merge",
		},
		never: engines,
	},
	{
		name: "policy/review", pure: true,
		does: "reviews an edit: resolves what it touches before and after, and says what refuses it and what to know",
		imports: []string{
			"hierarchy", "hierarchy/prose", "policy", "policy/crd", "policy/effective", "policy/evaluate",
			"policy/guardrail", "policy/merge", "policy/publish",
		},
		never: engines,
	},
	{
		name:    "policy/guardrail/celrule",
		does:    "compiles one CEL expression into a rule",
		imports: []string{"hierarchy/prose", "policy/guardrail"},
		never:   slices.Concat(clients, opa, ours("policy/guardrail/regorule")),
	},
	{
		name:    "policy/guardrail/regorule",
		does:    "compiles one Rego module into a rule",
		imports: []string{"hierarchy/prose", "policy/guardrail"},
		never:   slices.Concat(clients, cel, ours("policy/guardrail/celrule")),
	},
	{
		name: "policy/publish", pure: true,
		does: "the forms in which effective policies are published, EffectivePolicy and annotation, and reading them back",
		imports: []string{
			"hierarchy", "hierarchy/prose", "policy", "policy/crd", "policy/effective", "policy/merge",
		},
		never: engines,
	},
	{
		name: "policy/status", pure: true,
		does: "computes what to write: EffectivePolicy objects, annotations, conditions; " +
			"and nothing that is already there",
		imports: []string{
			"hierarchy", "hierarchy/injected", "hierarchy/prose", "policy", "policy/condition",
			"policy/effective", "policy/enforcement", "policy/export", "policy/publish",
		},
		never: engines,
	},
	{
		name: "policy/export/field", pure: true,
		does:  "the fields of the three kinds that are exported, and their values: read, compared and written",
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/export", pure: true,
		does: "what an exporter is given and gives back: a route with its effective policies; objects, values in the route, " +
			"and an outcome with a reason for every field",
		imports: []string{"hierarchy", "hierarchy/injected", "policy/export/field"},
		never:   slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/export/draft", pure: true,
		does:    "what exporters share while they project a route: its rules, what applies to them, and drafts of the outcomes",
		imports: []string{"policy/export", "policy/export/field"},
		never:   slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/export/exporters", pure: true,
		does:    "the exporters: one for each data plane, one for the standard fields of routes, and their registry",
		imports: []string{"hierarchy", "policy/export", "policy/export/draft", "policy/export/field"},
		never:   slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/enforcement", pure: true,
		does: "which exporter enforces the policies of a class, and of every field whether it is enforced",
		imports: []string{
			"hierarchy", "policy/condition", "policy/effective", "policy/export", "policy/export/exporters",
			"policy/export/field",
		},
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/request", pure: true,
		does:    "which listener, route and rule serve a request, and why the others do not",
		imports: []string{"hierarchy"},
		never:   engines,
	},
	{
		name: "policy/explain", pure: true,
		does: "resolutions, bindings and differences as reports with reasons: what the command prints, as data",
		imports: []string{
			"hierarchy", "hierarchy/prose", "policy", "policy/condition", "policy/crd",
			"policy/effective", "policy/merge", "policy/request",
		},
		never: engines,
	},
	{
		name: "policy/explain/topology", pure: true,
		does:    "the hierarchy above and below some objects as a graph of nodes and edges",
		imports: []string{"hierarchy", "policy", "policy/explain"},
		never:   engines,
	},
	{
		name: "policy/preview", pure: true,
		does: "turns manifests and a world into an edit, its verdict, and findings with their places",
		imports: []string{
			"hierarchy", "hierarchy/prose", "policy", "policy/crd", "policy/effective", "policy/evaluate",
			"policy/explain", "policy/guardrail", "policy/review",
		},
		never: engines,
	},
	{
		name: "policy/console/page",
		does: "the page as browsers get it: TypeScript sources, the bundle built of them, embedded", stdlib: true,
	},
	{
		name: "policy/console/view",
		does: "the answers to the page's questions about one world: lists, the tree, the table, a search",
		imports: []string{
			"hierarchy", "hierarchy/prose", "policy", "policy/crd", "policy/effective", "policy/evaluate",
			"policy/explain", "policy/guardrail", "policy/preview", "policy/request", "policy/review",
		},
		never: engines,
	},
	{
		name: "policy/console/drawing", pure: true,
		does:    "lays out the map of the page: columns, nodes that stand for many, and edges",
		imports: []string{"hierarchy", "policy/console/view", "policy/effective"},
		never:   engines,
	},
	{
		name: "policy/console",
		does: "an http.Handler that serves the page, its session, its answers and its edits; it has no client",
		imports: []string{
			"hierarchy", "policy/console/drawing", "policy/console/view", "policy/explain",
			"policy/guardrail", "policy/preview",
		},
		never: engines,
	},
	{
		name: "policy/migrate/routing", pure: true,
		does:    "what each side of a migration answers to a request, and which requests tell the sides apart",
		imports: []string{"hierarchy", "policy/request"},
		never:   slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate/document", pure: true,
		does:    "the objects of a migration: those of the input with file and line, and those that are written under free names",
		imports: []string{"hierarchy"},
		never:   slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate/ingress", pure: true,
		does:    "decodes Ingresses, once, and holds what their annotations state",
		imports: []string{"policy/migrate/document", "policy/migrate/routing"},
		never:   slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate/finding", pure: true,
		does:    "what a migration says of each place of its input, and the totals",
		imports: []string{"hierarchy/prose", "policy/migrate/ingress"},
		never:   slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate/option", pure: true,
		does:    "the options of a migration",
		imports: []string{"hierarchy", "policy"},
		never:   slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate/statement", pure: true,
		does: "policies before they are written: which fields are stated, and where",
		imports: []string{
			"hierarchy", "policy/migrate/document", "policy/migrate/finding",
			"policy/migrate/ingress",
		},
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate/controller", pure: true,
		does: "the ingress controllers that a migration can start from: a file with tables for each",
		imports: []string{
			"policy/migrate/document", "policy/migrate/finding", "policy/migrate/ingress",
			"policy/migrate/statement",
		},
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate/oldside", pure: true,
		does: "the Ingresses of one controller as it reads them: the host view, and what they ask of policies",
		imports: []string{
			"hierarchy/prose", "policy/migrate/controller", "policy/migrate/document",
			"policy/migrate/finding", "policy/migrate/ingress", "policy/migrate/option",
			"policy/migrate/routing", "policy/migrate/statement",
		},
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate/lift", pure: true,
		does: "states fields as far up as they hold, proved by the resolver",
		imports: []string{
			"hierarchy", "hierarchy/prose", "policy", "policy/effective",
			"policy/migrate/document", "policy/migrate/finding", "policy/migrate/option",
			"policy/migrate/statement",
		},
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate/newside", pure: true,
		does: "writes the Gateway, the routes and the policies that stand for Ingresses",
		imports: []string{
			"hierarchy", "hierarchy/decode", "hierarchy/prose", "policy/effective",
			"policy/migrate/document", "policy/migrate/finding", "policy/migrate/ingress",
			"policy/migrate/lift", "policy/migrate/oldside", "policy/migrate/option",
			"policy/migrate/routing", "policy/migrate/statement",
		},
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate", pure: true,
		does: "Ingresses and what configures them into routes and policies, with a finding for every annotation",
		imports: []string{
			"policy/migrate/controller", "policy/migrate/document", "policy/migrate/finding",
			"policy/migrate/ingress", "policy/migrate/lift", "policy/migrate/newside",
			"policy/migrate/oldside", "policy/migrate/option", "policy/migrate/routing",
			"policy/migrate/statement",
		},
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate/verify", pure: true,
		does: "compares what both sides answer to the same requests, and the policies in force",
		imports: []string{
			"hierarchy", "policy", "policy/bound", "policy/effective", "policy/migrate/finding",
			"policy/migrate/ingress", "policy/migrate/oldside", "policy/migrate/option",
			"policy/migrate/routing", "policy/migrate/statement", "policy/request",
		},
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name: "policy/migrate/progress", pure: true,
		does: "how far a parallel run is, and which Ingresses can be deleted",
		imports: []string{
			"hierarchy", "hierarchy/prose", "policy", "policy/condition",
			"policy/migrate/document", "policy/migrate/ingress", "policy/migrate/oldside",
			"policy/migrate/routing", "policy/migrate/verify",
		},
		never: slices.Concat(engines, ours("policy/v1alpha1")),
	},
	{
		name:  "policy/v1alpha1/annotation",
		does:  "reads the annotation on routes and Gateways, for data planes",
		never: engines,
	},
	{
		name:  "policy/v1alpha1",
		does:  "the Go types of our own kinds, from which the CRDs are generated; no behaviour",
		never: clients,
	},
	{
		name: "crds", stdlib: true,
		does: "those CRDs, and Gateway API's, embedded",
	},
	{
		name:  "policy/source/kubeyaml",
		does:  "reads documents of YAML as kubectl and API servers do",
		never: slices.Concat(clients, cel, opa),
	},
	{
		name: "policy/source/kubejson",
		does: "reads JSON of Kubernetes objects in one pass over its text",
	},
	{
		name:    "policy/source",
		does:    "reads manifests from files, folders and streams",
		imports: []string{"crds", "hierarchy/prose", "policy/crd", "policy/source/kubeyaml", "policy/validate"},
		never:   clients,
	},
	{
		name: "policy/source/cluster",
		does: "reads a cluster: informers, and watches that come and go with the CRDs of policy kinds",
		imports: []string{
			"hierarchy", "hierarchy/injected", "hierarchy/prose", "policy", "policy/condition", "policy/crd",
			"policy/export", "policy/export/exporters", "policy/guardrail", "policy/publish",
			"policy/source/kubejson", "policy/status",
		},
		never: ours("webhook", "policy/controller"),
	},
	{
		name:    "policy/access",
		does:    "asks the API server who may read what, and remembers the answers for a short time",
		imports: []string{"hierarchy"},
		never:   slices.Concat(cel, opa, ours("policy/controller", "policy/source/cluster")),
	},
	{
		name: "policy/controller/pace", stdlib: true,
		does: "limits how many requests are under way to an API server, by how it answers",
	},
	{
		name: "policy/controller",
		does: "reconciles: snapshot, resolve, plan, apply",
		imports: []string{
			"hierarchy", "hierarchy/injected", "policy", "policy/controller/pace", "policy/crd",
			"policy/effective", "policy/enforcement", "policy/evaluate", "policy/export",
			"policy/export/exporters", "policy/guardrail", "policy/publish", "policy/source/cluster",
			"policy/status",
		},
		never: ours("webhook"),
	},
	{
		name: "webhook/limit", stdlib: true,
		does: "shares out the time of a replica among those who ask it",
	},
	{
		name:    "webhook/wire",
		does:    "reads an AdmissionReview in one pass over its text",
		imports: []string{"policy/source/kubejson"},
	},
	{
		name: "webhook",
		does: "admission: an AdmissionReview in, a verdict out",
		imports: []string{
			"hierarchy", "hierarchy/injected", "hierarchy/prose", "policy", "policy/effective",
			"policy/enforcement", "policy/evaluate", "policy/export", "policy/export/exporters",
			"policy/guardrail", "policy/publish", "policy/review", "policy/status", "webhook/limit", "webhook/wire",
		},
		never: ours("policy/controller", "policy/source/cluster"),
	},
	{
		name:  "webhook/authority",
		does:  "the certificates by which an API server trusts the webhooks: an authority in a Secret, leaves in memory",
		never: slices.Concat(cel, opa, ours("hierarchy", "policy", "webhook")),
	},
	{
		name: "cmd/attache",
		does: "the manager: flags and wiring",
		imports: []string{
			"hierarchy", "hierarchy/injected", "hierarchy/prose", "policy", "policy/access",
			"policy/controller", "policy/crd", "policy/enforcement", "policy/export",
			"policy/export/exporters", "policy/guardrail", "policy/guardrail/celrule",
			"policy/guardrail/regorule", "policy/profiles", "policy/publish", "policy/source/cluster",
			"policy/status", "policy/validate", "webhook", "webhook/authority",
		},
	},
	{
		name:    "cmd/kubectl-effective_policy",
		does:    "the kubectl plugin's main function",
		imports: []string{"cmd/kubectl-effective_policy/command"},
		never:   ours("webhook", "policy/controller"),
	},
	{
		name:    "cmd/kubectl-effective_policy/doctor",
		does:    "looks at an installation on a cluster, part by part, and writes nothing",
		never:   slices.Concat(cel, opa, ours("hierarchy", "policy", "webhook")),
		imports: []string{"policy/condition"},
	},
	{
		name:    "cmd/kubectl-effective_policy/terminal",
		does:    "writes text for people: tables, rows that wrap, colours, a line of progress",
		imports: []string{"hierarchy/prose"},
	},
	{
		name:    "cmd/kubectl-effective_policy/ci",
		does:    "writes findings as SARIF, JUnit, annotations and Markdown, for continuous integration",
		imports: []string{"hierarchy/prose", "policy/preview"},
	},
	{
		name: "cmd/kubectl-effective_policy/workspace",
		does: "the flags that every subcommand has, and what is opened from them: objects of manifests or of a cluster, by name",
		imports: []string{
			"cmd/kubectl-effective_policy/terminal", "hierarchy", "hierarchy/prose", "policy",
			"policy/condition", "policy/crd", "policy/effective", "policy/enforcement",
			"policy/explain", "policy/profiles", "policy/publish", "policy/source",
			"policy/source/cluster", "policy/status", "policy/validate",
		},
		never: ours("webhook", "policy/controller"),
	},
	{
		name: "cmd/kubectl-effective_policy/planes",
		does: "what data planes make of the effective policies of a workspace",
		imports: []string{
			"cmd/kubectl-effective_policy/workspace", "hierarchy", "hierarchy/injected", "policy/crd",
			"policy/effective", "policy/enforcement", "policy/evaluate", "policy/export",
			"policy/export/exporters", "policy/validate",
		},
		never: ours("webhook", "policy/controller"),
	},
	{
		name: "cmd/kubectl-effective_policy/edit",
		does: "reads an edit and the objects that it is made to, for what tells what an edit would do",
		imports: []string{
			"cmd/kubectl-effective_policy/planes", "cmd/kubectl-effective_policy/terminal",
			"cmd/kubectl-effective_policy/workspace", "hierarchy", "hierarchy/prose", "policy",
			"policy/crd", "policy/enforcement", "policy/export/exporters", "policy/guardrail",
			"policy/guardrail/celrule", "policy/guardrail/regorule", "policy/preview", "policy/source",
			"policy/source/cluster",
		},
		never: ours("webhook", "policy/controller"),
	},
	{
		name: "cmd/kubectl-effective_policy/command",
		does: "the plugin: one file or a few for each subcommand, which prints what explain and preview return",
		imports: []string{
			"cmd/kubectl-effective_policy/ci", "cmd/kubectl-effective_policy/doctor",
			"cmd/kubectl-effective_policy/edit", "cmd/kubectl-effective_policy/planes",
			"cmd/kubectl-effective_policy/terminal", "cmd/kubectl-effective_policy/workspace", "crds",
			"hierarchy", "hierarchy/prose", "policy", "policy/bound", "policy/console",
			"policy/console/page", "policy/console/view", "policy/crd", "policy/effective",
			"policy/enforcement", "policy/evaluate", "policy/explain", "policy/explain/topology",
			"policy/export", "policy/export/exporters", "policy/export/field", "policy/guardrail",
			"policy/guardrail/celrule", "policy/merge", "policy/migrate", "policy/migrate/controller",
			"policy/migrate/document", "policy/migrate/finding", "policy/migrate/oldside",
			"policy/migrate/option", "policy/migrate/progress", "policy/migrate/verify",
			"policy/preview", "policy/publish", "policy/request", "policy/review", "policy/source",
			"policy/source/cluster", "policy/status", "policy/validate",
		},
		never: ours("webhook", "policy/controller"),
	},
}
