package controlplane

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	yamlstream "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// fieldOwner owns the fields of all that [ControlPlane.Apply] writes.
const fieldOwner = client.FieldOwner("controlplane")

// Apply writes the objects of manifest files as the administrator, by
// server-side apply and in the order in which they are given. Of a folder it
// takes the YAML and JSON files directly in it, by name, but for
// kustomization.yaml. Objects keep their namespaces: a namespaced object without one is an
// error of the API server.
func (c *ControlPlane) Apply(ctx context.Context, paths ...string) error {
	writer, err := client.New(c.Config, client.Options{})
	if err != nil {
		return fmt.Errorf("connecting to the control plane: %w", err)
	}
	files, err := manifestFiles(paths)
	if err != nil {
		return err
	}
	for _, file := range files {
		objects, err := readManifests(file)
		if err != nil {
			return err
		}
		for _, object := range objects {
			err := writer.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), fieldOwner, client.ForceOwnership)
			if err != nil {
				return fmt.Errorf("applying %s %s of %s: %w", object.GetKind(), object.GetName(), file, err)
			}
		}
	}
	return nil
}

// manifestFiles replaces the folders in paths by their manifest files.
func manifestFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		state, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("reading manifests: %w", err)
		}
		if !state.IsDir() {
			files = append(files, path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fmt.Errorf("reading manifests: %w", err)
		}
		for _, entry := range entries {
			extension := filepath.Ext(entry.Name())
			if strings.TrimSuffix(entry.Name(), extension) == "kustomization" {
				continue
			}
			switch extension {
			case ".yaml", ".yml", ".json":
				files = append(files, filepath.Join(path, entry.Name()))
			}
		}
	}
	return files, nil
}

// readManifests reads the objects of one file.
func readManifests(file string) ([]*unstructured.Unstructured, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading manifests: %w", err)
	}
	var objects []*unstructured.Unstructured
	documents := yamlstream.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading manifests of %s: %w", file, err)
		}
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(document, &object.Object); err != nil {
			return nil, fmt.Errorf("reading manifests of %s: %w", file, err)
		}
		if len(object.Object) > 0 { // not just comments
			objects = append(objects, object)
		}
	}
}
