package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"sigs.k8s.io/yaml"
)

// TestTheImageIsReadBack reads the image layout as a registry's client would.
func TestTheImageIsReadBack(t *testing.T) {
	program := filepath.Join(t.TempDir(), "attache")
	if err := os.WriteFile(program, []byte("a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, again := written(t, program), written(t, program)
	digest, err := first.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if other, err := again.Digest(); err != nil || other != digest {
		t.Errorf("the same program gave the images %s and %s, %v", digest, other, err)
	}
	manifest, err := first.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("%+v, %v", manifest, err)
	}
	index, err := first.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	images, err := index.IndexManifest()
	if err != nil || len(images.Manifests) != len(managers) {
		t.Fatalf("%+v, %v", images, err)
	}
	for i, d := range images.Manifests {
		if d.Platform.OS != managers[i].os || d.Platform.Architecture != managers[i].arch {
			t.Errorf("image %d is for %s", i, d.Platform)
		}
		image, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		check(t, image)
	}
}

func written(t *testing.T, program string) v1.ImageIndex {
	t.Helper()
	r := release{version: "v1.2.3", out: t.TempDir(), image: "example.com/attache"}
	programs := map[platform]string{}
	for _, p := range managers {
		programs[p] = program
	}
	if err := r.writeImage(programs); err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(filepath.Join(r.out, "image"))
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func check(t *testing.T, image v1.Image) {
	t.Helper()
	c, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.User != nobody || len(c.Config.Entrypoint) != 1 || c.Config.Entrypoint[0] != "/attache" ||
		c.Config.Labels["org.opencontainers.image.version"] != "v1.2.3" {
		t.Errorf("the image runs with %+v", c.Config)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	content, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	files := tar.NewReader(content)
	header, err := files.Next()
	if err != nil || header.Name != "attache" || header.Mode != 0o555 {
		t.Fatalf("%+v, %v", header, err)
	}
	if text, err := io.ReadAll(files); err != nil || string(text) != "a program" {
		t.Errorf("the program is %q, %v", text, err)
	}
	if _, err := files.Next(); !errors.Is(err, io.EOF) {
		t.Error("there is more than the program in the image")
	}
}

// TestArchivesAreTheSameEachTime packs a program twice, and says in the manifest of krew what it packed.
func TestArchivesAreTheSameEachTime(t *testing.T) {
	t.Chdir("../..")
	program := filepath.Join(t.TempDir(), "plugin")
	if err := os.WriteFile(program, bytes.Repeat([]byte("a plugin\n"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program+".licenses.txt", []byte("terms"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range plugins {
		sums := map[string]bool{}
		for range 2 {
			r := release{version: "v1.2.3", out: t.TempDir(), base: "https://example.com"}
			a, err := r.pack(program, p)
			if err != nil {
				t.Fatal(err)
			}
			if sums[a.sum] = true; len(sums) > 1 {
				t.Errorf("two archives for %s differ", p)
			}
			if err := r.writeKrew([]archive{a}); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(r.out, "effective-policy.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var manifest struct {
				Spec struct {
					Platforms []struct{ URI, SHA256, Bin string }
				}
			}
			if err := yaml.Unmarshal(text, &manifest); err != nil {
				t.Fatal(err)
			}
			if got := manifest.Spec.Platforms[0]; got.SHA256 != a.sum || got.URI != "https://example.com/v1.2.3/"+a.file || got.Bin != a.program {
				t.Errorf("%+v", got)
			}
		}
	}
}

// TestLicensesOfOthers reads the terms of what this test itself is linked from.
func TestLicensesOfOthers(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (release{}).writeLicenses(t.Context(), program, nil); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(program + ".licenses.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"\ngithub.com/google/go-containerregistry v", "Go go1.", "sigs.k8s.io/yaml v", "Apache License", "Redistributions in binary form must reproduce"} {
		if !strings.Contains("\n"+string(got), part) {
			t.Errorf("the licences lack %q", part)
		}
	}
	if _, err := termsOf(t.TempDir()); err == nil {
		t.Error("a module without a licence is passed on")
	}
}
