package decode

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/attache-dev/attache/hierarchy"
)

func decodeGatewayClass(r *reader, meta hierarchy.Meta, object map[string]any) hierarchy.Object {
	spec := r.object(object, "", "spec")
	class := &hierarchy.GatewayClass{
		Controller: canonical(r.text(spec, "spec", "controllerName", "")),
		Parameters: r.parameters(spec, "spec", ""),
		Export:     r.annotation(object, hierarchy.ExportAnnotation),
	}
	*class.Meta() = meta
	return class
}

func decodeGateway(r *reader, meta hierarchy.Meta, object map[string]any) hierarchy.Object {
	spec := r.object(object, "", "spec")
	infrastructure := r.object(spec, "spec", "infrastructure")
	allowed := r.object(spec, "spec", "allowedListeners")
	gateway := &hierarchy.Gateway{
		Class:            canonical(r.required(spec, "spec", "gatewayClassName", "edge")),
		Listeners:        r.listeners(spec),
		AllowedListeners: r.from(allowed, "spec.allowedListeners", hierarchy.FromNone, hierarchy.FromAll, hierarchy.FromSame, hierarchy.FromSelector, hierarchy.FromNone),
		DefaultScope:     r.text(spec, "spec", "defaultScope", ""),
		Parameters:       r.parameters(infrastructure, "spec.infrastructure", meta.Ref.Namespace),
		References:       r.gatewayTLS(spec),
		Watched: hierarchy.Watched{
			Metrics: r.annotation(object, hierarchy.MetricsAnnotation) == "true",
			Tracing: r.annotation(object, hierarchy.TracingAnnotation) == "true",
			Debug:   r.annotation(object, hierarchy.LogLevelAnnotation) == "debug",
		},
	}
	*gateway.Meta() = meta
	return gateway
}

func decodeListenerSet(r *reader, meta hierarchy.Meta, object map[string]any) hierarchy.Object {
	spec := r.object(object, "", "spec")
	set := &hierarchy.ListenerSet{Listeners: r.listeners(spec)}
	*set.Meta() = meta
	parent := r.object(spec, "spec", "parentRef")
	if parent == nil {
		r.problem("spec.parentRef", "is missing; write the name of the Gateway that the listeners join")
		return set
	}
	set.Parent, _ = r.reference(parent, "spec.parentRef", defaults{hierarchy.Group, "Gateway", meta.Ref.Namespace})
	return set
}

// parameters reads a parametersRef. Its kind has no default: what it names is specific to the
// implementation.
func (r *reader) parameters(from map[string]any, path, namespace string) *hierarchy.Reference {
	fields := r.object(from, path, "parametersRef")
	if fields == nil {
		return nil
	}
	path = r.join(path, "parametersRef")
	to, ok := r.reference(fields, path, defaults{namespace: namespace})
	if !ok {
		return nil
	}
	return &hierarchy.Reference{To: to, Field: path}
}

// gatewayTLS reads the references of spec.tls (R43).
func (r *reader) gatewayTLS(spec map[string]any) []hierarchy.Reference {
	tls := r.object(spec, "spec", "tls")
	if tls == nil {
		return nil
	}
	var refs []hierarchy.Reference
	backend := r.object(tls, "spec.tls", "backend")
	if fields := r.object(backend, "spec.tls.backend", "clientCertificateRef"); fields != nil {
		refs = r.appendReference(refs, fields, "spec.tls.backend.clientCertificateRef", "Secret")
	}
	frontend := r.object(tls, "spec.tls", "frontend")
	const byDefault = "spec.tls.frontend.default"
	refs = r.appendCACertificates(refs, r.object(frontend, "spec.tls.frontend", "default"), byDefault)
	for port := range r.items(frontend, "spec.tls.frontend", "perPort") {
		refs = r.appendCACertificates(refs, r.object(port.fields, port.path, "tls"), r.join(port.path, "tls"))
	}
	return refs
}

func (r *reader) appendCACertificates(refs []hierarchy.Reference, from map[string]any, path string) []hierarchy.Reference {
	validation := r.object(from, path, "validation")
	for ca := range r.items(validation, r.join(path, "validation"), "caCertificateRefs") {
		refs = r.appendReference(refs, ca.fields, ca.path, "")
	}
	return refs
}

// appendReference appends a reference whose group defaults to core and whose
// namespace to the referring object's.
func (r *reader) appendReference(refs []hierarchy.Reference, fields map[string]any, path, kind string) []hierarchy.Reference {
	if to, ok := r.reference(fields, path, defaults{"", kind, r.ref.Namespace}); ok {
		refs = append(refs, hierarchy.Reference{To: to, Field: path})
	}
	return refs
}

