package migrate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// ingress is one Ingress, decoded once (M91).
type ingress struct {
	object      Object
	namespace   string
	name        string
	created     time.Time
	labels      map[string]string
	annotations map[string]string
	class       string
	controller  string
	rules       []ingressRule
	backend     *backendRef
	tls         []ingressTLS
	// age is the place among the Ingresses of the run, the oldest first (M8).
	age int
	// set is what the annotations come to.
	set *settings
	// refused says why the controller does not serve it (M10).
	refused string
	chosen  bool
}

type ingressRule struct {
	host  string
	paths []ingressPath
}

type ingressPath struct {
	path    string
	kind    string
	backend *backendRef
	// resource says that the backend is no Service.
	resource bool
}

type ingressTLS struct {
	hosts  []string
	secret string
}

// backendRef is a Service's port, by number or by name.
type backendRef struct {
	service string
	port    int32
	named   string
}

func (g *ingress) place() string { return g.namespace + "/" + g.name }

// hosts are the hosts of the rules, each once, in their order; routing.CatchAll
// for a rule without one.
func (g *ingress) hosts() []string {
	var list []string
	for _, r := range g.rules {
		host := r.host
		if host == "" {
			host = routing.CatchAll
		}
		if !slices.Contains(list, host) {
			list = append(list, host)
		}
	}
	return list
}

func (g *ingress) canary() bool { return g.set.bool("canary") }

// marks are the annotations on what is written for an Ingress.
func (g *ingress) marks() map[string]string {
	return map[string]string{MigratedFrom: "Ingress/" + g.place(), MigratedDigest: g.digest()}
}

// digest is of what an Ingress says: its spec and its annotations.
func (g *ingress) digest() string {
	annotations := map[string]string{}
	for name, value := range g.annotations {
		if name != "kubectl.kubernetes.io/last-applied-configuration" {
			annotations[name] = value
		}
	}
	text, _ := json.Marshal([]any{g.object.Object["spec"], annotations}) // maps are written sorted
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}
