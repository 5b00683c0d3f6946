package progress

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// serving says whether a data plane reports that it serves all of these routes, and
// what is missing (M84).
func (p *progress) serving(routes map[hierarchy.Ref]bool) (string, bool) {
	for _, ref := range slices.SortedFunc(maps.Keys(routes), hierarchy.Compare) {
		u := p.objects[ref]
		if u == nil {
			return ref.String() + " has no status", false
		}
		taken := false
		parents, _, _ := unstructured.NestedSlice(u.Object, "status", "parents")
		for _, each := range parents {
			parent, _ := each.(map[string]any)
			gateway := p.gatewayOf(parent, ref.Namespace)
			if only := p.options.Verify.Gateway; gateway.Name == "" || only.Name != "" && gateway != only {
				continue // with --gateway that one counts alone
			}
			taken = true
			if text, ok := p.parentServes(ref, u.GetGeneration(), gateway, parent); !ok {
				return text, false
			}
		}
		if !taken {
			return ref.String() + " has no status: no data plane has taken it", false
		}
	}
	return "", true
}

// parentServes says whether a route is served by one of its parents: accepted there,
// and below a Gateway that is programmed and has an address.
func (p *progress) parentServes(route hierarchy.Ref, generation int64, gateway hierarchy.Ref, parent map[string]any) (string, bool) {
	for _, condition := range []string{"Accepted", "ResolvedRefs"} {
		if text, ok := isTrue(parent, condition, generation); !ok {
			return route.String() + " is not " + condition + text, false
		}
	}
	u := p.objects[gateway]
	if u == nil {
		return gateway.String() + " is not there", false
	}
	status, _ := u.Object["status"].(map[string]any)
	if text, ok := isTrue(status, "Programmed", u.GetGeneration()); !ok {
		return gateway.String() + " is not Programmed" + text, false
	}
	if addresses, _ := status["addresses"].([]any); len(addresses) == 0 {
		return gateway.String() + " has no address", false
	}
	return "", true
}

// gatewayOf is the Gateway of a parent of a route: itself, or that of the ListenerSet;
// none of other kinds.
func (p *progress) gatewayOf(parent map[string]any, namespace string) hierarchy.Ref {
	ref, _ := parent["parentRef"].(map[string]any)
	name, _ := ref["name"].(string)
	if space, ok := ref["namespace"].(string); ok {
		namespace = space
	}
	switch ref["kind"] {
	case nil, "", "Gateway":
		return hierarchy.GatewayRef(namespace, name)
	case "ListenerSet":
	default:
		return hierarchy.Ref{} // of a mesh
	}
	set := p.objects[hierarchy.ListenerSetRef(namespace, name)]
	if set == nil {
		return hierarchy.ListenerSetRef(namespace, name)
	}
	of, _, _ := unstructured.NestedMap(set.Object, "spec", "parentRef")
	if space, ok := of["namespace"].(string); ok {
		namespace = space
	}
	name, _ = of["name"].(string)
	return hierarchy.GatewayRef(namespace, name)
}

// isTrue says whether a condition is True for a generation, and the reason when it is
// not.
func isTrue(status map[string]any, name string, generation int64) (string, bool) {
	c := meta.FindStatusCondition(condition.Read(status["conditions"]), name)
	switch {
	case c == nil:
		return ": the condition is missing", false
	case c.Status != metav1.ConditionTrue:
		return ": " + c.Reason, false
	case c.ObservedGeneration != 0 && c.ObservedGeneration < generation:
		return ": its last edit was not observed yet", false
	}
	return "", true
}

