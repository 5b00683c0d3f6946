package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var (
	soakDuration = flag.Duration("soak.duration", 15*time.Second, "how long TestRandomEditsOfTenantsAndAPlatform edits")
	soakSeed     = flag.Uint64("soak.seed", 1, "seed of its edits")
)

// person is somebody who edits at random.
type person struct {
	*world
	*ears
	name  string
	reads map[string]bool // namespaces, besides the platform's
	dice  *rand.Rand
	wrote map[string]bool // every word that they wrote themselves
	made  atomic.Int64
	done  atomic.Int64 // of those, what was accepted
}

var soakTenants = []string{"team-a", "team-b", "team-c"}

// words are what names in a text are made of.
func words(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') })
}

// draws one of some.
func (p *person) one(of ...string) string { return of[p.dice.IntN(len(of))] }

// step makes one edit, which may be refused.
func (p *person) step() {
	ns, n := p.namespace, p.dice.IntN(4)
	route, policyName := fmt.Sprintf("%s-r%d", ns, n), fmt.Sprintf("%s-p%d", ns, p.dice.IntN(5))
	elsewhere := p.one(soakTenants...)
	target := p.one(
		"kind: HTTPRoute, name: "+route, "kind: HTTPRoute, name: "+route+", sectionName: "+ns+"-rule",
		"kind: Gateway, name: "+ns+"-gw", "kind: Gateway, name: public, namespace: infra", "kind: GatewayClass, name: edge",
		"kind: HTTPRoute, name: "+elsewhere+"-r1, namespace: "+elsewhere,
	)
	blocks := p.one("default: {request: %s}", "override: {request: %s}", "default: {request: %s, backend: 1s}", "bounds: {request: {max: %s}}")
	manifest := ""
	switch p.dice.IntN(6) {
	case 0, 1:
		parents := p.one("{name: public, namespace: infra}", "{name: "+ns+"-gw}", "{name: "+elsewhere+"-gw, namespace: "+elsewhere+"}", "{name: public, namespace: infra}, {name: "+ns+"-gw}")
		inline := p.one("", ", timeouts: {request: 17s}", ", timeouts: {request: 90s}", ", timeouts: {request: 11s}")
		manifest = "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: " + route + ", namespace: " + ns + "}, spec: {parentRefs: [" + parents +
			"], hostnames: [" + ns + "-h.example.com], rules: [{name: " + ns + "-rule" + inline + "}, {}]}}"
	case 2, 3, 4:
		manifest = policyOn(ns, policyName, target, fmt.Sprintf(blocks, p.one("15s", "20s", "50s", "70s", "90s")))
	case 5:
		manifest = "{apiVersion: gateway.networking.k8s.io/v1, kind: ReferenceGrant, metadata: {name: " + ns + "-grant, namespace: " + ns + "}, spec: {from: [{group: attache.dev, kind: TimeoutPolicy, namespace: " +
			elsewhere + "}], to: [{group: gateway.networking.k8s.io, kind: " + p.one("HTTPRoute", "Gateway") + "}]}}"
	}
	for _, word := range words(manifest) {
		p.wrote[word] = true
	}
	p.write(parsed(p, manifest), route)
}

// write writes, deletes or forges.
func (p *person) write(u *obj, route string) {
	var err error
	switch p.dice.IntN(10) {
	case 0, 1:
		err = p.Delete(p.Context(), u)
	case 2:
		err = p.patchStatus("httproute."+route, fmt.Sprintf(forgery, "90s"))
	case 3:
		u.SetAnnotations(map[string]string{"attache.dev/effective-policies": "{}"})
		fallthrough
	case 4:
		err = p.Apply(p.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("soak"), client.ForceOwnership, client.DryRunAll)
	default:
		err = p.Apply(p.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("soak"), client.ForceOwnership)
	}
	p.made.Add(1)
	if err != nil {
		p.hear(err.Error())
		return
	}
	p.done.Add(1)
}

// leaks says which text told the person of something that they may not know.
func (p *person) leaks(texts []string) error {
	for _, text := range texts {
		for _, word := range words(text) {
			for _, ns := range soakTenants {
				if strings.HasPrefix(word, ns+"-") && !p.reads[ns] && !p.wrote[word] {
					return fmt.Errorf("%s is told %q: %s", p.name, word, text)
				}
			}
		}
	}
	return nil
}

