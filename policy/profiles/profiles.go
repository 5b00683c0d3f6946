package profiles

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy/crd"
)

//go:embed *.yaml
var files embed.FS

// Set is a set of profiles, by the name of the CRD.
type Set map[string]*crd.Profile

// Shipped are the profiles that come with the project.
func Shipped() (Set, error) {
	set := Set{}
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if set, err = set.With(name, data); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// With is the set with the profiles of one more file. An entry of the file replaces the earlier entry
// for the same CRD. A file is YAML with a list under profiles; name is its name, for messages.
func (s Set) With(name string, data []byte) (Set, error) {
	var file struct {
		Profiles []map[string]json.RawMessage `json:"profiles"`
	}
	if err := yaml.UnmarshalStrict(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(file.Profiles) == 0 {
		return nil, fmt.Errorf("%s: it has no profiles: write them as a list under profiles", name)
	}
	more := maps.Clone(s)
	for i, raw := range file.Profiles {
		p := crd.ParseProfile(raw)
		if len(p.Faults) > 0 {
			return nil, fmt.Errorf("%s: profiles[%d]: %s", name, i, p.Faults[0])
		}
		if p.CRD == "" || p.Kind.Kind == "" {
			return nil, fmt.Errorf(`%s: profiles[%d]: write crd, such as "widgetpolicies.example.com", and kind, such as "WidgetPolicy"`, name, i)
		}
		more[p.CRD] = p
	}
	return more, nil
}

// Read are the shipped profiles with those of files laid over them, in the order given.
func Read(paths []string) (Set, error) {
	set, err := Shipped()
	for _, path := range paths {
		if err != nil {
			break
		}
		var data []byte
		if data, err = os.ReadFile(path); err == nil {
			set, err = set.With(path, data)
		}
	}
	return set, err
}

// Kinds are the kinds that the profiles are about, sorted.
func (s Set) Kinds() []schema.GroupKind {
	kinds := make([]schema.GroupKind, 0, len(s))
	for _, name := range slices.Sorted(maps.Keys(s)) {
		kinds = append(kinds, s[name].Kind)
	}
	return kinds
}
