package migrate_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/verify"
)

// worlds is how many random worlds a law is tried on; ATTACHE_WORLDS says more. They
// are the same in every run.
func worlds(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("ATTACHE_WORLDS"), "150"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWhatIsWrittenAnswersAsTheIngressesDo: migrate, then verify with its report,
// never differs (M76); without regular expressions the comparison is complete.
func TestWhatIsWrittenAnswersAsTheIngressesDo(t *testing.T) {
	r := registry(t)
	for _, regexes := range []bool{false, true} {
		t.Run(fmt.Sprintf("regexes %v", regexes), func(t *testing.T) {
			hosts, requests, announced, undetermined := 0, 0, 0, 0
			for seed := range worlds(t) {
				c := convert(t, aWorld(regexes).Example(seed), toNewGateway())
				result := c.verify(t, r, c.result.Objects, c.result.Findings)
				requests += result.Totals.Requests
				hosts += result.Totals.Hosts
				announced += result.Totals.Announced
				undetermined += result.Totals.Undetermined
				for _, h := range result.Hosts {
					if !regexes && h.Result == verify.Sampled {
						t.Fatalf("world %d: %s is sampled", seed, h.Host)
					}
					for _, g := range h.Groups {
						if g.Kind == verify.Different {
							t.Fatalf("world %d: %s\n old %s (%s)\n new %s (%s)\n %v\n%s\n%s", seed, g.Example, g.Old, g.OldPlace, g.New, g.NewPlace, g.Policy, text(c.old), text(c.result.Objects))
						}
					}
				}
			}
			t.Logf("%d worlds, %d hosts, %d requests: none differs unannounced; %d announced, %d undetermined", worlds(t), hosts, requests, announced, undetermined)
		})
	}
}

func text(objects []*unstructured.Unstructured) string {
	var b strings.Builder
	for _, u := range objects {
		data, _ := json.Marshal(u.Object)
		b.Write(data)
		b.WriteString("\n")
	}
	return b.String()
}

// TestTheOrderOfInputChangesNothing (M3).
func TestTheOrderOfInputChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		world := aWorld(true).Draw(t, "world")
		other := rapid.Permutation(world).Draw(t, "order")
		a, b := convert(t, world, toNewGateway()), convert(t, other, toNewGateway())
		if diff := gocmp.Diff(text(a.result.Objects), text(b.result.Objects)); diff != "" {
			t.Fatalf("objects: %s", diff)
		}
		if diff := gocmp.Diff(a.result.Findings, b.result.Findings); diff != "" {
			t.Fatalf("findings: %s", diff)
		}
	})
}

// TestEveryAnnotationHasOneFinding (section 6).
func TestEveryAnnotationHasOneFinding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		world := aWorld(true).Draw(t, "world")
		c := convert(t, world, toNewGateway())
		got := map[string]int{}
		for _, f := range c.result.Findings {
			if f.Annotation != "" {
				got[f.Ingress+" "+f.Annotation]++
			}
		}
		want := map[string]int{}
		for _, u := range world {
			for name := range u.GetAnnotations() {
				want[u.GetNamespace()+"/"+u.GetName()+" "+name]++
			}
		}
		// Two Ingresses of one name would count as one: the API server has no such.
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("annotations (- wanted, + found): %s", diff)
		}
	})
}

// TestWhatIsWrittenIsTaken: the API server accepts every object (M58).
func TestWhatIsWrittenIsTaken(t *testing.T) {
	r := registry(t)
	rapid.Check(t, func(t *rapid.T) {
		c := convert(t, aWorld(true).Draw(t, "world"), toNewGateway())
		prepared(t, r, slices.Concat(c.result.Objects, c.result.Held))
	})
}

// TestAnEditThatChangesAnAnswerIsFound: take a rule away, or send it elsewhere; when
// a request of the old side reaches the rule, verify differs (M97).
func TestAnEditThatChangesAnAnswerIsFound(t *testing.T) {
	r := registry(t)
	found, edits := 0, 0
	for seed := range worlds(t) {
		c := convert(t, aWorld(false).Example(seed), toNewGateway())
		for at, u := range c.result.Objects {
			rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
			i := seed % max(len(rules), 1)
			if u.GetKind() != "HTTPRoute" || len(rules) == 0 || rules[i].(map[string]any)["backendRefs"] == nil {
				continue
			}
			rules[i].(map[string]any)["backendRefs"] = []any{map[string]any{"name": "elsewhere", "port": int64(81)}}
			edited := slices.Clone(c.result.Objects)
			edited[at] = u.DeepCopy()
			if err := unstructured.SetNestedSlice(edited[at].Object, rules, "spec", "rules"); err != nil {
				t.Fatal(err)
			}
			edits++
			if reached(c.verify(t, r, edited, nil)) {
				found++
				if result := c.verify(t, r, edited, c.result.Findings); result.Totals.Different == 0 && !announcedAll(c, result) {
					t.Fatalf("world %d: rule %d of %s goes elsewhere, and no request differs\n%s\n%s", seed, i, u.GetName(), text(c.old), text(edited))
				}
			}
			break
		}
	}
	t.Logf("%d edits, %d of rules that a request reaches: each found", edits, found)
	if found == 0 {
		t.Error("no edit changed anything")
	}
}

