package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/attache-dev/attache/crds"
)

// release is what is built.
type release struct {
	version string
	out     string
	base    string // where archives are downloaded from
	image   string // the image's name, for its labels
}

// platform is what a program runs on.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

var (
	managers = []platform{{"linux", "amd64"}, {"linux", "arm64"}}
	plugins  = []platform{
		{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
	}
)

func main() {
	r := release{}
	only := flag.String("platforms", "", "platforms to build for, such as linux/amd64,darwin/arm64; empty is all")
	flag.StringVar(&r.version, "version", "", "version, such as v0.1.0")
	flag.StringVar(&r.out, "out", "dist", "folder to write to; it must not be there, or be empty")
	flag.StringVar(&r.base, "download", "https://github.com/attache-dev/attache/releases/download", "address that archives will be downloaded from")
	flag.StringVar(&r.image, "image", "ghcr.io/attache-dev/attache", "name of the image")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := r.build(ctx, chosen(managers, *only), chosen(plugins, *only)); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// chosen are the platforms of a list that the flag names.
func chosen(all []platform, only string) []platform {
	if only == "" {
		return all
	}
	var some []platform
	for _, p := range all {
		for _, word := range strings.Split(only, ",") {
			if word == p.String() {
				some = append(some, p)
			}
		}
	}
	return some
}

func (r release) build(ctx context.Context, managers, plugins []platform) error {
	if !strings.HasPrefix(r.version, "v") {
		return errors.New("--version is needed, such as v0.1.0")
	}
	if entries, err := os.ReadDir(r.out); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", r.out)
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	images := map[platform]string{}
	for _, p := range managers {
		program, err := r.compile(ctx, "attache", "./cmd/attache", p)
		if err != nil {
			return err
		}
		images[p] = program
	}
	var archives []archive
	for _, p := range plugins {
		program, err := r.compile(ctx, "kubectl-effective_policy", "./cmd/kubectl-effective_policy", p)
		if err != nil {
			return err
		}
		a, err := r.pack(program, p)
		if err != nil {
			return err
		}
		archives = append(archives, a)
	}
	if len(images) > 0 {
		if err := r.writeImage(images); err != nil {
			return fmt.Errorf("the image: %w", err)
		}
	}
	return errors.Join(r.writeKrew(archives), r.writeCRDs(), r.writeChecksums())
}

// writeCRDs writes the CRDs of attache's kinds as one file, for those who apply them without the chart.
func (r release) writeCRDs() error {
	var all []byte
	for _, crd := range crds.Attache() {
		if !bytes.HasPrefix(crd.Data, []byte("---\n")) {
			all = append(all, "---\n"...)
		}
		all = append(append(all, bytes.TrimSpace(crd.Data)...), '\n')
	}
	return os.WriteFile(filepath.Join(r.out, "attache-crds.yaml"), all, 0o644)
}

// compile builds a program and writes its bill of materials beside it.
func (r release) compile(ctx context.Context, name, pkg string, p platform) (string, error) {
	file := fmt.Sprintf("%s_%s_%s_%s", name, r.version, p.os, p.arch)
	if p.os == "windows" {
		file += ".exe"
	}
	path, err := filepath.Abs(filepath.Join(r.out, file))
	if err != nil {
		return "", err
	}
	fmt.Printf("%-24s %s\n", name, p)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X main.version="+r.version, "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch, "GOFLAGS=-mod=readonly", "GOAMD64=v1", "GOARM64=v8.0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s for %s: %w\n%s", name, p, err, out)
	}
	libraries, err := librariesOf(ctx, pkg)
	if err != nil {
		return "", err
	}
	return path, errors.Join(r.writeMaterials(path, libraries), r.writeLicenses(ctx, path, libraries))
}
