package worlds

import (
	"encoding/json"
	"fmt"
	"strings"
)

// yaml writes the world as manifests.
func (w *world) yaml() string {
	var docs []string
	add := func(format string, args ...any) { docs = append(docs, fmt.Sprintf(format, args...)) }
	const v1 = "apiVersion: gateway.networking.k8s.io/v1, kind: "
	for _, ns := range namespaces {
		add("{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {env: %s%s}}}", ns, w.labels[ns], more("tier", w.tiers[ns]))
	}
	for _, class := range classes {
		add("{%sGatewayClass, metadata: {name: %s%s}, spec: {controllerName: example.com/c}}", v1, class, labelled(w.tiers[class]))
	}
	for _, g := range w.gateways {
		add("{%sGateway, metadata: {name: %s, namespace: %s%s}, spec: {gatewayClassName: %s%s, listeners: %s}}",
			v1, g.name, g.ns, labelled(g.tier), g.class, gate("allowedListeners", g.sets, ""), listenersYAML(g.listeners))
	}
	for _, s := range w.sets {
		add("{%sListenerSet, metadata: {name: %s, namespace: %s%s%s}, spec: {parentRef: {name: %s, namespace: %s}, listeners: %s}}",
			v1, s.name, s.ns, created(s.created), labelled(s.tier), s.parent, s.parentNS, listenersYAML(s.listeners))
	}
	for _, rt := range w.routes {
		add("{%s%s, metadata: {name: %s, namespace: %s%s%s}, spec: {%s}}", v1, rt.kind, rt.name, rt.ns, created(rt.created), labelled(rt.tier), rt.spec())
	}
	for _, p := range w.policies {
		add("{apiVersion: %s, kind: %s, metadata: {name: %s, namespace: %s%s}, spec: %s}", kindOf(p.kind).version(), p.kind, p.name, p.ns, created(p.created), p.spec())
	}
	for i, g := range w.grants {
		name := ""
		if g.toName != "" {
			name = ", name: " + g.toName
		}
		add("{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: grant%d, namespace: %s}, spec: {from: [{group: %s, kind: %s, namespace: %s}], to: [{group: gateway.networking.k8s.io, kind: %s%s}]}}",
			i, g.ns, kindOf(g.fromKind).group, g.fromKind, g.fromNS, g.toKind, name)
	}
	return strings.Join(docs, "\n---\n")
}

func labelled(tier string) string {
	if tier == "" {
		return ""
	}
	return ", labels: {tier: " + tier + "}"
}

func more(key, value string) string {
	if value == "" {
		return ""
	}
	return ", " + key + ": " + value
}

func created(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(`, creationTimestamp: "2026-01-0%dT00:00:00Z"`, n)
}

func gate(field, from, more string) string {
	switch from {
	case "":
		if more == "" {
			return ""
		}
		return fmt.Sprintf(", %s: {%s}", field, strings.TrimPrefix(more, ", "))
	case "Selector":
		return fmt.Sprintf(", %s: {namespaces: {from: Selector, selector: {matchLabels: {env: prod}}}%s}", field, more)
	}
	return fmt.Sprintf(", %s: {namespaces: {from: %s}%s}", field, from, more)
}

func listenersYAML(list []listener) string {
	var entries []string
	for _, l := range list {
		entry := fmt.Sprintf("name: %s, port: %d, protocol: %s", l.name, l.port, l.proto)
		if l.host != "" {
			entry += fmt.Sprintf(", hostname: %q", l.host)
		}
		if l.mode != "" {
			entry += ", tls: {mode: " + l.mode + "}"
		}
		more := ""
		if len(l.kinds) > 0 {
			more = fmt.Sprintf(", kinds: [{kind: %s}, {kind: %s}]", l.kinds[0], l.kinds[1])
		}
		entries = append(entries, "{"+entry+gate("allowedRoutes", l.from, more)+"}")
	}
	return "[" + strings.Join(entries, ", ") + "]"
}

