package main

import (
	"encoding/json"
	"errors"
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
		at := annotation.Parent{Gateway: annotation.Name{NamespacedName: l.Gateway.NamespacedName}, ListenerSet: annotation.Name{NamespacedName: l.ListenerSet.NamespacedName}, Listener: l.Spec.Name}
		if scope := r.annotation.For(at, rule); scope != nil {
			return r.of[scope]
		}
	}
	return &settings{}
}

// read reads what applies to a route. What cannot be read leaves what was known
// before.
func (s *state) read(before *state, route *hierarchy.Route, log *slog.Logger) routeSettings {
	ref := route.Meta().Ref
	text := s.objects[ref].GetAnnotations()[annotation.Key]
	if text == "" {
		return routeSettings{}
	}
	names := make([]string, len(route.Rules))
	for i := range route.Rules {
		names[i] = route.Rules[i].Name
	}
	a, err := annotation.Read(text, route.Meta().Generation, names, func(name string) (json.RawMessage, error) {
		object := s.objects[hierarchy.NewRef("attache.dev", "EffectivePolicy", ref.Namespace, name)]
		if object == nil {
			return nil, fmt.Errorf("EffectivePolicy %s is not there", name)
		}
		return json.Marshal(object.Object["status"])
	})
	read := routeSettings{annotation: a, of: map[*annotation.Scope]*settings{}}
	for i := 0; err == nil && i < len(a.Scopes); i++ {
		read.of[&a.Scopes[i]], err = settingsOf(&a.Scopes[i])
	}
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

// settingsOf reads the three kinds that are enforced here, and decides what nobody
// states: which failures are tried again, and how long to wait.
func settingsOf(scope *annotation.Scope) (*settings, error) {
	timeouts, err := scope.Timeouts()
	again, err2 := scope.Retries()
	limits, err3 := scope.Limits()
	if again.On == nil {
		again.On = []string{"gateway-error", "connect-failure"}
	}
	if again.Base == 0 {
		again.Base = 25 * time.Millisecond
	}
	return &settings{timeouts, again, limits}, errors.Join(err, err2, err3)
}
