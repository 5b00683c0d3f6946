package progress

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/migrate/verify"
)

// The states of an Ingress in a parallel run (M84).
const (
	StateOldOnly    = "old only"
	StatePartly     = "partly"
	StateChanged    = "changed"
	StateNotServing = "not serving"
	StateDiffers    = "differs"
	StateHeld       = "held"
	StateReady      = "ready"
	StateMoved      = "moved"
)

// Where the name of a host leads (M86).
const (
	ToOld   = "old"
	ToNew   = "new"
	ToBoth  = "both"
	ToOther = "other"
)

// Options say how to judge a parallel run.
type Options struct {
	Verify verify.Options
	// Addresses are those that names resolve to; nil when nothing was resolved.
	Addresses map[string][]string
	// WithoutDNS counts what is ready as moved.
	WithoutDNS bool
}

// Progress is how far a parallel run is.
type Progress struct {
	Ingresses []Ingress `json:"ingresses"`
	Hosts     []Host    `json:"hosts"`
	// withoutDNS says that ready is enough.
	withoutDNS bool
}

// Ingress is the state of one Ingress.
type Ingress struct {
	Ingress string `json:"ingress"`
	State   string `json:"state"`
	// Covered of Locations are answered by routes as by the controller.
	Covered   int `json:"covered"`
	Locations int `json:"locations"`
	// Why says what is missing; Example is a request that differs.
	Why     string `json:"why,omitempty"`
	Example string `json:"example,omitempty"`
	// Deletable says that the Ingress can go; Keep says why not.
	Deletable bool   `json:"deletable"`
	Keep      string `json:"keep,omitempty"`

	ingress *ingress.Ingress
	routes  map[hierarchy.Ref]bool
}

// Host is the state of one host.
type Host struct {
	Host      string   `json:"host"`
	Covered   int      `json:"covered"`
	Locations int      `json:"locations"`
	Left      []string `json:"left,omitempty"`
	// Resolves is where the name leads; empty when it was not resolved.
	Resolves string `json:"resolves,omitempty"`
}

// String is a host in one line (M88).
func (h *Host) String() string {
	text := fmt.Sprintf("%s  %d of %s", routing.HostText(h.Host), h.Covered, prose.Count(h.Locations, "location"))
	if len(h.Left) > 0 {
		text += fmt.Sprintf(", %s left: %s", prose.Count(len(h.Left), "Ingress"), strings.Join(h.Left, ", "))
	}
	if h.Resolves != "" {
		text += ", resolves to " + h.Resolves
	}
	return text
}

// Done says whether every Ingress has moved, or is ready where DNS does not count (M88).
func (p *Progress) Done() bool {
	return !slices.ContainsFunc(p.Ingresses, func(i Ingress) bool { return !p.enough(&i) })
}

func (p *Progress) enough(i *Ingress) bool {
	return i.State == StateMoved || p.withoutDNS && i.State == StateReady
}

// progress finds the states.
type progress struct {
	*Progress
	old      *oldside.Side
	covering *routing.Covering
	options  *Options
	objects  map[hierarchy.Ref]*unstructured.Unstructured
	digests  map[string][]string
	differ   map[*ingress.Ingress]*verify.Group
	counts   map[*ingress.Ingress]int
	hosts    map[string]*Host
}

// Of says of each Ingress how far it is (section 11).
func Of(old *oldside.Side, snapshot *policy.Snapshot, options *Options) *Progress {
	p := &progress{
		Progress: &Progress{Ingresses: []Ingress{}, Hosts: []Host{}, withoutDNS: options.WithoutDNS}, old: old, options: options,
		covering: &routing.Covering{View: old.View, Side: routing.NewNewSide(snapshot.Graph(), options.Verify.Gateway), Ignore: func(b routing.Backend) bool {
			to := options.Verify.Bridge
			return to.Name != "" && b == routing.Backend{Namespace: to.Namespace, Name: to.Name, Port: to.Port}
		}},
		objects: map[hierarchy.Ref]*unstructured.Unstructured{}, digests: map[string][]string{},
		differ: map[*ingress.Ingress]*verify.Group{}, counts: map[*ingress.Ingress]int{}, hosts: map[string]*Host{},
	}
	p.readMarks()
	p.compare(verify.Compare(old, snapshot, options.Verify))
	places := p.places()
	for _, g := range p.byPlace() {
		p.Ingresses = append(p.Ingresses, p.stateOf(g, places[g]))
	}
	p.resolve()
	for i := range p.Ingresses {
		p.judge(&p.Ingresses[i])
	}
	for _, host := range slices.Sorted(maps.Keys(p.hosts)) {
		h := p.hosts[host]
		if !slices.ContainsFunc(p.old.ByHost[host], func(g *ingress.Ingress) bool { return g.Chosen }) {
			continue
		}
		for i := range p.Ingresses {
			if one := &p.Ingresses[i]; !p.enough(one) && slices.Contains(one.ingress.Hosts(), host) {
				h.Left = append(h.Left, one.Ingress)
			}
		}
		p.Hosts = append(p.Hosts, *h)
	}
	return p.Progress
}

