package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/controller"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/policy/validate"
)

// exportSettings are the flags about exporters.
type exportSettings struct {
	exporters  []string
	cleanup    []string
	parameters []string

	refuseUnenforced bool
	interval         time.Duration
}

func (s *exportSettings) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&s.exporters, "exporters", nil, "`exporters` that write effective policies for data planes: envoy-gateway, standard, traefik (agentgateway, kgateway and nginx only compute); empty means none")
	f.StringSliceVar(&s.parameters, "export-parameters", nil, "`parameters` of exporters, as exporter.parameter=value, such as envoy-gateway.mode=Observe or traefik.inject=All")
	f.BoolVar(&s.refuseUnenforced, "export-refuse-unenforced", false, "refuse writes after which a data plane no longer enforces an override or a bound, instead of warning about it")
	f.DurationVar(&s.interval, "export-min-interval", 5*time.Second, "minimum `duration` between two writes of an object of a data plane; the last state wins")
	f.StringSliceVar(&s.cleanup, "export-cleanup", nil, "`exporters` that are switched off and whose objects and injected values are to be removed")
}

// config reads the flags.
func (s *exportSettings) config() (enforcement.Config, error) {
	c := enforcement.Config{Enabled: s.exporters, Parameters: map[string]enforcement.Settings{}}
	for _, word := range s.parameters {
		name, value, ok := strings.Cut(word, "=")
		exporter, parameter, named := strings.Cut(name, ".")
		if !ok || !named {
			return c, fmt.Errorf("--export-parameters: %q: write exporter.parameter=value, such as envoy-gateway.mode=Observe", word)
		}
		settings := c.Parameters[exporter]
		switch parameter {
		case "mode":
			settings.Mode = enforcement.Mode(value)
		case "inject":
			settings.Inject = value
		case "onDifference":
			settings.OnDifference = value
		case "hidden":
			settings.Hidden = value
		case "rateLimit":
			settings.RateLimit = value
		case "version":
			settings.Version = value
		default:
			return c, fmt.Errorf("--export-parameters: %q: there is no parameter %q: write mode, inject, onDifference, hidden, rateLimit or version", word, parameter)
		}
		c.Parameters[exporter] = settings
	}
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("--exporters: %w", err)
	}
	for _, name := range s.cleanup {
		if _, known := exporters.Lookup(name); !known {
			return c, fmt.Errorf("--export-cleanup: exporter %q is not known", name)
		}
		if slices.Contains(s.exporters, name) {
			return c, fmt.Errorf("--export-cleanup: exporter %s is enabled", name)
		}
	}
	return c, nil
}

// enforcement returns what the controller and admission need, and the planes, which are nil when no
// exporter is enabled or cleaned up.
func (s *exportSettings) enforcement(config *rest.Config, log logr.Logger) (controller.Enforcement, error) {
	c, err := s.config()
	if err != nil {
		return controller.Enforcement{}, err
	}
	e := controller.Enforcement{Config: c, Cleanup: s.cleanup, Interval: s.interval}
	if len(s.exporters)+len(s.cleanup) == 0 {
		return e, nil
	}
	planes, err := cluster.NewPlanes(config, slices.Concat(s.exporters, s.cleanup), log)
	if err != nil {
		return e, err
	}
	definitions := &definitions{planes: planes}
	e.Planes, e.Prepare, e.Check, e.Schemas = planes, definitions.prepare, definitions, definitions.schemas
	return e, nil
}

// definitions prepares and checks objects according to the CRDs of the cluster.
type definitions struct {
	planes *cluster.Planes

	mu       sync.Mutex
	of       []*unstructured.Unstructured
	registry *validate.Registry
}

// current returns the registry of the current CRDs.
func (d *definitions) current() *validate.Registry {
	now := d.planes.Definitions()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.registry != nil && slices.Equal(now, d.of) {
		return d.registry
	}
	registry, err := validate.New(now...)
	if err != nil {
		return registry // it contains those that can be read
	}
	d.of, d.registry = now, registry
	return registry
}

// prepare returns an object with defaults, which must not be changed.
func (d *definitions) prepare(u *unstructured.Unstructured) (*unstructured.Unstructured, []string, bool) {
	return prepareBy(d.current(), u)
}

func prepareBy(registry *validate.Registry, u *unstructured.Unstructured) (*unstructured.Unstructured, []string, bool) {
	prepared, problems, known := registry.PrepareShared(context.Background(), u)
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.Field + ": " + p.Message
	}
	return prepared, texts, known
}

// Check implements export.Checker.
func (d *definitions) Check(route *unstructured.Unstructured) []string {
	_, problems, _ := d.prepare(route)
	return problems
}

// schemas returns the current CRDs.
func (d *definitions) schemas() enforcement.Schemas { return schemas{d.current()} }

// schemas are CRDs that objects of data planes have to fit.
type schemas struct{ registry *validate.Registry }

// Refuses implements enforcement.Schemas.
func (s schemas) Refuses(u *unstructured.Unstructured) []string {
	_, problems, _ := prepareBy(s.registry, u)
	return problems
}

// injector returns what admission puts into routes; nil when no exporter writes there.
func injector(e controller.Enforcement, version func(hierarchy.Ref) string) *status.Injector {
	injects := slices.ContainsFunc(slices.Concat(e.Config.Enabled, e.Cleanup), func(name string) bool {
		row, _ := exporters.Lookup(name)
		return row.Injects
	})
	if e.Planes == nil || !injects {
		return nil
	}
	fields := &standardFields{planes: e.Planes}
	return &status.Injector{
		Check: e.Check, Exists: e.Planes.Exists, Stored: e.Planes.Route,
		World: func(g *hierarchy.Graph) enforcement.World {
			return enforcement.World{
				Graph: g, Config: e.Config, Fields: fields.current(), Foreign: e.Planes.Foreign(),
				Held: e.Planes.Held, Installed: e.Planes.Installed, Schemas: e.Schemas(), Version: version,
			}
		},
	}
}

// standardFields returns the fields of the cluster's HTTPRoute CRD, read once for each version of
// it.
type standardFields struct {
	planes *cluster.Planes

	mu     sync.Mutex
	of     *unstructured.Unstructured
	fields export.StandardFields
}

func (s *standardFields) current() export.StandardFields {
	crd := s.planes.Definition("httproutes." + hierarchy.Group)
	s.mu.Lock()
	defer s.mu.Unlock()
	if crd != s.of {
		s.of, s.fields = crd, export.FieldsOf(crd)
	}
	return s.fields
}
