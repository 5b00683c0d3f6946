package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is the user that the image runs as: not root, and in no group with rights.
const nobody = "65532:65532"

// writeImage writes an OCI image layout with an index of an image for each platform. An image has
// one file, the manager: no shell, no libraries, nothing to update.
func (r release) writeImage(programs map[platform]string) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	index = mutate.Annotations(index, r.labels()).(v1.ImageIndex)
	for _, p := range managers {
		program, wanted := programs[p]
		if !wanted {
			continue
		}
		image, err := r.imageOf(program, p)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: p.os, Architecture: p.arch}},
		})
	}
	at, err := layout.Write(filepath.Join(r.out, "image"), empty.Index)
	if err != nil {
		return err
	}
	return at.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": r.image + ":" + r.version}))
}

// labels say what the image is.
func (r release) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":    "attache",
		"org.opencontainers.image.version":  r.version,
		"org.opencontainers.image.source":   "https://github.com/attache-dev/attache",
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
}

func (r release) imageOf(program string, p platform) (v1.Image, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	if err := w.WriteHeader(&tar.Header{Name: "attache", Mode: 0o555, Size: int64(len(content)), ModTime: epoch, Format: tar.FormatUSTAR}); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(packed.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	if image, err = mutate.AppendLayers(image, layer); err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, r.config(image, p))
}

func (r release) config(image v1.Image, p platform) *v1.ConfigFile {
	c, err := image.ConfigFile()
	if err != nil {
		c = &v1.ConfigFile{}
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Created = p.os, p.arch, v1.Time{Time: epoch}
	c.Config = v1.Config{
		User: nobody, Entrypoint: []string{"/attache"}, Cmd: []string{"manager"}, WorkingDir: "/", Labels: r.labels(),
	}
	return c
}