// announcedAll says whether all that reaches the edited rule are requests whose
// hosts are said to differ anyway, such as a wildcard's two labels.
func announcedAll(c converted, result *verify.Comparison) bool {
	for _, h := range result.Hosts {
		for _, g := range h.Groups {
			if strings.Contains(g.New, "elsewhere") && g.Why != "implicit/wildcards" && g.Why != "finding fallthrough" && !strings.Contains(g.Why, "are held") {
				return false
			}
		}
	}
	return len(c.old) > 0
}

// reached says whether some request of the comparison goes to the edited rule.
func reached(result *verify.Comparison) bool {
	for _, h := range result.Hosts {
		for _, g := range h.Groups {
			if strings.Contains(g.New, "elsewhere") {
				return true
			}
		}
	}
	return false
}

// TestABridgeLeavesNoRequestOtherwise: when some Ingresses of the hosts move and a
// bridge leads to the old controller, no request differs (M5).
func TestABridgeLeavesNoRequestOtherwise(t *testing.T) {
	r := registry(t)
	crossed := 0
	for seed := range worlds(t) {
		options := toNewGateway()
		options.Bridge = option.ServicePort{NamespacedName: types.NamespacedName{Namespace: "old", Name: "controller"}, Port: 80}
		options.Chosen = func(_, name string, _ map[string]string) bool { return name == "i0" || name == "i2" }
		c := convert(t, aWorld(false).Example(seed), options)
		for _, f := range c.result.Findings {
			if f.Status == finding.HostIncomplete {
				t.Fatalf("world %d: %s", seed, f.Message)
			}
		}
		c.options.Chosen = nil
		result := c.verify(t, r, c.result.Objects, c.result.Findings)
		for _, h := range result.Hosts {
			for _, g := range h.Groups {
				if g.Kind == verify.Different && !c.onlyOthers(g.Request.Host) {
					t.Fatalf("world %d: %s\n old %s (%s)\n new %s (%s)\n%s\n%s", seed, g.Example, g.Old, g.OldPlace, g.New, g.NewPlace, text(c.old), text(c.result.Objects))
				}
			}
		}
		if strings.Contains(text(c.result.Objects), "-bridge") {
			crossed++
		}
	}
	if crossed == 0 {
		t.Error("no bridge was ever written")
	}
}

// onlyOthers says whether a request is for a host that no Ingress which moves has: its
// name stays where it is.
func (c converted) onlyOthers(host string) bool {
	_, parent, _ := strings.Cut(host, ".")
	for _, u := range c.result.Objects {
		names, stated, _ := unstructured.NestedStringSlice(u.Object, "spec", "hostnames")
		if u.GetKind() == "HTTPRoute" && (slices.Contains(names, host) || strings.HasPrefix(host, "label.") && slices.Contains(names, "*."+parent) || !stated && host == "nobody-has.invalid") {
			return false
		}
	}
	return true
}

// TestOtherControllersAnswerAsTheirIngressesDo: the same law for controllers that read
// paths as the Ingress API has them (section 7.1).
func TestOtherControllersAnswerAsTheirIngressesDo(t *testing.T) {
	r := registry(t)
	for _, which := range controller.Known() {
		if which == controller.IngressNginx {
			continue
		}
		for seed := range worlds(t) / 5 {
			world := aWorld(false).Example(seed)
			for _, u := range world {
				u.SetAnnotations(nil)
			}
			options := toNewGateway()
			options.Controller, options.IngressClass = which, "of-it"
			for _, u := range world {
				if err := unstructured.SetNestedField(u.Object, "of-it", "spec", "ingressClassName"); err != nil {
					t.Fatal(err)
				}
			}
			c := convert(t, world, options)
			for _, h := range c.verify(t, r, c.result.Objects, c.result.Findings).Hosts {
				for _, g := range h.Groups {
					if g.Kind == verify.Different {
						t.Fatalf("%s, world %d: %s\n old %s (%s)\n new %s (%s)\n %v\n%s\n%s", which, seed, g.Example, g.Old, g.OldPlace, g.New, g.NewPlace, g.Policy, text(c.old), text(c.result.Objects))
					}
				}
			}
		}
	}
}
