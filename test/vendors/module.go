package vendors

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Module is a published module at a version.
type Module struct {
	Path, Version string
	// Sum is the checksum of its files, as in a go.sum.
	Sum string
}

// The modules that tests read.
var (
	EnvoyGateway = Module{"github.com/envoyproxy/gateway", "v1.9.1", "h1:vAVp6/AlBXJ1aOhp1mxL7fNEzVEfjADUguUhm2wzxQY="}
	Traefik      = Module{"github.com/traefik/traefik/v3", "v3.7.13", "h1:T8wy9KuaFzCkmXCqAzDy7t73pBDR1DHrJe3pqXpNXTw="}
	// SARIF has the schema of SARIF 2.1.0 that its committee published.
	SARIF = Module{"github.com/owenrumney/go-sarif/v3", "v3.3.1", "h1:bKY8YnWcY8zYTiGVObC5wZLlfEvMkCxK9XMGXBbzEtQ="}
	// GatewayAPI16 is what go.mod requires, too.
	GatewayAPI16 = Module{"sigs.k8s.io/gateway-api", "v1.6.3", "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc="}
	// GatewayAPI17 asks for a newer Go than ours. Its files can be read all the
	// same.
	GatewayAPI17 = Module{"sigs.k8s.io/gateway-api", "v1.7.0", "h1:duVnm7nO6oXfMMUWfcDoBph47CYR/ME3NGxccOVglaY="}
)

// opened are the modules that this process has open, which it keeps.
var opened = struct {
	sync.Mutex
	modules map[Module]fs.FS
}{modules: map[Module]fs.FS{}}

// Files are a module's files, read from its archive in the module cache, into
// which it is downloaded when it is not there.
func Files(t testing.TB, module Module) fs.FS {
	t.Helper()
	opened.Lock()
	defer opened.Unlock()
	if files := opened.modules[module]; files != nil {
		return files
	}
	files, err := open(t, module)
	if err != nil {
		t.Fatalf("reading %s@%s: %v", module.Path, module.Version, err)
	}
	opened.modules[module] = files
	return files
}

func open(t testing.TB, module Module) (fs.FS, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module.Path+"@"+module.Version)
	cmd.Dir = os.TempDir() // outside of our module, whose requirements are not concerned
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	// It fails for a module that asks for a newer Go, and has downloaded it.
	answer, failed := cmd.Output()
	var downloaded struct{ Zip, Sum, Error string }
	if err := json.Unmarshal(answer, &downloaded); err != nil {
		return nil, fmt.Errorf("go mod download: %w: %s", failed, complaint.Bytes())
	}
	if downloaded.Zip == "" {
		if os.Getenv("CI") == "" {
			t.Skipf("%s@%s is not in the module cache and cannot be downloaded: %s", module.Path, module.Version, downloaded.Error)
		}
		return nil, fmt.Errorf("go mod download: %s", downloaded.Error)
	}
	if downloaded.Sum != module.Sum {
		return nil, fmt.Errorf("its checksum is %s, want %s", downloaded.Sum, module.Sum)
	}
	archive, err := zip.OpenReader(downloaded.Zip)
	if err != nil {
		return nil, err
	}
	return fs.Sub(archive, module.Path+"@"+module.Version)
}

// Extract copies the files that a pattern names, in one folder of a module, into
// a folder of the test, which it returns.
func Extract(t testing.TB, module Module, pattern string) string {
	t.Helper()
	files := Files(t, module)
	names, err := fs.Glob(files, pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s@%s has no %s any more (%v)", module.Path, module.Version, pattern, err)
	}
	folder := t.TempDir()
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(name)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