// persons are the owners of three namespaces, some of whom may read another, and a
// platform.
func (s *site) persons() []*person {
	s.Helper()
	var list []*person
	for i, ns := range soakTenants {
		w, e := s.hearing("owner-of-"+ns, ns)
		p := &person{world: w, ears: e, name: "the owner of " + ns, reads: map[string]bool{ns: true}, wrote: map[string]bool{}, dice: rand.New(rand.NewPCG(*soakSeed, uint64(i)))}
		if i == 0 {
			p.reads["team-b"] = true
			s.admin.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: team-b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: owner-of-team-a, apiGroup: rbac.authorization.k8s.io}]`)
		}
		list = append(list, p)
	}
	e := &ears{}
	config := rest.CopyConfig(s.plane.Config)
	config.WarningHandler = e
	return append(list, &person{world: newWorld(s.TB, config, "infra"), ears: e, name: "the platform", wrote: map[string]bool{},
		reads: map[string]bool{"team-a": true, "team-b": true, "team-c": true}, dice: rand.New(rand.NewPCG(*soakSeed, 99))})
}

// Three tenants and a platform edit at random with random rights, a replica or the
// controller is killed now and then, and nothing that violates a guardrail is ever
// published, nobody learns what they may not, and in the end all is as it would be
// computed from the objects alone.
func TestRandomEditsOfTenantsAndAPlatform(t *testing.T) {
	s := startSite(t, nil, soakTenants...)
	var replicas []*process
	var addresses []string
	launch := func(i int) *process {
		host, port, err := net.SplitHostPort(addresses[i])
		if err != nil {
			t.Fatal(err)
		}
		p, _ := s.admission.replica("--webhook-host", host, "--webhook-port", port)
		return p
	}
	for i := range 2 {
		addresses = append(addresses, freeAddress(t))
		replicas = append(replicas, launch(i))
	}
	s.board.to(relay(t, nil, addresses...))
	s.replica.kill()
	for _, ns := range append([]string{"infra"}, soakTenants...) {
		s.as(s.plane.Config, ns).apply(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: NS-gw, namespace: NS}
spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}`)
	}
	s.admin.apply(raceGuardrail)
	s.knows("races", "team-a")
	s.as(s.plane.Config, "team-a").remove("HTTPRoute", "probe")
	lookout := newLookout(t, s.plane.Config)
	people := s.persons()
	ctx, cancel := context.WithTimeout(t.Context(), *soakDuration)
	defer cancel()
	var editing sync.WaitGroup
	for _, p := range people {
		editing.Go(func() {
			for ctx.Err() == nil {
				p.step()
			}
		})
	}
	kills, dice := 0, rand.New(rand.NewPCG(*soakSeed, 7))
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-time.After(time.Duration(5+dice.IntN(10)) * time.Second):
		}
		if victim := dice.IntN(3); victim < 2 {
			replicas[victim].kill()
			replicas[victim] = launch(victim)
		} else {
			s.controller.kill()
			s.startController()
		}
		kills++
	}
	editing.Wait()
	s.checkSoak(lookout, people, kills)
}

// checkSoak looks at what is left of it.
func (s *site) checkSoak(lookout *lookout, people []*person, kills int) {
	s.controller.idle(s.TB)
	for _, p := range people {
		texts := p.ears.all()
		if p.namespace != "infra" {
			texts = append(texts, s.as(s.plane.Config, p.namespace).written()...)
		}
		if err := p.leaks(texts); err != nil {
			s.Error(err)
		}
		s.Logf("%s made %d edits, %d were accepted; %d texts were read", p.name, p.made.Load(), p.done.Load(), len(texts))
	}
	versions, values := lookout.end()
	s.Logf("%d kills; %d versions with %d contents were looked at; policies said %d times that they are held back", kills, versions, values, lookout.holds.Load())
	// With the guardrail gone nothing is held back, and all has to be as computed.
	s.admin.remove("PolicyGuardrail.v1alpha1.attache.dev", "races")
	for _, ns := range append([]string{"infra"}, soakTenants...) {
		w := s.as(s.plane.Config, ns)
		within(s, time.Minute, "what is written in "+ns+" to be what is computed", func(context.Context) error {
			return errors.Join(w.agrees("infra"), w.statusesAgree("infra"))
		})
	}
	s.noWebhooks() // the replicas go before what was made does
}
