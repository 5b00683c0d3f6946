package enforcement

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
)

// Mode says what is done with the results of an exporter (E1.4).
type Mode string

// The modes, from the one that does most.
const (
	// Write writes and reads back.
	Write Mode = "Write"
	// Observe compares what exists with what would be written.
	Observe Mode = "Observe"
	// Plan computes, and neither reads nor writes objects of the data plane.
	Plan Mode = "Plan"
)

// modes are in order: a class can only lower the mode.
var modes = []Mode{Write, Observe, Plan}

// The values of the parameter inject (E8.2).
const (
	InjectLabelled = "Labelled"
	InjectAll      = "All"
	InjectNever    = "Never"
)

// InjectLabel on a route or its Namespace is the consent of its owner.
const InjectLabel = "attache.dev/inject"

// Settings are the parameters of an exporter on one class.
type Settings struct {
	Mode         Mode   `json:"mode,omitempty"`
	Inject       string `json:"inject,omitempty"`
	OnDifference string `json:"onDifference,omitempty"`
	Hidden       string `json:"hidden,omitempty"`
	RateLimit    string `json:"rateLimit,omitempty"`
	Version      string `json:"version,omitempty"`
}

// defaultSettings are the default settings.
var defaultSettings = Settings{Mode: Write, Inject: InjectLabelled, OnDifference: "Refuse", Hidden: "CarryOver", RateLimit: "Local", Version: "1.9.1"}

// allowed are the values of the parameters that have a fixed list. A value that is defined but not
// implemented yet is distinguished from a wrong one.
var allowed = []struct {
	name          string
	get           func(s *Settings) *string
	values, later []string
}{
	{"inject", func(s *Settings) *string { return &s.Inject }, []string{InjectLabelled, InjectAll, InjectNever}, nil},
	{"onDifference", func(s *Settings) *string { return &s.OnDifference }, []string{"Refuse"}, []string{"MostRestrictive"}},
	{"hidden", func(s *Settings) *string { return &s.Hidden }, []string{"CarryOver", "Refuse"}, nil},
	{"rateLimit", func(s *Settings) *string { return &s.RateLimit }, []string{"Local"}, []string{"Global"}},
	{"version", func(s *Settings) *string { return &s.Version }, nil, nil},
}

// over applies stated parameters to s.
func (s Settings) over(stated Settings) (Settings, error) {
	if stated == (Settings{}) {
		return s, nil
	}
	out := s
	if stated.Mode != "" {
		if !slices.Contains(modes, stated.Mode) {
			return s, fmt.Errorf("mode: %q is not one of Write, Observe, Plan", stated.Mode)
		}
		out.Mode = stated.Mode
	}
	for _, p := range allowed {
		value := *p.get(&stated)
		switch {
		case value == "":
			continue
		case slices.Contains(p.later, value):
			return s, fmt.Errorf("%s: %q is not built yet: write %s", p.name, value, strings.Join(p.values, " or "))
		case len(p.values) > 0 && !slices.Contains(p.values, value):
			return s, fmt.Errorf("%s: %q is not one of %s", p.name, value, strings.Join(p.values, ", "))
		}
		*p.get(&out) = value
	}
	return out, nil
}

// Config is the installation's configuration of exporters.
type Config struct {
	// Enabled are the exporters that are switched on; with All, all are.
	Enabled []string
	All     bool
	// To treats every class as one of this exporter; if it is empty, the class decides.
	To string
	// Parameters are keyed by the name of the exporter.
	Parameters map[string]Settings
}

// Validate returns what is wrong with the configuration.
func (c Config) Validate() error {
	names := slices.Clone(c.Enabled)
	for name, settings := range c.Parameters {
		names = append(names, name)
		if _, err := defaultSettings.over(settings); err != nil {
			return fmt.Errorf("parameters.%s.%w", name, err)
		}
	}
	for _, name := range names {
		if _, known := exporters.Lookup(name); !known {
			return fmt.Errorf("exporter %q is not known: write one of %s", name, strings.Join(exporters.Names(), ", "))
		}
	}
	return nil
}

// Enables reports whether an exporter is switched on.
func (c Config) Enables(name string) bool { return c.All || slices.Contains(c.Enabled, name) }

