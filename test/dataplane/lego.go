package dataplane

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// lego is the ACME client that Traefik requires, and the checksum of its
// published module: a replaced module has none in go.sum.
const (
	lego    = "github.com/go-acme/lego/v5@v5.4.1"
	legoSum = "h1:Jt6xAP9xQrJ3SLLGgxejfDDd3pzdrmuLCWe4oTqHHQc="
)

// copyLego puts lego without its DNS providers into a copy of Traefik's module.
func copyLego(ctx context.Context, module string) error {
	outside, err := os.MkdirTemp("", "attache-lego-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(outside) }()
	answer, err := goOutput(ctx, outside, "mod", "download", "-json", lego)
	if err != nil {
		return fmt.Errorf("downloading %s: %w", lego, err)
	}
	var downloaded struct{ Dir, Sum string }
	if err := json.Unmarshal(answer, &downloaded); err != nil {
		return err
	}
	if downloaded.Sum != legoSum {
		return fmt.Errorf("%s has the checksum %s, want %s", lego, downloaded.Sum, legoSum)
	}
	target := filepath.Join(module, "lego")
	if err := copySources(downloaded.Dir, target); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(target, "providers", "dns"), os.DirFS(filepath.Join(module, "dns")))
}

// copySources copies go.mod and the Go files of a module, but for its tests, its
// command, and its DNS providers.
func copySources(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name == "cmd" || name == "e2e" || name == filepath.Join("providers", "dns") {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		source := filepath.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go") && name != "main.go"
		if !source && name != "go.mod" {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o644)
	})
}
