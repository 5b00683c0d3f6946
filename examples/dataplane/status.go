package main

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/attache-dev/attache/hierarchy"
)

// report writes what became of the objects, as Gateway API asks.
func (w *world) report(ctx context.Context, now *state) {
	for class := range now.graph.GatewayClasses() {
		if class.Controller == w.controller {
			var status gatewayv1.GatewayClassStatus
			w.update(ctx, now, class.Meta(), "gatewayclasses", &status, func() {
				say(&status.Conditions, class.Meta(), "Accepted", "Accepted", "")
			})
		}
	}
	for _, g := range now.gateways {
		var status gatewayv1.GatewayStatus
		w.update(ctx, now, g.Meta(), "gateways", &status, func() { w.gatewayStatus(now, g, &status) })
	}
	for route := range now.graph.Routes() {
		var status gatewayv1.RouteStatus
		w.update(ctx, now, route.Meta(), strings.ToLower(route.Meta().Ref.Kind)+"s", &status, func() { w.routeStatus(now, route, &status) })
	}
}

// update reads a status, lets change change it, and writes it if that made a difference. A conflict
// is no failure: the newer object is on its way.
func (w *world) update(ctx context.Context, now *state, of *hierarchy.Meta, resource string, status any, change func()) {
	next := now.objects[of.Ref].DeepCopy()
	convert(next.Object["status"], status)
	change()
	var wanted, had any
	convert(status, &wanted)
	if convert(next.Object["status"], &had); equality.Semantic.DeepEqual(had, wanted) {
		return
	}
	next.Object["status"] = wanted
	_, err := w.client.Resource(gatewayAPI(resource)).Namespace(of.Ref.Namespace).UpdateStatus(ctx, next, metav1.UpdateOptions{})
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && ctx.Err() == nil {
		w.log.Error("status not written", "object", of.Ref.String(), "error", err)
	}
}

// convert goes by way of JSON; both sides are known to have a form in it.
func convert(from, to any) {
	if data, err := json.Marshal(from); err == nil {
		_ = json.Unmarshal(data, to)
	}
}

// say sets a condition, which is true when its reason is its name.
func say(conditions *[]metav1.Condition, of *hierarchy.Meta, name, reason, message string) {
	status := metav1.ConditionFalse
	if reason == name {
		status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(conditions, metav1.Condition{Type: name, Status: status, Reason: reason, Message: message, ObservedGeneration: of.Generation})
}

func (w *world) gatewayStatus(now *state, g *hierarchy.Gateway, to *gatewayv1.GatewayStatus) {
	say(&to.Conditions, g.Meta(), "Accepted", "Accepted", "")
	programmed, address, kind := "AddressNotAssigned", w.addresses[g.Meta().Ref], gatewayv1.IPAddressType
	if to.Addresses = nil; address.IsValid() {
		programmed = "Programmed"
		to.Addresses = []gatewayv1.GatewayStatusAddress{{Type: &kind, Value: address.String()}}
	}
	say(&to.Conditions, g.Meta(), "Programmed", programmed, "")
	before := to.Listeners
	to.Listeners = []gatewayv1.ListenerStatus{}
	for _, l := range now.graph.Listeners(g.Meta().Ref) {
		if !l.ListenerSet.IsZero() {
			continue
		}
		name := gatewayv1.SectionName(l.Spec.Name)
		entry := find(before, func(b gatewayv1.ListenerStatus) bool { return b.Name == name })
		entry.Name, entry.SupportedKinds, entry.AttachedRoutes = name, []gatewayv1.RouteGroupKind{}, int32(now.graph.AttachedRoutes(l.Ref))
		accepted, resolved, programmed := cmp.Or(l.Conflicted, "Accepted"), "ResolvedRefs", "Programmed"
		if schemes[l.Spec.Protocol] == "" {
			accepted = "UnsupportedProtocol"
		} else {
			for _, k := range l.Supported {
				group := gatewayv1.Group(k.Group)
				entry.SupportedKinds = append(entry.SupportedKinds, gatewayv1.RouteGroupKind{Group: &group, Kind: gatewayv1.Kind(k.Kind)})
			}
		}
		if _, err := now.certificate(l); err != nil && l.Spec.Protocol == "HTTPS" {
			resolved = "InvalidCertificateRef"
		}
		if accepted != "Accepted" || resolved != "ResolvedRefs" {
			programmed = "Invalid"
		}
		say(&entry.Conditions, g.Meta(), "Accepted", accepted, "")
		say(&entry.Conditions, g.Meta(), "ResolvedRefs", resolved, "")
		say(&entry.Conditions, g.Meta(), "Programmed", programmed, "")
		to.Listeners = append(to.Listeners, entry)
	}
}

// find returns the entry of a list that is asked for, or an empty one.
func find[E any](list []E, asked func(E) bool) (entry E) {
	if i := slices.IndexFunc(list, asked); i >= 0 {
		entry = list[i]
	}
	return entry
}

// routeStatus has an entry for each parentRef on a Gateway that is served here; those of other
// controllers stay as they are.
func (w *world) routeStatus(now *state, route *hierarchy.Route, to *gatewayv1.RouteStatus) {
	var object struct{ Spec gatewayv1.CommonRouteSpec }
	convert(now.objects[route.Meta().Ref].Object, &object)
	before, ours := to.Parents, gatewayv1.GatewayController(w.controller)
	to.Parents = slices.DeleteFunc(append([]gatewayv1.RouteParentStatus{}, before...), func(p gatewayv1.RouteParentStatus) bool { return p.ControllerName == ours })
	for _, b := range now.graph.Bindings(route.Meta().Ref) {
		parent := b.Parent.Ref.Object()
		if set, ok := now.graph.Get(parent); ok && parent.Kind == "ListenerSet" {
			parent = set.(*hierarchy.ListenerSet).Parent
		}
		if b.Parent.Index < 0 || !w.addresses[parent].IsValid() {
			continue
		}
		ref := object.Spec.ParentRefs[b.Parent.Index]
		entry := find(before, func(p gatewayv1.RouteParentStatus) bool {
			return p.ControllerName == ours && equality.Semantic.DeepEqual(p.ParentRef, ref)
		})
		entry.ParentRef, entry.ControllerName = ref, ours
		say(&entry.Conditions, route.Meta(), "Accepted", b.Reason, b.Message)
		reason, message := now.resolved(route)
		say(&entry.Conditions, route.Meta(), "ResolvedRefs", reason, message)
		to.Parents = append(to.Parents, entry)
	}
}

// resolved says whether a route may refer to its backends, and whether they exist.
func (s *state) resolved(route *hierarchy.Route) (reason, message string) {
	of := route.Meta().Ref
	for _, rule := range route.Rules {
		for _, b := range rule.Backends {
			switch {
			case !s.graph.Permits(of.GroupKind, of.Namespace, b.To):
				return "RefNotPermitted", b.Field + " needs a ReferenceGrant"
			case s.objects[b.To] == nil:
				return "BackendNotFound", b.To.String() + " does not exist"
			}
		}
	}
	return "ResolvedRefs", ""
}
