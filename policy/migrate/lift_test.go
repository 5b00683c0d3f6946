package migrate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/migrate/lift"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/validate"
)

// lifted are options that lift, proved on a world.
func lifted(r *validate.Registry, options option.Options, how string, world ...*unstructured.Unstructured) option.Options {
	options.Lift = how
	options.World, _ = kinds(r).With(world...)
	options.Stored = func(u *unstructured.Unstructured) *unstructured.Unstructured {
		p, _, _ := r.Prepare(context.Background(), u)
		return p
	}
	return options
}

// routes are the effective policies of all routes of a world.
func routes(s *policy.Snapshot) effective.Resolution {
	var refs []hierarchy.Ref
	for r := range s.Graph().Routes() {
		refs = append(refs, r.Meta().Ref)
	}
	return effective.Resolve(s, refs...)
}

// TestALiftChangesNoEffectiveValue (M61): with a lift, every route, rule and listener has the same
// effective values as without it.
func TestALiftChangesNoEffectiveValue(t *testing.T) {
	r := registry(t)
	moved := 0
	rapid.Check(t, func(t *rapid.T) {
		world := aWorld(true).Draw(t, "world")
		how := rapid.SampledFrom([]string{option.LiftAll, option.LiftMost}).Draw(t, "how")
		plain := convert(t, world, toNewGateway())
		raised := convert(t, world, lifted(r, toNewGateway(), how))
		before, _ := kinds(r).With(prepared(t, r, plain.result.Objects)...)
		after, _ := kinds(r).With(prepared(t, r, raised.result.Objects)...)
		if changes := effective.Diff(routes(before), routes(after)); len(changes) > 0 {
			t.Fatalf("%s %s of %s\n%s\n%s", changes[0].Kind, changes[0].Path.String(), changes[0].Target, text(plain.result.Objects), text(raised.result.Objects))
		}
		if raised.result.Lifted.FieldsBefore != raised.result.Lifted.FieldsAfter {
			moved++
		}
	})
	if moved == 0 {
		t.Error("nothing was ever lifted")
	}
}

// habits are annotations as teams have them: by habit, not by need.
var habits = []map[string]string{
	{},
	{"proxy-read-timeout": "300"},
	{"proxy-read-timeout": "300", "proxy-send-timeout": "300"},
	{"proxy-read-timeout": "3600"},
	{"proxy-connect-timeout": "10"},
	{"proxy-read-timeout": "120", "proxy-body-size": "8m"},
	{"limit-rps": "20"},
	{"limit-rps": "50", "limit-burst-multiplier": "3"},
	{"proxy-next-upstream-tries": "1"},
	{"proxy-next-upstream": "error timeout http_502", "proxy-next-upstream-tries": "2"},
	{"force-ssl-redirect": "true", "proxy-read-timeout": "300"},
	{"limit-rpm": "600", "proxy-connect-timeout": "2"},
}

// teams are 300 Ingresses in 40 namespaces. Every team has a habit that nearly all of
// its Ingresses share, and some Ingresses have another one.
func teams() []*unstructured.Unstructured {
	random := rand.New(rand.NewPCG(14, 59))
	var list []*unstructured.Unstructured
	for i := range 300 {
		team := i % 40
		habit := habits[team%len(habits)]
		if random.IntN(8) == 0 {
			habit = habits[random.IntN(len(habits))]
		}
		annotations := map[string]string{}
		for name, value := range habit {
			annotations[nginx+name] = value
		}
		paths := []any{}
		for _, path := range []string{"/", "/api", "/assets"}[:1+random.IntN(3)] {
			paths = append(paths, map[string]any{"path": path, "pathType": "Prefix", "backend": serviceOf("web")})
		}
		u := ingressOf(fmt.Sprintf("team-%02d", team), fmt.Sprintf("app-%03d", i), annotations, map[string]any{
			"rules": []any{map[string]any{"host": fmt.Sprintf("app-%03d.example.com", i), "http": map[string]any{"paths": paths}}},
		})
		list = append(list, u)
	}
	return list
}

// TestLiftingTeams: the figures of docs/migrating.md are those of 300 Ingresses of 40
// teams.
func TestLiftingTeams(t *testing.T) {
	r := registry(t)
	var all, most *lift.Lifted
	for how, to := range map[string]**lift.Lifted{option.LiftAll: &all, option.LiftMost: &most} {
		c := convert(t, teams(), lifted(r, toNewGateway(), how))
		l := c.result.Lifted
		*to = l
		t.Logf("--lift=%s: %s; %d fields became %d", how, l, l.FieldsBefore, l.FieldsAfter)
		if l.PoliciesAfter >= l.PoliciesBefore || l.FieldsAfter >= l.FieldsBefore {
			t.Errorf("--lift=%s: nothing is gained", how)
		}
	}
	page, err := os.ReadFile("../../docs/migrating.md")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%d policies become %d with `--lift=all` and %d with `most`; %d stated fields become %d and %d",
		all.PoliciesBefore, all.PoliciesAfter, most.PoliciesAfter, all.FieldsBefore, all.FieldsAfter, most.FieldsAfter)
	if !strings.Contains(strings.Join(strings.Fields(string(page)), " "), want) {
		t.Errorf("docs/migrating.md does not say: %s", want)
	}
}