// NamesToResolve are the names whose addresses Of needs (M86): the hosts, and the hostnames
// among the addresses of either side.
func NamesToResolve(old *oldside.Side, snapshot *policy.Snapshot) []string {
	set := map[string]bool{}
	for _, host := range old.View.Hosts() {
		if !strings.HasPrefix(host, "*") && strings.Contains(host, ".") {
			set[host] = true
		}
	}
	before, after := addressesOf(old.Objects)
	for _, a := range slices.Concat(before, after) {
		if strings.ContainsAny(a, "abcdefghijklmnopqrstuvwxyz") && !strings.Contains(a, ":") {
			set[a] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// addressesOf are the addresses that Ingresses and Gateways report (M89).
func addressesOf(objects []document.Object) (before, after []string) {
	for i := range objects {
		u := objects[i].Unstructured
		switch u.GetKind() {
		case "Ingress":
			list, _, _ := unstructured.NestedSlice(u.Object, "status", "loadBalancer", "ingress")
			for _, each := range list {
				entry, _ := each.(map[string]any)
				for _, key := range []string{"ip", "hostname"} {
					if text, ok := entry[key].(string); ok && text != "" {
						before = append(before, text)
					}
				}
			}
		case "Gateway":
			list, _, _ := unstructured.NestedSlice(u.Object, "status", "addresses")
			for _, each := range list {
				entry, _ := each.(map[string]any)
				if text, ok := entry["value"].(string); ok && text != "" {
					after = append(after, text)
				}
			}
		}
	}
	slices.Sort(before)
	slices.Sort(after)
	return slices.Compact(before), slices.Compact(after)
}

// resolve says where the names of hosts lead, and which Ingresses moved (M86).
func (p *progress) resolve() {
	if p.options.Addresses == nil {
		return
	}
	before, after := addressesOf(p.old.Objects)
	old, now := p.all(before), p.all(after)
	for host, h := range p.hosts {
		toOld, toNew, other := false, false, len(p.options.Addresses[host]) == 0
		for _, a := range p.options.Addresses[host] {
			toOld = toOld || old[a]
			toNew = toNew || now[a]
			other = other || !old[a] && !now[a]
		}
		switch {
		case other:
			h.Resolves = ToOther
		case toOld && toNew:
			h.Resolves = ToBoth
		case toNew:
			h.Resolves = ToNew
		default:
			h.Resolves = ToOld
		}
	}
	for i := range p.Ingresses {
		one := &p.Ingresses[i]
		if one.State != StateReady {
			continue
		}
		moved := true
		for _, host := range one.ingress.Hosts() {
			if h := p.hosts[host]; h != nil && h.Resolves != ToNew {
				moved = false
				one.Why = routing.HostText(host) + " resolves to " + h.Resolves
			}
		}
		if moved {
			one.State = StateMoved
		}
	}
}

// all are addresses with those of the names among them.
func (p *progress) all(list []string) map[string]bool {
	set := map[string]bool{}
	for _, a := range list {
		set[a] = true
		for _, b := range p.options.Addresses[a] {
			set[b] = true
		}
	}
	return set
}

// judge says whether an Ingress can go, and why not (M87).
func (p *progress) judge(i *Ingress) {
	g := i.ingress
	switch {
	case i.State == StateReady && !p.enough(i):
		i.Keep = cmp.Or(i.Why, "its hosts were not resolved: use --resolve")
	case !p.enough(i):
		i.Keep = "it is " + i.State
	case p.primaryOf(g) != "":
		i.Keep = "Ingress " + p.primaryOf(g) + " is a canary of it: delete that first"
	case p.certificate(g) != "":
		i.Keep = "cert-manager makes Secret " + p.certificate(g) + " for it alone: state its annotation on the Gateway or the ListenerSet first"
	default:
		i.Deletable = true
	}
}

// primaryOf is a canary of a location of an Ingress.
func (p *progress) primaryOf(g *ingress.Ingress) string {
	found := ""
	for _, c := range p.old.Ingresses {
		if !c.IsCanary() || !p.old.Served(c) || c == g {
			continue
		}
		p.old.EachPath(c, func(key oldside.Key, _ *ingress.Path, _ string) {
			if l := p.old.LocationAt(key); l != nil && p.old.Owners[l].Ingress == g {
				found = c.Place()
			}
		})
	}
	return found
}

// certificate is a Secret that cert-manager makes for one Ingress and for nothing else.
func (p *progress) certificate(g *ingress.Ingress) string {
	if !issued(g.Annotations) {
		return ""
	}
	for _, t := range g.TLS {
		if t.Secret == "" {
			continue
		}
		other := slices.ContainsFunc(p.old.Ingresses, func(o *ingress.Ingress) bool {
			return o != g && o.Namespace == g.Namespace && issued(o.Annotations) && slices.ContainsFunc(o.TLS, func(x ingress.TLS) bool { return x.Secret == t.Secret })
		})
		for ref, u := range p.objects {
			other = other || (ref.Kind == "Gateway" || ref.Kind == "ListenerSet") && issued(u.GetAnnotations()) && names(u, g.Namespace, t.Secret)
		}
		if !other {
			return g.Namespace + "/" + t.Secret
		}
	}
	return ""
}

// issued says whether cert-manager makes the certificates of an object.
func issued(annotations map[string]string) bool {
	for name := range annotations {
		if name == "cert-manager.io/issuer" || name == "cert-manager.io/cluster-issuer" || name == "kubernetes.io/tls-acme" {
			return true
		}
	}
	return false
}

// names says whether a listener of an object has a Secret.
func names(u *unstructured.Unstructured, namespace, secret string) bool {
	listeners, _, _ := unstructured.NestedSlice(u.Object, "spec", "listeners")
	for _, each := range listeners {
		l, _ := each.(map[string]any)
		refs, _, _ := unstructured.NestedSlice(l, "tls", "certificateRefs")
		for _, each := range refs {
			ref, _ := each.(map[string]any)
			space, ok := ref["namespace"].(string)
			if !ok {
				space = u.GetNamespace()
			}
			if ref["name"] == secret && space == namespace {
				return true
			}
		}
	}
	return false
}
