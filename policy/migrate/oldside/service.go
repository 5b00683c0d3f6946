package oldside

import (
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// WantsOf are the fields that stand for the annotations of an object.
func (o *Side) WantsOf(s *ingress.Settings) statement.Wants {
	w := statement.Wants{}
	for _, short := range slices.Sorted(maps.Keys(s.Values)) {
		if conv := o.ConversionOf(s, short); conv != nil {
			for kind, fields := range conv.ByKind() {
				for field, value := range fields {
					w.Merge(kind, field, value)
				}
			}
		}
	}
	return w
}

// ConversionOf is what becomes of an annotation in a policy; nil when its row says that.
func (o *Side) ConversionOf(s *ingress.Settings, short string) *controller.Conversion {
	if o.Controller.Convert == nil {
		return nil
	}
	return o.Controller.Convert(&o.Input, s, short)
}

// settingsOf are the annotations of an object that the controller reads.
func (o *Side) settingsOf(namespace string, annotations map[string]string) *ingress.Settings {
	s := &ingress.Settings{Values: map[string]string{}, FullNames: map[string]string{}, Namespace: namespace}
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		short, ours := o.Controller.Short(name)
		value := strings.TrimSpace(annotations[name])
		if row := o.Row(short); ours && row != nil && value != "" && row.Valid.Accepts(value) && o.Controller.Preferred(annotations, name, short) == "" {
			s.Values[short], s.FullNames[short] = value, name
		}
	}
	return s
}

// Row is what is known of an annotation.
func (o *Side) Row(short string) *controller.Row { return controller.RowOf(o.rows, short) }

// ServiceSettings are the annotations of a backend's Service; nil when the controller
// reads none, or the Service is not in the input.
func (o *Side) ServiceSettings(b *routing.Backend) *ingress.Settings {
	if b == nil || !o.Controller.Services {
		return nil
	}
	service := o.Services[b.Namespace+"/"+b.Name]
	if service == nil {
		return nil
	}
	return o.settingsOf(b.Namespace, service.GetAnnotations())
}

// LocationWants are the fields for a location: those of the Service, then those of the
// Ingress (M45).
func (o *Side) LocationWants(g *ingress.Ingress, b *routing.Backend) statement.Wants {
	own := o.IngressWants(g)
	if s := o.ServiceSettings(b); s != nil {
		return o.WantsOf(s).Over(own)
	}
	return own
}

// ExposingOn is Exposing for the annotations of a backend's Service.
func (o *Side) ExposingOn(b *routing.Backend) []string {
	s := o.ServiceSettings(b)
	if s == nil {
		return nil
	}
	var names []string
	for _, short := range slices.Sorted(maps.Keys(s.Values)) {
		row, conv := o.Row(short), o.ConversionOf(s, short)
		if conv != nil && conv.IsHeld() || conv == nil && o.LossOf(s, row, short).IsHeld(row) {
			names = append(names, short)
		}
	}
	return names
}
