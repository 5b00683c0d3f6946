package annotation_test

import (
	"encoding/json"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/policy/v1alpha1/annotation"
)

func at(gateway, listener string) annotation.Parent {
	return annotation.Parent{Gateway: annotation.Name{NamespacedName: types.NamespacedName{Namespace: "infra", Name: gateway}}, Listener: listener}
}

const second = `{"digest":"sha256:x","generation":4,"scopes":[
	{"parents":[{"gateway":{"name":"public","namespace":"infra"},"listener":"https"}],"rules":[{"index":1,"name":"pay"}],"effective":{"TimeoutPolicy":{"request":"30s"}}},
	{"parents":[{"gateway":{"name":"public","namespace":"infra"},"listener":"http"}],"effective":{"TimeoutPolicy":{"request":"5s"}}}],"version":2}`

const unnumbered = `{"digest":"sha256:x","scopes":[
	{"parents":[{"gateway":"infra/public","listener":"https"}],"rules":["pay"],"effective":{"TimeoutPolicy":{"request":"30s"}}},
	{"parents":[{"gateway":"infra/public","listener":"http"}],"rules":["*"],"effective":{"TimeoutPolicy":{"request":"5s"}}}]}`

func request(t *testing.T, a *annotation.Annotation, p annotation.Parent, rule int) string {
	t.Helper()
	s := a.For(p, rule)
	if s == nil {
		return "none"
	}
	var values struct{ Request string }
	if err := s.Decode("TimeoutPolicy", &values); err != nil {
		t.Fatal(err)
	}
	return values.Request
}

func TestWhatAppliesIsFoundByListenerAndRule(t *testing.T) {
	for name, text := range map[string]string{"version 2": second, "without a number": unnumbered} {
		a, err := annotation.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.At(4, []string{"", "pay"}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			parent annotation.Parent
			rule   int
			want   string
		}{{at("public", "https"), 1, "30s"}, {at("public", "https"), 0, "none"}, {at("public", "http"), 0, "5s"}, {at("public", "http"), 7, "5s"}, {at("other", "http"), 0, "none"}} {
			if got := request(t, a, c.parent, c.rule); got != c.want {
				t.Errorf("%s: %v rule %d: %s, want %s", name, c.parent, c.rule, got, c.want)
			}
		}
	}
}

func TestRulesOfAnotherGenerationAreFoundByName(t *testing.T) {
	a, err := annotation.Parse(second)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.At(5, []string{"pay", "", "new"}); err != nil || request(t, a, at("public", "https"), 0) != "30s" {
		t.Errorf("%v", err)
	}
	if err := a.At(6, []string{"buy", ""}); err == nil {
		t.Error("a rule that is gone is found")
	}
}

func TestWhatIsNotUnderstoodIsAnError(t *testing.T) {
	for text, wanted := range map[string]error{
		`{"version":3,"scopes":[]}`:               annotation.ErrVersion,
		`{"version":"v1alpha1","scopes":[]}`:      annotation.ErrVersion,
		`{"version":2,"scopes":[{"parents":[]}]}`: nil,
		`nothing`: nil,
		`{"version":2,"scopes":[{"parents":[{"gateway":7}]}]}`: nil,
	} {
		_, err := annotation.Parse(text)
		if err == nil || wanted != nil && !errors.Is(err, wanted) {
			t.Errorf("%s: %v", text, err)
		}
	}
	a, err := annotation.Parse(`{"version":2,"withheld":"GuardrailViolated"}`)
	if err != nil || a.Withheld == "" || a.Scopes != nil {
		t.Errorf("withheld: %+v %v", a, err)
	}
	if a, err = annotation.Parse(`{"digest":"x","see":"EffectivePolicy httproute.r"}`); err != nil || a.See != "httproute.r" {
		t.Errorf("see: %+v %v", a, err)
	}
}

func TestReadFollowsAndRefuses(t *testing.T) {
	see := func(name string) (json.RawMessage, error) {
		if name != "httproute.r" {
			return nil, errors.New("not there")
		}
		return json.RawMessage(`{"scopes":[{"parents":[{"gateway":{"namespace":"infra","name":"public"},"listener":"http"}],"effective":{"TimeoutPolicy":{"request":"7s"}}}]}`), nil
	}
	a, err := annotation.Read(`{"version":2,"see":"httproute.r"}`, 1, nil, see)
	if err != nil || request(t, a, at("public", "http"), 0) != "7s" {
		t.Errorf("see: %v", err)
	}
	if _, err := annotation.Read(`{"version":2,"see":"httproute.gone"}`, 1, nil, see); err == nil {
		t.Error("an EffectivePolicy that is not there is read")
	}
	if _, err := annotation.Read(`{"version":2,"withheld":"GuardrailViolated"}`, 1, nil, see); !errors.Is(err, annotation.ErrWithheld) {
		t.Errorf("withheld: %v", err)
	}
}

// For any text there is either an error or a result.
func FuzzParse(f *testing.F) {
	f.Add(second)
	f.Add(unnumbered)
	f.Add(`{"scopes":[{"parents":[{}],"rules":["rules[-1]"]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		a, err := annotation.Parse(text)
		if err != nil {
			return
		}
		if a.At(1, []string{"", "pay"}) == nil {
			for i := range a.Scopes {
				for _, r := range a.Scopes[i].Rules {
					if r.Index < 0 || r.Index > 1 {
						t.Errorf("a rule that is not there: %+v", r)
					}
				}
			}
		}
		a.For(annotation.Parent{}, 0)
	})
}
