package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
)

// TestArchivesHaveTheScriptForCompletion looks into archives: what krew copies is there, and the script
// may be executed.
func TestArchivesHaveTheScriptForCompletion(t *testing.T) {
	t.Chdir("../..")
	r := release{version: "v1.2.3", out: t.TempDir()}
	program := filepath.Join(r.out, "plugin")
	if err := errors.Join(os.WriteFile(program, []byte("a plugin"), 0o600), os.WriteFile(program+".licenses.txt", []byte("terms"), 0o600)); err != nil {
		t.Fatal(err)
	}
	a, err := r.pack(program, platform{"darwin", "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	modes := modesIn(t, filepath.Join(r.out, a.file))
	if modes[completion] != 0o755 || modes[a.program] != 0o755 || modes["LICENSE"] != 0o644 || len(modes) != len(a.files) {
		t.Errorf("the archive has %v, and krew copies %v", modes, a.files)
	}
	for _, name := range a.files {
		if modes[name] == 0 {
			t.Errorf("the archive lacks %s", name)
		}
	}
	if a, err = r.pack(program, platform{"windows", "amd64"}); err != nil || slices.Contains(a.files, completion) {
		t.Errorf("a shell script is for Windows: %v, %v", a.files, err)
	}
}

// modesIn are the modes of the files in an archive, by their names.
func modesIn(t *testing.T, path string) map[string]int64 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]int64{}
	for files := tar.NewReader(unpacked); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return modes
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[header.Name] = header.Mode
	}
}

// TestTheCRDsAreOneFile reads the CRDs as kubectl would, twice the same bytes, and finds them in the
// checksums.
func TestTheCRDsAreOneFile(t *testing.T) {
	var texts []string
	for range 2 {
		r := release{out: t.TempDir()}
		if err := errors.Join(r.writeCRDs(), r.writeChecksums()); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(r.out, "attache-crds.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		sums, err := os.ReadFile(filepath.Join(r.out, "checksums.txt"))
		if err != nil || !strings.Contains(string(sums), "  attache-crds.yaml\n") {
			t.Errorf("the checksums are %q, %v", sums, err)
		}
		texts = append(texts, string(text))
	}
	if texts[0] != texts[1] {
		t.Error("the file is different each time")
	}
	documents := strings.Split(texts[0], "\n---\n")
	if len(documents) != len(crds.Attache()) {
		t.Fatalf("%d documents", len(documents))
	}
	for i, document := range documents {
		var got, want map[string]any
		if err := errors.Join(yaml.Unmarshal([]byte(document), &got), yaml.Unmarshal(crds.Attache()[i].Data, &want)); err != nil {
			t.Fatal(err)
		}
		if got["kind"] != "CustomResourceDefinition" || !reflect.DeepEqual(got, want) {
			t.Errorf("document %d is not %s", i, crds.Attache()[i].Name)
		}
	}
}

// TestTheScriptForCompletionAsksThePlugin runs the script in the place of kubectl, with empty words as
// they are. The page of the command has the same script.
func TestTheScriptForCompletionAsksThePlugin(t *testing.T) {
	t.Chdir("../..")
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "kubectl"), []byte("#!/bin/sh\nfor word; do echo \"<$word>\"; done\n"), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := exec.Command(completionSource, "explain", "two words", "").CombinedOutput()
	if want := "<effective-policy>\n<__complete>\n<explain>\n<two words>\n<>\n"; err != nil || string(out) != want {
		t.Errorf("it asked %q, %v", out, err)
	}
	script, err := os.ReadFile(completionSource)
	if err != nil {
		t.Fatal(err)
	}
	documented, err := os.ReadFile("docs/cli.md")
	if err != nil || !strings.Contains(string(documented), "\n"+string(script)) {
		t.Errorf("docs/cli.md has another script than %s, %v", completionSource, err)
	}
}

// TestAReleasedChartNamesTheImageByDigest changes the chart as for an image that was pushed. What
// stands in for Helm copies the values that it is given.
func TestAReleasedChartNamesTheImageByDigest(t *testing.T) {
	t.Chdir("../..")
	before, err := os.ReadFile("charts/attache/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	folder, digest := t.TempDir(), "sha256:"+strings.Repeat("0a", 32)
	helm := filepath.Join(folder, "go")
	if err := os.WriteFile(helm, []byte("#!/bin/sh\n[ \"$1 $3 $4 $6\" = 'tool helm package --destination' ] && cp \"$5/values.yaml\" \"$7\"\n"), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	t.Setenv("GO", helm)
	if out, err := exec.Command("test/release/chart.sh", "example.com:5000/team/attache@"+digest, folder).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(folder, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	if err := errors.Join(yaml.Unmarshal(text, &got), yaml.Unmarshal(before, &want)); err != nil {
		t.Fatal(err)
	}
	image := want["image"].(map[string]any)
	image["digest"], image["repository"] = digest, "example.com:5000/team/attache"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the values are\n%s", text)
	}
	if after, err := os.ReadFile("charts/attache/values.yaml"); err != nil || string(after) != string(before) {
		t.Errorf("the chart of the checkout was changed, %v", err)
	}
	if out, err := exec.Command("test/release/chart.sh", "example.com/attache:v1.2.3", folder).CombinedOutput(); err == nil {
		t.Errorf("a tag was taken for a digest: %s", out)
	}
}
