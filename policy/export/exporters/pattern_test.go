package exporters_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
)

// TestRoutesOfOneShapeHaveOnePattern: what the pattern of a projection gives another route is what the
// exporter gives it, and the first projection stays as it was.
func TestRoutesOfOneShapeHaveOnePattern(t *testing.T) {
	for _, exporter := range exporters.All() {
		t.Run(exporter.Name(), func(t *testing.T) {
			renamed := 0
			rapid.Check(t, func(t *rapid.T) {
				in := drawInput(t, exporter)
				in.Foreign = nil
				in.Taken = rapid.SampledFrom([]map[string]bool{nil, {"theirs": true}}).Draw(t, "taken")
				if !in.Plain() {
					t.Fatal("the input is not plain")
				}
				first := exporter.Project(in)
				before := projected(first)
				other := in
				name := rapid.SampledFrom([]string{"a.route", "b", "a-route-with-a-name-that-is-longer-than-what-a-name-keeps"}).Draw(t, "other name")
				other.Route = hierarchy.NewRef(hierarchy.Group, in.Route.Kind, rapid.SampledFrom([]string{"shop", "cart"}).Draw(t, "other namespace"), name)
				other.UID, other.Version = rapid.SampledFrom([]string{"", "2"}).Draw(t, "UID"), rapid.SampledFrom([]string{"v1", "v1beta1"}).Draw(t, "version")
				other.Rules = append([]export.Rule{}, in.Rules...)
				for i := range other.Rules {
					if !exporter.Named && other.Rules[i].Name == "" {
						other.Rules[i].Hash = fmt.Sprint("other", i)
					}
				}
				got, want := projected(export.NewPattern(first).For(&other)), projected(exporter.Project(other))
				if got != want {
					t.Errorf("the pattern gives\n%s\nnot\n%s", got, want)
				}
				if now := projected(first); now != before {
					t.Errorf("the first projection was\n%s\nand is\n%s", before, now)
				}
				if got != before {
					renamed++
				}
			})
			if renamed == 0 && len(exporter.Kinds) > 0 {
				t.Error("the generator shows too little: no projection has a name")
			}
		})
	}
}

// projected shows all of a projection.
func projected(p export.Projection) string {
	text := show(p.Objects) + "\n" + show(p.Rules)
	for _, list := range p.Outcomes {
		text += "\n" + show(list)
	}
	return text
}