func (rt route) spec() string {
	var parents, hosts, rules []string
	for _, p := range rt.parents {
		ref := "name: " + p.name + ", namespace: " + p.ns
		switch p.kind {
		case "Service":
			ref += `, group: "", kind: Service`
		case "ListenerSet":
			ref += ", kind: ListenerSet"
		}
		if p.section != "" {
			ref += ", sectionName: " + p.section
		}
		if p.port != 0 {
			ref += fmt.Sprintf(", port: %d", p.port)
		}
		parents = append(parents, "{"+ref+"}")
	}
	for _, h := range rt.hosts {
		hosts = append(hosts, fmt.Sprintf("%q", h))
	}
	for _, rl := range rt.rules {
		var parts, timeouts []string
		if rl.name != "" {
			parts = append(parts, "name: "+rl.name)
		}
		if rl.request != "" {
			timeouts = append(timeouts, "request: "+rl.request)
		}
		if rl.backend != "" {
			timeouts = append(timeouts, "backendRequest: "+rl.backend)
		}
		if len(timeouts) > 0 {
			parts = append(parts, "timeouts: {"+strings.Join(timeouts, ", ")+"}")
		}
		rules = append(rules, "{"+strings.Join(parts, ", ")+"}")
	}
	return fmt.Sprintf("parentRefs: [%s], hostnames: [%s], rules: [%s]", strings.Join(parents, ", "), strings.Join(hosts, ", "), strings.Join(rules, ", "))
}

// spec writes the spec of a policy.
func (p pol) spec() string {
	k := kindOf(p.kind)
	spec := map[string]any{}
	if len(p.targets) > 0 {
		var refs []any
		for _, t := range p.targets {
			ref := map[string]any{"group": groupOf(t.kind), "kind": t.kind, "name": t.name}
			set(ref, "namespace", t.ns)
			set(ref, "sectionName", t.section)
			refs = append(refs, ref)
		}
		spec["targetRefs"] = refs
	}
	if len(p.selectors) > 0 {
		var list []any
		for _, s := range p.selectors {
			entry := map[string]any{"group": groupOf(s.kind), "kind": s.kind}
			set(entry, "sectionName", s.section)
			if s.tier != "" {
				entry["matchLabels"] = map[string]any{"tier": s.tier}
			}
			switch s.from {
			case "":
			case "Selector":
				entry["namespaces"] = map[string]any{"from": s.from, "selector": map[string]any{"matchLabels": map[string]any{"env": "prod"}}}
			default:
				entry["namespaces"] = map[string]any{"from": s.from}
			}
			list = append(list, entry)
		}
		spec["targetSelectors"] = list
	}
	block := func(values map[string]string, word string) map[string]any {
		object := nest(values)
		if k.word == "block" {
			set(object, "strategy", word)
		}
		return object
	}
	switch k.blocks {
	case "":
		for key, v := range nest(p.def) {
			spec[key] = v
		}
	default:
		names := strings.Fields(k.blocks)
		if len(p.def) > 0 {
			spec[names[0]] = block(p.def, p.defWord)
		}
		if len(p.ovr) > 0 {
			spec[names[1]] = block(p.ovr, p.ovrWord)
		}
	}
	if k.wordInSpec() {
		set(spec, k.word, p.defWord)
	}
	if len(p.bounds) > 0 {
		bounds := map[string]any{}
		for field, b := range p.bounds {
			limits := map[string]any{}
			set(limits, "min", scalar(b.min))
			set(limits, "max", scalar(b.max))
			if len(b.oneOf) > 0 {
				limits["oneOf"] = b.oneOf
			}
			bounds[field] = limits
		}
		spec["bounds"] = bounds
	}
	text, _ := json.Marshal(spec)
	return string(text)
}

func set(object map[string]any, key string, value any) {
	if value != "" && value != nil {
		object[key] = value
	}
}

// nest turns dotted leaves into objects.
func nest(values map[string]string) map[string]any {
	object := map[string]any{}
	for path, v := range values {
		at := object
		keys := strings.Split(path, ".")
		for _, key := range keys[:len(keys)-1] {
			inner, ok := at[key].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[key] = inner
			}
			at = inner
		}
		at[keys[len(keys)-1]] = scalar(v)
	}
	return object
}

// scalar reads a value as it stands in a manifest.
func scalar(text string) any {
	if text == "" {
		return ""
	}
	var v any
	if json.Unmarshal([]byte(text), &v) == nil {
		return v
	}
	return text
}

func groupOf(kind string) string {
	if kind == "Namespace" {
		return ""
	}
	return "gateway.networking.k8s.io"
}
