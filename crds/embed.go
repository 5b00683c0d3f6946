// Package crds carries CustomResourceDefinitions inside the binaries: those of
// attache's own kinds, and those of Gateway API.
//
// # Purpose
//
// The files *.yaml are what an administrator applies to a cluster, and they are
// generated from the Go types in policy/v1alpha1. The files gatewayapi/*.json
// are there so that manifests can be defaulted and validated with no cluster and
// no network: the Gateway API module carries its CRDs as plain files, which a
// binary on somebody's machine does not have, and exports no embedded copy of
// them. They are the CRDs of the experimental channel without the descriptions.
// The experimental channel is the superset: it has all kinds, all served
// versions and all fields of the standard channel. So a manifest that uses an
// experimental field passes offline and is refused by a cluster that has the
// standard channel only; who needs that answer offline gives the CRDs of the
// cluster along with the manifests, for given CRDs take the place of these.
//
// # Invariants
//
//   - Nothing here is written by hand. A test fails when the files are not what
//     the Go types, or the Gateway API module in go.mod, say.
//   - The order of every list is that of the file names.
//
// # What it must not do
//
// Import any other package of attache, or interpret what it carries.
package crds

import (
	"embed"
	"io/fs"
	"path"
)

//go:generate go test -run ^TestGatewayAPI -update .

//go:embed *.yaml gatewayapi/*.json
var files embed.FS

// A File is one CustomResourceDefinition as YAML or JSON.
type File struct {
	Name string // path in this package, such as "attache.dev_timeoutpolicies.yaml"
	Data []byte
}

// Attache returns the CRDs of attache's own kinds.
func Attache() []File { return read(".") }

// GatewayAPI returns the CRDs of Gateway API, experimental channel, without
// descriptions.
func GatewayAPI() []File { return read("gatewayapi") }

// read returns the files of one folder. The folder is part of the binary, so an
// error cannot depend on anything outside: it would be a mistake in this file.
func read(folder string) []File {
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		panic("crds: " + err.Error())
	}
	var out []File
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		name := path.Join(folder, e.Name())
		data, err := fs.ReadFile(files, name)
		if err != nil {
			panic("crds: " + err.Error())
		}
		out = append(out, File{Name: name, Data: data})
	}
	return out
}