// byPlace are the Ingresses of the run that were chosen, by namespace and name.
func (p *progress) byPlace() []*ingress.Ingress {
	list := slices.DeleteFunc(slices.Clone(p.old.Ingresses), func(g *ingress.Ingress) bool { return !g.Chosen })
	slices.SortFunc(list, func(a, b *ingress.Ingress) int { return strings.Compare(a.Place(), b.Place()) })
	return list
}

// readMarks finds the digests that routes carry of the Ingresses that they are from
// (M23).
func (p *progress) readMarks() {
	for i := range p.old.Objects {
		u := p.old.Objects[i].Unstructured
		p.objects[hierarchy.RefOf(u)] = u
		digest := u.GetAnnotations()[document.MigratedDigest]
		for from := range strings.SplitSeq(u.GetAnnotations()[document.MigratedFrom], ",") {
			if place, ok := strings.CutPrefix(strings.TrimSpace(from), "Ingress/"); ok && digest != "" {
				p.digests[place] = append(p.digests[place], digest)
			}
		}
	}
}

// compare remembers the first difference of each Ingress, and how many there are.
func (p *progress) compare(c *verify.Comparison) {
	for i := range c.Hosts {
		for j := range c.Hosts[i].Groups {
			g := &c.Hosts[i].Groups[j]
			if g.Kind != verify.Different || g.Of == nil {
				continue
			}
			p.counts[g.Of] += g.Count
			if p.differ[g.Of] == nil {
				p.differ[g.Of] = g
			}
		}
	}
}

// servedLocation is a location of one Ingress, with the rule that covers it.
type servedLocation struct {
	host     string
	location *routing.Location
	place    routing.Place
	why      string
}

func (p *progress) places() map[*ingress.Ingress][]servedLocation {
	by := map[*ingress.Ingress][]servedLocation{}
	for _, host := range p.old.View.Hosts() {
		s := p.old.View.Server(host)
		if s == nil {
			continue
		}
		h := &Host{Host: host}
		for _, l := range s.Locations {
			g := p.old.Owners[l].Ingress
			if l.Default && l.Action.Backend == nil {
				continue
			}
			at := servedLocation{host: host, location: l}
			at.place, at.why = p.covering.Place(host, l)
			by[g] = append(by[g], at)
			h.Locations++
			if at.place.Route != nil {
				h.Covered++
			}
		}
		p.hosts[host] = h
	}
	return by
}

func (p *progress) stateOf(g *ingress.Ingress, list []servedLocation) Ingress {
	i := Ingress{Ingress: g.Place(), Locations: len(list), ingress: g, routes: map[hierarchy.Ref]bool{}}
	if g.IsCanary() {
		list = p.ofPrimary(g)
		i.Locations = len(list)
	}
	var missing []string
	for _, at := range list {
		if at.place.Route == nil {
			missing = append(missing, routing.HostText(at.host)+" "+at.location.Path+" ("+at.why+")")
			continue
		}
		i.Covered++
		i.routes[at.place.Route.Meta().Ref] = true
	}
	switch text, serving := p.serving(i.routes); {
	case len(list) == 0 && !p.old.Served(g):
		i.State, i.Why = StateReady, "the controller does not serve it"
	case len(list) == 0:
		i.State, i.Why = StateReady, "it serves nothing"
	case i.Covered == 0:
		i.State, i.Why = StateOldOnly, missing[0]
	case len(missing) > 0:
		i.State, i.Why = StatePartly, strings.Join(missing, "; ")
	case p.changed(g):
		i.State, i.Why = StateChanged, "the Ingress is not what its routes were made of any more: migrate it again"
	case !serving:
		i.State, i.Why = StateNotServing, text
	case p.differ[g] != nil:
		i.State, i.Example = StateDiffers, p.differ[g].Example
		i.Why = prose.Count(p.counts[g], "request") + " differ"
		if p.counts[g] == 1 {
			i.Why += "s"
		}
	default:
		i.State = StateReady
		if held := p.held(g); len(held) > 0 {
			i.State, i.Why = StateHeld, "nobody accepted the loss of "+strings.Join(held, ", ")
		}
	}
	return i
}

// ofPrimary are the locations that a canary is the alternative of.
func (p *progress) ofPrimary(g *ingress.Ingress) []servedLocation {
	var list []servedLocation
	p.old.EachPath(g, func(key oldside.Key, _ *ingress.Path, _ string) {
		if l := p.old.LocationAt(key); l != nil {
			at := servedLocation{host: key.Host, location: l}
			at.place, at.why = p.covering.Place(key.Host, l)
			list = append(list, at)
		}
	})
	return list
}

// changed says whether some route was made of another state of the Ingress.
func (p *progress) changed(g *ingress.Ingress) bool {
	return slices.ContainsFunc(p.digests[g.Place()], func(d string) bool { return d != g.Digest() })
}

// held are the annotations whose protection is missing on the new side.
func (p *progress) held(g *ingress.Ingress) []string {
	return slices.DeleteFunc(p.old.Exposing(g), p.old.Options.Accepts)
}