// listeners reads spec.listeners. Names are unique in an object of a cluster (they are the key of
// the list); if two listeners share a name, the first one counts.
func (r *reader) listeners(spec map[string]any) []hierarchy.ListenerSpec {
	var listeners []hierarchy.ListenerSpec
	seen := make(map[string]bool)
	for l := range r.items(spec, "spec", "listeners") {
		name := r.required(l.fields, l.path, "name", "https")
		switch {
		case name == "":
			continue
		case seen[name]:
			r.problem(r.join(l.path, "name"), "%q is the name of an earlier listener too; give every listener its own", name)
			continue
		}
		seen[name] = true
		listeners = append(listeners, r.listener(l, name))
	}
	return listeners
}

func (r *reader) listener(l item, name string) hierarchy.ListenerSpec {
	spec := hierarchy.ListenerSpec{
		Name:     canonical(name),
		Port:     r.port(l.fields, l.path, "port"),
		Protocol: canonical(r.required(l.fields, l.path, "protocol", hierarchy.ProtocolHTTPS)),
		Hostname: canonical(r.text(l.fields, l.path, "hostname", "")),
	}
	tls := r.object(l.fields, l.path, "tls")
	if tls != nil || spec.Protocol == hierarchy.ProtocolHTTPS || spec.Protocol == hierarchy.ProtocolTLS {
		spec.TLSMode = canonical(r.text(tls, r.join(l.path, "tls"), "mode", "Terminate"))
	}
	for ref := range r.items(tls, r.join(l.path, "tls"), "certificateRefs") {
		spec.Certificates = r.appendReference(spec.Certificates, ref.fields, ref.path, "Secret")
	}
	allowed := r.object(l.fields, l.path, "allowedRoutes")
	path := r.join(l.path, "allowedRoutes")
	spec.Namespaces = r.from(allowed, path, hierarchy.FromSame, hierarchy.FromAll, hierarchy.FromSame, hierarchy.FromSelector)
	for kind := range r.items(allowed, path, "kinds") {
		if k := r.required(kind.fields, kind.path, "kind", "HTTPRoute"); k != "" {
			group := r.text(kind.fields, kind.path, "group", hierarchy.Group)
			spec.Kinds = append(spec.Kinds, schema.GroupKind{Group: canonical(group), Kind: canonical(k)})
		}
	}
	return spec
}

// from reads the namespaces gate below path. An unknown value admits nothing: when in doubt, the
// gate is closed.
func (r *reader) from(allowed map[string]any, path, otherwise string, values ...string) hierarchy.From {
	namespaces := r.object(allowed, path, "namespaces")
	path = r.join(path, "namespaces")
	if namespaces == nil {
		return hierarchy.From{From: otherwise}
	}
	from := hierarchy.From{From: r.text(namespaces, path, "from", otherwise)}
	known := false
	for _, value := range values {
		if from.From == value {
			from.From, known = value, true
		}
	}
	if !known {
		r.problem(r.join(path, "from"), "%q is not one of %v; nothing is admitted", from.From, values)
		return hierarchy.From{From: hierarchy.FromNone}
	}
	if from.From == hierarchy.FromSelector {
		from.Selector = r.selector(namespaces, path)
	}
	return from
}

// selector reads a label selector; nil, which selects nothing, when it is
// absent (R15) or cannot be understood. An empty one selects everything.
func (r *reader) selector(namespaces map[string]any, path string) labels.Selector {
	fields := r.object(namespaces, path, "selector")
	path = r.join(path, "selector")
	if fields == nil {
		r.problem(path, "is missing although from is Selector; nothing is selected. Write {} to select every namespace")
		return nil
	}
	before := len(r.problems)
	selector := labels.NewSelector()
	matchLabels := r.labels(fields, path, "matchLabels")
	for _, key := range slices.Sorted(maps.Keys(matchLabels)) {
		selector = r.addRequirement(selector, r.join(path, "matchLabels"), key, selection.Equals, []string{matchLabels[key]})
	}
	for e := range r.items(fields, path, "matchExpressions") {
		key := r.required(e.fields, e.path, "key", "team")
		operator, ok := selectorOperators[r.required(e.fields, e.path, "operator", "In")]
		if !ok {
			r.problem(r.join(e.path, "operator"), "is not one of In, NotIn, Exists, DoesNotExist")
			continue
		}
		selector = r.addRequirement(selector, e.path, key, operator, r.texts(e.fields, e.path, "values"))
	}
	if len(r.problems) > before {
		return nil
	}
	return selector
}

var selectorOperators = map[string]selection.Operator{
	"In":           selection.In,
	"NotIn":        selection.NotIn,
	"Exists":       selection.Exists,
	"DoesNotExist": selection.DoesNotExist,
}

func (r *reader) addRequirement(s labels.Selector, path, key string, op selection.Operator, values []string) labels.Selector {
	requirement, err := labels.NewRequirement(key, op, values)
	if err != nil {
		r.problem(path, "is not a valid selector: %v", err)
		return s
	}
	return s.Add(*requirement)
}

// annotation reads one annotation; a value that is not a string counts as absent.
func (r *reader) annotation(object map[string]any, key string) string {
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, _ := annotations[key].(string)
	return canonical(value)
}