// Choice is how policies are enforced on a class.
type Choice struct {
	// Class is the name of the class, empty when there is none.
	Class, Controller string
	// Exporter is empty when there is none.
	Exporter string
	Settings Settings
	// Problem is what is wrong with the class's annotation.
	Problem string
	// Offer names an exporter that could be switched on for the class (E1.6).
	Offer string
}

// unserved returns why nothing is written for a class (E1.3, E1.6).
func (c Choice) unserved() string {
	if c.Problem != "" || c.Offer == "" || c.Class == "" {
		return c.Problem
	}
	if row, _ := exporters.Lookup(c.Offer); row.Experimental {
		return ""
	}
	return fmt.Sprintf("GatewayClass %s is run by %s; attache can have its policies enforced there: helm upgrade … --set export.exporters={%s}",
		c.Class, export.PlaneOf(c.Controller).Title, c.Offer)
}

// Unserved returns why nothing is written for a class; empty when something is, or when no exporter
// could.
func (c Config) Unserved(class *hierarchy.GatewayClass) string { return c.Choose(class).unserved() }

// classAnnotation is the annotation on a class in its long form.
type classAnnotation struct {
	Exporter string `json:"exporter"`
	Settings
}

// Choose returns how policies are enforced on a class (E1.2, E1.3).
func (c Config) Choose(class *hierarchy.GatewayClass) Choice {
	choice := Choice{Settings: defaultSettings}
	if class == nil {
		choice.Exporter = c.To
		return c.settle(choice, Settings{}, "")
	}
	choice.Class, choice.Controller = class.Meta().Ref.Name, class.Controller
	named := classAnnotation{Exporter: class.Export}
	if strings.HasPrefix(strings.TrimSpace(class.Export), "{") {
		named = classAnnotation{}
		decoder := json.NewDecoder(strings.NewReader(class.Export))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&named); err != nil {
			choice.Problem = fmt.Sprintf("annotation %s of GatewayClass %s: %v", hierarchy.ExportAnnotation, class.Meta().Ref.Name, err)
			return choice
		}
	}
	plane := export.PlaneOf(class.Controller).Exporter
	switch {
	case c.To != "":
		choice.Exporter = c.To
	case named.Exporter == "none":
		return choice
	case named.Exporter != "":
		if _, known := exporters.Lookup(named.Exporter); !known {
			choice.Problem = fmt.Sprintf("annotation %s of GatewayClass %s: exporter %q is not known: write one of %s, or none",
				hierarchy.ExportAnnotation, class.Meta().Ref.Name, named.Exporter, strings.Join(exporters.Names(), ", "))
			return choice
		}
		if !c.Enables(named.Exporter) {
			choice.Problem = fmt.Sprintf("exporter %s is named by GatewayClass %s but not enabled", named.Exporter, class.Meta().Ref.Name)
			return choice
		}
		choice.Exporter = named.Exporter
	case plane != "" && c.Enables(plane):
		choice.Exporter = plane
	default:
		choice.Offer = plane
		return choice
	}
	return c.settle(choice, named.Settings, class.Meta().Ref.Name)
}

// settle adds the parameters, the class's over the configuration's.
func (c Config) settle(choice Choice, stated Settings, class string) Choice {
	settings, err := defaultSettings.over(c.Parameters[choice.Exporter])
	if err == nil {
		mode := settings.Mode
		settings, err = settings.over(stated)
		// A class can only lower the mode.
		if slices.Index(modes, settings.Mode) < slices.Index(modes, mode) {
			settings.Mode = mode
		}
	}
	if row, _ := exporters.Lookup(choice.Exporter); row.Experimental {
		settings.Mode = Plan
	}
	choice.Settings = settings
	if err != nil {
		choice.Exporter = ""
		choice.Problem = fmt.Sprintf("annotation %s of GatewayClass %s: %v", hierarchy.ExportAnnotation, class, err)
	}
	return choice
}

// consents reports whether a route may be written to (E8.2).
func (s Settings) consents(route, namespace map[string]string) bool {
	switch s.Inject {
	case InjectAll:
		return true
	case InjectNever:
		return false
	}
	if own, stated := route[InjectLabel]; stated {
		return own == "true"
	}
	return namespace[InjectLabel] == "true"
}
