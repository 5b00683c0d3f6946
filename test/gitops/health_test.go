package gitops

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/cel-go/cel"
	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"
)

const examples = "../../examples/gitops"

// healthTest is a file of Argo CD's own test layout.
type healthTest struct {
	Tests []struct {
		HealthStatus struct{ Status, Message string }
		InputPath    string
	}
}

func bytesOf(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.Unmarshal(bytesOf(t, path), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestArgoCDsHealth runs the scripts with the interpreter that Argo CD uses.
func TestArgoCDsHealth(t *testing.T) {
	folders, err := filepath.Glob(examples + "/argocd/attache.dev/*")
	if err != nil || len(folders) != 5 {
		t.Fatalf("%q, %v", folders, err)
	}
	for _, folder := range folders {
		script, err := os.ReadFile(filepath.Join(folder, "health.lua"))
		if err != nil {
			t.Fatal(err)
		}
		var tests healthTest
		read(t, filepath.Join(folder, "health_test.yaml"), &tests)
		if len(tests.Tests) < 3 {
			t.Errorf("%s has %d tests", folder, len(tests.Tests))
		}
		for _, test := range tests.Tests {
			var object map[string]any
			read(t, filepath.Join(folder, test.InputPath), &object)
			status, message := health(t, string(script), object)
			if status != test.HealthStatus.Status || message != test.HealthStatus.Message {
				t.Errorf("%s of %s: %s, %q; want %+v", test.InputPath, folder, status, message, test.HealthStatus)
			}
		}
	}
}

func health(t *testing.T, script string, object map[string]any) (status, message string) {
	t.Helper()
	state := lua.NewState()
	defer state.Close()
	state.SetGlobal("obj", asLua(state, object))
	if err := state.DoString(script); err != nil {
		t.Fatal(err)
	}
	result, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		t.Fatalf("the script returns %s", state.Get(-1))
	}
	return result.RawGetString("status").String(), result.RawGetString("message").String()
}

func asLua(state *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, field := range v {
			table.RawSetString(key, asLua(state, field))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, item := range v {
			table.Append(asLua(state, item))
		}
		return table
	case string:
		return lua.LString(v)
	case float64:
		return lua.LNumber(v)
	case bool:
		return lua.LBool(v)
	}
	return lua.LNil
}

// TestFluxHealthCheckExpressions evaluates the expressions on the same objects.
func TestFluxHealthCheckExpressions(t *testing.T) {
	var kustomization struct {
		Spec struct {
			HealthCheckExprs []struct{ Kind, InProgress, Current, Failed string }
		}
	}
	read(t, examples+"/flux/kustomization.yaml", &kustomization)
	if len(kustomization.Spec.HealthCheckExprs) != 4 {
		t.Fatalf("%+v", kustomization)
	}
	for _, check := range kustomization.Spec.HealthCheckExprs {
		folder := examples + "/argocd/attache.dev/" + check.Kind + "/testdata/"
		for file, want := range map[string]string{"new": "in progress", "pending": "in progress", "edited": "in progress", "healthy": "current", "degraded": "failed"} {
			var object map[string]any
			read(t, folder+file+".yaml", &object)
			got := "in progress"
			switch {
			case evaluate(t, check.InProgress, object):
			case evaluate(t, check.Failed, object):
				got = "failed"
			case evaluate(t, check.Current, object):
				got = "current"
			}
			if got != want {
				t.Errorf("%s %s is %s, want %s", check.Kind, file, got, want)
			}
		}
	}
}

func evaluate(t *testing.T, expression string, object map[string]any) bool {
	t.Helper()
	env, err := cel.NewEnv(cel.Variable("metadata", cel.DynType), cel.Variable("status", cel.DynType))
	if err != nil {
		t.Fatal(err)
	}
	compiled, issues := env.Compile(expression)
	if issues.Err() != nil {
		t.Fatal(issues.Err())
	}
	program, err := env.Program(compiled)
	if err != nil {
		t.Fatal(err)
	}
	status := object["status"]
	if status == nil {
		status = map[string]any{}
	}
	out, _, err := program.Eval(map[string]any{"metadata": object["metadata"], "status": status})
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return out.Value() == true
}
