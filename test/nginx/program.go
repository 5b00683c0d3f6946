package nginx

import (
	"os"
	"os/exec"
	"path/filepath"
)

// Program is the nginx to compare with, empty when there is none.
func Program() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	path := filepath.Join(cache, "attache", "nginx", "usr", "sbin", "nginx")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}
