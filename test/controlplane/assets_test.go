package controlplane

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAFreshMachineGetsTheCRDs has a cache without any module, as on a machine that has only built
// the programs: none of them imports a package of Gateway API, so that go has downloaded no more
// than its go.mod. The modules come from the cache that is there, not from the network.
func TestAFreshMachineGetsTheCRDs(t *testing.T) {
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := moduleFolder(t.Context(), gatewayAPIPath); err != nil {
		t.Fatal(err)
	}
	fresh := t.TempDir()
	t.Setenv("GOMODCACHE", fresh)
	t.Setenv("GOPROXY", "file://"+filepath.Join(strings.TrimSpace(string(cache)), "cache", "download"))
	t.Setenv("GOFLAGS", "-modcacherw")

	folder, err := GatewayAPICRDs("standard")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(folder, fresh) {
		t.Errorf("the CRDs are in %s, not in the fresh cache %s", folder, fresh)
	}
	if _, err := os.Stat(filepath.Join(folder, "gateway.networking.k8s.io_httproutes.yaml")); err != nil {
		t.Error(err)
	}
}
