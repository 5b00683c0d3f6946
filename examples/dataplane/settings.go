package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/v1alpha1/annotation"
)

// settings are what is enforced on one listener and rule.
type settings struct {
	annotation.Timeouts
	again  annotation.Retries
	limits []annotation.Limit
}

// routeSettings are the settings of a route, as its annotation has them.
type routeSettings struct {
	annotation *annotation.Annotation
	of         map[*annotation.Scope]*settings
	// unserved says that the route must not be taken up: what applies to it
	// cannot be read or is withheld, and nothing was known before.
	unserved bool
}

// at returns what applies on a listener to a rule; never nil.
func (r routeSettings) at(l *hierarchy.Listener, rule int) *settings {
	if r.annotation != nil {
		parent := annotation.Parent{Gateway: annotation.Name{NamespacedName: l.Gateway.NamespacedName}, ListenerSet: annotation.Name{NamespacedName: l.ListenerSet.NamespacedName}, Listener: l.Spec.Name}
		if scope := r.annotation.For(parent, rule); scope != nil {
			return r.of[scope]
		}
	}
	return &settings{}
}

// read reads what applies to a route. What cannot be read, or is withheld,
// leaves what was known before.
func (s *state) read(before *state, route *hierarchy.Route, log *slog.Logger) routeSettings {
	ref := route.Meta().Ref
	text := s.objects[ref].GetAnnotations()[annotation.Key]
	if text == "" {
		return routeSettings{}
	}
	read, err := s.parse(route, text)
	if err == nil {
		return read
	}
	log.Warn("what applies cannot be taken up", "route", ref.String(), "reason", err)
	if before != nil {
		if last, known := before.settings[ref]; known {
			return last
		}
	}
	return routeSettings{unserved: true}
}

func (s *state) parse(route *hierarchy.Route, text string) (routeSettings, error) {
	read := routeSettings{of: map[*annotation.Scope]*settings{}}
	a, err := annotation.Parse(text)
	if err == nil && a.See != "" {
		object := s.objects[hierarchy.NewRef("attache.dev", "EffectivePolicy", route.Meta().Ref.Namespace, a.See)]
		if object == nil {
			return read, fmt.Errorf("EffectivePolicy %s is not there", a.See)
		}
		var status []byte
		if status, err = json.Marshal(object.Object["status"]); err == nil {
			a.Scopes, err = annotation.Scopes(status)
		}
	}
	if err == nil && a.Withheld != "" && a.Scopes == nil {
		err = fmt.Errorf("withheld: %s", a.Withheld)
	}
	if err != nil {
		return read, err
	}
	names := make([]string, len(route.Rules))
	for i := range route.Rules {
		names[i] = route.Rules[i].Name
	}
	if err := a.At(route.Meta().Generation, names); err != nil {
		return read, err
	}
	read.annotation = a
	for i := range a.Scopes {
		if read.of[&a.Scopes[i]], err = decode(&a.Scopes[i]); err != nil {
			return read, err
		}
	}
	return read, nil
}

// decode reads the three kinds that are enforced here, and decides what nobody
// states: which failures are tried again, and how long to wait.
func decode(scope *annotation.Scope) (s *settings, err error) {
	s = &settings{}
	if s.Timeouts, err = scope.Timeouts(); err != nil {
		return nil, err
	}
	if s.again, err = scope.Retries(); err != nil {
		return nil, err
	}
	if s.again.On == nil {
		s.again.On = []string{"gateway-error", "connect-failure"}
	}
	if s.again.Base == 0 {
		s.again.Base = 25 * time.Millisecond
	}
	s.limits, err = scope.Limits()
	return s, err
}
