package ingress

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// Ingress is one Ingress, decoded once (M91).
type Ingress struct {
	Object      document.Object
	Namespace   string
	Name        string
	Created     time.Time
	Labels      map[string]string
	Annotations map[string]string
	Class       string
	Controller  string
	Rules       []Rule
	Backend     *Backend
	TLS         []TLS
	// Age is the place among the Ingresses of the run, the oldest first (M8).
	Age int
	// Settings are the annotations that the controller accepts.
	Settings *Settings
	// Refused says why the controller does not serve it (M10).
	Refused string
	Chosen  bool
}

// Rule is the paths of one host; an empty host is every host.
type Rule struct {
	Host  string
	Paths []Path
}

// Path is one path of a rule with its backend.
type Path struct {
	Path    string
	Kind    string
	Backend *Backend
	// Resource says that the backend is no Service.
	Resource bool
}

// TLS is one entry of spec.tls.
type TLS struct {
	Hosts  []string
	Secret string
}

// Backend is a Service's port, by number or by name.
type Backend struct {
	Service string
	Port    int32
	Named   string
}

// Place is the namespace and the name of an Ingress.
func (g *Ingress) Place() string { return g.Namespace + "/" + g.Name }

// Hosts are the hosts of the rules, each once, in their order; routing.CatchAll
// for a rule without one.
func (g *Ingress) Hosts() []string {
	var list []string
	for _, r := range g.Rules {
		host := r.Host
		if host == "" {
			host = routing.CatchAll
		}
		if !slices.Contains(list, host) {
			list = append(list, host)
		}
	}
	return list
}

// IsCanary says whether an Ingress is a canary of ingress-nginx (M21).
func (g *Ingress) IsCanary() bool { return g.Settings.Bool("canary") }

// Marks are the annotations on what is written for an Ingress.
func (g *Ingress) Marks() map[string]string {
	return map[string]string{document.MigratedFrom: "Ingress/" + g.Place(), document.MigratedDigest: g.Digest()}
}

// Digest is of what an Ingress says: its spec and its annotations.
func (g *Ingress) Digest() string {
	annotations := map[string]string{}
	for name, value := range g.Annotations {
		if name != "kubectl.kubernetes.io/last-applied-configuration" {
			annotations[name] = value
		}
	}
	text, _ := json.Marshal([]any{g.Object.Object["spec"], annotations}) // maps are written sorted
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
