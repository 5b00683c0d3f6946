package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/attache-dev/attache/hierarchy"
)

// reporter writes what became of the objects, as Gateway API asks.
type reporter struct {
	client  dynamic.Interface
	options options
	log     *slog.Logger
}

func (r *reporter) write(ctx context.Context, now *state) {
	for class := range now.graph.GatewayClasses() {
		if class.Controller == r.options.controller {
			var status gatewayv1.GatewayClassStatus
			r.update(ctx, now, class.Meta(), "gatewayclasses", &status, func() {
				say(&status.Conditions, class.Meta(), "Accepted", "Accepted", "Accepted", "")
			})
		}
	}
	for _, g := range now.gateways {
		var status gatewayv1.GatewayStatus
		r.update(ctx, now, g.Meta(), "gateways", &status, func() { gatewayStatus(now, g, &status) })
	}
	for route := range now.graph.Routes() {
		var status gatewayv1.RouteStatus
		resource := map[string]string{"HTTPRoute": "httproutes", "GRPCRoute": "grpcroutes"}[route.Meta().Ref.Kind]
		r.update(ctx, now, route.Meta(), resource, &status, func() { r.routeStatus(now, route, &status) })
	}
}

// update reads a status, lets change change it, and writes it if that made a
// difference. A conflict is no failure: the newer object is on its way.
func (r *reporter) update(ctx context.Context, now *state, of *hierarchy.Meta, resource string, status any, change func()) {
	next := now.objects[of.Ref].DeepCopy()
	convert(next.Object["status"], status)
	change()
	var wanted, had any
	convert(status, &wanted)
	if convert(next.Object["status"], &had); equality.Semantic.DeepEqual(had, wanted) {
		return
	}
	next.Object["status"] = wanted
	_, err := r.client.Resource(gatewayAPI(resource)).Namespace(of.Ref.Namespace).UpdateStatus(ctx, next, metav1.UpdateOptions{})
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && ctx.Err() == nil {
		r.log.Error("status not written", "object", of.Ref.String(), "error", err)
	}
}

// convert goes by way of JSON; both sides are known to have a form in it.
func convert(from, to any) {
	if data, err := json.Marshal(from); err == nil {
		_ = json.Unmarshal(data, to)
	}
}

// say sets a condition, which is true when its reason is the good one.
func say(conditions *[]metav1.Condition, of *hierarchy.Meta, name, reason, good, message string) {
	status := metav1.ConditionFalse
	if reason == good {
		status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(conditions, metav1.Condition{Type: name, Status: status, Reason: reason, Message: message, ObservedGeneration: of.Generation})
}

func gatewayStatus(now *state, g *hierarchy.Gateway, to *gatewayv1.GatewayStatus) {
	say(&to.Conditions, g.Meta(), "Accepted", "Accepted", "Accepted", "")
	programmed, address, kind := "AddressNotAssigned", now.addresses[g.Meta().Ref], gatewayv1.IPAddressType
	if to.Addresses = nil; address.IsValid() {
		programmed = "Programmed"
		to.Addresses = []gatewayv1.GatewayStatusAddress{{Type: &kind, Value: address.String()}}
	}
	say(&to.Conditions, g.Meta(), "Programmed", programmed, "Programmed", "")
	before := to.Listeners
	to.Listeners = []gatewayv1.ListenerStatus{}
	for _, l := range now.graph.Listeners(g.Meta().Ref) {
		if !l.ListenerSet.IsZero() {
			continue
		}
		entry := gatewayv1.ListenerStatus{Name: gatewayv1.SectionName(l.Spec.Name), SupportedKinds: []gatewayv1.RouteGroupKind{}}
		if i := slices.IndexFunc(before, func(b gatewayv1.ListenerStatus) bool { return b.Name == entry.Name }); i >= 0 {
			entry.Conditions = before[i].Conditions
		}
		if entry.AttachedRoutes = int32(now.graph.AttachedRoutes(l.Ref)); schemes[l.Spec.Protocol] != "" {
			for _, k := range l.Supported {
				group := gatewayv1.Group(k.Group)
				entry.SupportedKinds = append(entry.SupportedKinds, gatewayv1.RouteGroupKind{Group: &group, Kind: gatewayv1.Kind(k.Kind)})
			}
		}
		listenerConditions(now, g.Meta(), l, &entry.Conditions)
		to.Listeners = append(to.Listeners, entry)
	}
}

func listenerConditions(now *state, of *hierarchy.Meta, l *hierarchy.Listener, conditions *[]metav1.Condition) {
	accepted, resolved, programmed := cmp.Or(l.Conflicted, "Accepted"), "ResolvedRefs", "Programmed"
	if schemes[l.Spec.Protocol] == "" {
		accepted = "UnsupportedProtocol"
	}
	if _, err := now.certificate(l); err != nil && l.Spec.Protocol == "HTTPS" {
		resolved = "InvalidCertificateRef"
	}
	if accepted != "Accepted" || resolved != "ResolvedRefs" {
		programmed = "Invalid"
	}
	for reason, good := range map[string]string{accepted: "Accepted", resolved: "ResolvedRefs", programmed: "Programmed"} {
		say(conditions, of, good, reason, good, "")
	}
}

// routeStatus has an entry for each parentRef on a Gateway that is served here;
// those of other controllers stay as they are.
func (r *reporter) routeStatus(now *state, route *hierarchy.Route, to *gatewayv1.RouteStatus) {
	var object struct{ Spec gatewayv1.CommonRouteSpec }
	convert(now.objects[route.Meta().Ref].Object, &object)
	before := to.Parents
	to.Parents = slices.DeleteFunc(slices.Clone(before), func(p gatewayv1.RouteParentStatus) bool { return string(p.ControllerName) == r.options.controller })
	for _, b := range now.graph.Bindings(route.Meta().Ref) {
		parent := b.Parent.Ref.Object()
		if set, ok := now.graph.Get(parent); ok && parent.Kind == "ListenerSet" {
			parent = set.(*hierarchy.ListenerSet).Parent
		}
		if b.Parent.Index < 0 || !now.addresses[parent].IsValid() {
			continue
		}
		entry := gatewayv1.RouteParentStatus{ParentRef: object.Spec.ParentRefs[b.Parent.Index], ControllerName: gatewayv1.GatewayController(r.options.controller)}
		for _, old := range before {
			if old.ControllerName == entry.ControllerName && equality.Semantic.DeepEqual(old.ParentRef, entry.ParentRef) {
				entry.Conditions = old.Conditions
			}
		}
		say(&entry.Conditions, route.Meta(), "Accepted", b.Reason, "Accepted", b.Message)
		reason, message := now.resolved(route)
		say(&entry.Conditions, route.Meta(), "ResolvedRefs", reason, "ResolvedRefs", message)
		to.Parents = append(to.Parents, entry)
	}
	to.Parents = append([]gatewayv1.RouteParentStatus{}, to.Parents...)
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
