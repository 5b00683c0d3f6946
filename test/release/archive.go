package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// epoch is the time of everything that has one.
var epoch = time.Unix(0, 0).UTC()

// archive is the plugin for one platform, as krew downloads it.
type archive struct {
	platform platform
	file     string
	program  string // its name in the archive
	files    []string
	sum      string
}

// The program by which kubectl completes the plugin's arguments: a script, which every platform but
// Windows runs.
const (
	completion       = "kubectl_complete-effective_policy"
	completionSource = "test/release/" + completion
)

// pack puts a program, its licence and those of others into an archive: zip for Windows, tar.gz for the
// others, which also have the script for completion.
func (r release) pack(program string, p platform) (archive, error) {
	a := archive{platform: p, program: "kubectl-effective_policy"}
	suffix, write := ".tar.gz", writeTar
	if p.os == "windows" {
		a.program += ".exe"
		suffix, write = ".zip", writeZip
	}
	a.files = []string{a.program, "LICENSE", licensesName}
	content := map[string]string{a.program: program, "LICENSE": "LICENSE", licensesName: program + ".licenses.txt"}
	if p.os != "windows" {
		a.files = append(a.files, completion)
		content[completion] = completionSource
	}
	a.file = fmt.Sprintf("kubectl-effective_policy_%s_%s_%s%s", r.version, p.os, p.arch, suffix)
	path := filepath.Join(r.out, a.file)
	out, err := os.Create(path)
	if err != nil {
		return a, err
	}
	err = write(out, content)
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return a, fmt.Errorf("packing %s: %w", a.file, err)
	}
	a.sum, err = sumOf(path)
	return a, err
}

func writeTar(out io.Writer, files map[string]string) error {
	compressed, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	packed := tar.NewWriter(compressed)
	for _, name := range sorted(files) {
		content, err := os.ReadFile(files[name])
		if err != nil {
			return err
		}
		header := &tar.Header{Name: name, Mode: modeOf(name), Size: int64(len(content)), ModTime: epoch, Format: tar.FormatUSTAR}
		if err := packed.WriteHeader(header); err != nil {
			return err
		}
		if _, err := packed.Write(content); err != nil {
			return err
		}
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

func writeZip(out io.Writer, files map[string]string) error {
	packed := zip.NewWriter(out)
	for _, name := range sorted(files) {
		content, err := os.ReadFile(files[name])
		if err != nil {
			return err
		}
		w, err := packed.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return err
		}
		if _, err := w.Write(content); err != nil {
			return err
		}
	}
	return packed.Close()
}

func modeOf(name string) int64 {
	if name == "LICENSE" || name == licensesName {
		return 0o644
	}
	return 0o755
}

func sorted(files map[string]string) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func sumOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// writeChecksums writes what "sha256sum --check" reads, of all files.
func (r release) writeChecksums() error {
	var text strings.Builder
	err := filepath.WalkDir(r.out, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(r.out, path)
		if err != nil {
			return err
		}
		sum, err := sumOf(path)
		fmt.Fprintf(&text, "%s  %s\n", sum, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "checksums.txt"), []byte(text.String()), 0o644)
}
