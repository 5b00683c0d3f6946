package migrate

import (
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// wantsOf are what the annotations of an object come to.
func (o *Old) wantsOf(s *settings) wants {
	w := wants{}
	for _, short := range slices.Sorted(maps.Keys(s.values)) {
		if conv := o.conversionOf(s, short); conv != nil {
			for kind, fields := range conv.all() {
				for field, value := range fields {
					w.merge(kind, field, value)
				}
			}
		}
	}
	return w
}

func (o *Old) conversionOf(s *settings, short string) *conversion {
	if o.controller.convert == nil {
		return nil
	}
	return o.controller.convert(&o.input, s, short)
}

// settingsOf are the annotations of an object that the controller reads.
func (o *Old) settingsOf(namespace string, annotations map[string]string) *settings {
	s := &settings{values: map[string]string{}, full: map[string]string{}, namespace: namespace}
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		short, ours := o.controller.own(name)
		value := strings.TrimSpace(annotations[name])
		if row := o.row(short); ours && row != nil && value != "" && row.Valid.Accepts(value) && o.controller.other(annotations, name, short) == "" {
			s.values[short], s.full[short] = value, name
		}
	}
	return s
}

// row is what is known of an annotation.
func (o *Old) row(short string) *Row { return rowOf(o.rows, short) }

// serviceSettings are the annotations of a backend's Service; nil when the controller
// reads none, or the Service is not in the input.
func (o *Old) serviceSettings(b *routing.Backend) *settings {
	if b == nil || !o.controller.services {
		return nil
	}
	service := o.services[b.Namespace+"/"+b.Name]
	if service == nil {
		return nil
	}
	return o.settingsOf(b.Namespace, service.GetAnnotations())
}

// locationWants are what holds at a location: what the Service states, then what the
// Ingress does (M45).
func (o *Old) locationWants(g *ingress, b *routing.Backend) wants {
	own := o.ingressWants(g)
	if s := o.serviceSettings(b); s != nil {
		return o.wantsOf(s).over(own)
	}
	return own
}

// exposingOn are the annotations of a backend's Service whose loss lets through what was
// refused before.
func (o *Old) exposingOn(b *routing.Backend) []string {
	s := o.serviceSettings(b)
	if s == nil {
		return nil
	}
	var names []string
	for _, short := range slices.Sorted(maps.Keys(s.values)) {
		row, conv := o.row(short), o.conversionOf(s, short)
		if conv != nil && conv.isHeld() || conv == nil && o.lossOf(s, row, short).isHeld(row) {
			names = append(names, short)
		}
	}
	return names
}
