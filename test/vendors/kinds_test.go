package vendors_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
	"github.com/attache-dev/attache/test/vendors"
)

// TestKindsSaysWithWhichGatewayAPITestsRun compares what people read with the modules that tests
// use.
func TestKindsSaysWithWhichGatewayAPITestsRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "namespace.yaml")
	if err := os.WriteFile(file, []byte("{apiVersion: v1, kind: Namespace, metadata: {name: a}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	if code := command.Main(t.Context(), []string{"kubectl-effective_policy", "kinds", "-f", file, "-o", "json"}, genericiooptions.IOStreams{Out: &out, ErrOut: &errOut}, ""); code != 0 {
		t.Fatalf("exit code %d: %s", code, errOut.String())
	}
	var said struct {
		GatewayAPITested []string `json:"gatewayAPITested"`
	}
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		t.Fatal(err)
	}
	if want := []string{vendors.GatewayAPI16.Version, vendors.GatewayAPI17.Version}; !slices.Equal(said.GatewayAPITested, want) {
		t.Errorf("kinds says %q, the tests run with %q", said.GatewayAPITested, want)
	}
}
