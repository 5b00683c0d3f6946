package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy/source"
)

// BenchmarkRead reads a cluster from a folder of manifests, a hundred objects a
// file: decoded, defaulted, and validated as an API server does.
func BenchmarkRead(b *testing.B) {
	for _, routes := range sizes(100, 2000, 10000) {
		b.Run(fmt.Sprintf("routes=%d", routes), func(b *testing.B) {
			folder := b.TempDir()
			objects := len(manifests(b, folder, routes))
			used := processor(b)
			for b.Loop() {
				in, err := source.New([]string{folder}, source.Options{}).Read(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if len(in.Documents) != objects {
					b.Fatalf("%d of %d objects were read", len(in.Documents), objects)
				}
			}
			used()
		})
	}
}

func manifests(b *testing.B, folder string, routes int) []string {
	b.Helper()
	var documents []string
	var file bytes.Buffer
	write := func() {
		name := filepath.Join(folder, fmt.Sprintf("%05d.yaml", len(documents)))
		if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
			b.Fatal(err)
		}
		file.Reset()
	}
	for _, u := range cluster(routes) {
		data, err := yaml.Marshal(u.Object)
		if err != nil {
			b.Fatal(err)
		}
		documents = append(documents, string(data))
		file.WriteString("---\n")
		file.Write(data)
		if len(documents)%100 == 0 {
			write()
		}
	}
	write()
	return documents
}
