package command

import (
	"context"
	"encoding/json"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// versionTimeout is how long version waits for a cluster.
const versionTimeout = 5 * time.Second

// bundleVersion is the annotation on every CRD of Gateway API.
const bundleVersion = "gateway.networking.k8s.io/bundle-version"

func (o *options) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this command and of the cluster",
		Long:  "Print the version of this command, and of the cluster when it can be reached.",
		Args:  cobra.NoArgs,
		RunE:  o.version,
	}
	cmd.Flags().Bool("client", false, "do not ask the cluster")
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatJSON, workspace.FormatYAML)
	return cmd
}

type clientVersion struct {
	Version    string `json:"version"`
	Revision   string `json:"revision,omitempty"`
	GatewayAPI string `json:"gatewayAPI"`
	Go         string `json:"go"`
}

type serverVersion struct {
	Kubernetes string `json:"kubernetes,omitempty"`
	// GatewayAPI and Attache are the API versions that are served.
	GatewayAPI []string `json:"gatewayAPI,omitempty"`
	Attache    []string `json:"attache,omitempty"`
	Error      string   `json:"error,omitempty"`
}

type versions struct {
	Client clientVersion  `json:"client"`
	Server *serverVersion `json:"server,omitempty"`
}

func (o *options) version(cmd *cobra.Command, _ []string) error {
	v := versions{Client: ownVersion(o.BuiltAs)}
	clientOnly, err := cmd.Flags().GetBool("client")
	if err != nil {
		return err
	}
	if !clientOnly && len(o.Files) == 0 {
		v.Server = o.askVersion(cmd.Context())
	}
	if o.Output != workspace.FormatTable {
		return workspace.Encode(o.Streams.Out, o.Output, v)
	}
	p := o.Pen()
	t := &terminal.Table{}
	t.Add(terminal.Cell{Text: "client", Style: terminal.Bold}, terminal.Cell{Text: strings.TrimSpace(v.Client.Version + " " + v.Client.Revision)})
	t.Add(terminal.Cell{}, terminal.Cell{Text: "Gateway API " + v.Client.GatewayAPI + ", " + v.Client.Go})
	switch s := v.Server; {
	case s == nil:
	case s.Error != "":
		t.Add(terminal.Cell{Text: "server", Style: terminal.Bold}, terminal.Cell{Text: s.Error})
	default:
		t.Add(terminal.Cell{Text: "server", Style: terminal.Bold}, terminal.Cell{Text: "Kubernetes " + s.Kubernetes})
		t.Add(terminal.Cell{}, terminal.Cell{Text: "Gateway API " + served(s.GatewayAPI)})
		t.Add(terminal.Cell{}, terminal.Cell{Text: "attache.dev " + served(s.Attache)})
	}
	p.Print(t)
	return p.Failed()
}

// ownVersion is the version that the program was built as, and what the Go tools
// wrote into it.
func ownVersion(builtAs string) clientVersion {
	v := clientVersion{Version: builtAs, GatewayAPI: bundledGatewayAPI(), Go: runtime.Version()}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if v.Version == "" {
		v.Version = build.Main.Version
	}
	for _, setting := range build.Settings {
		if setting.Key == "vcs.revision" {
			v.Revision = setting.Value
		}
	}
	return v
}

// askVersion asks the cluster. If it cannot be reached, the result says so.
func (o *options) askVersion(ctx context.Context) *serverVersion {
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	failed := func(err error) *serverVersion { return &serverVersion{Error: err.Error()} }
	config, err := o.Connection()
	if err != nil {
		return failed(err)
	}
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return failed(err)
	}
	server, err := client.ServerVersionWithContext(ctx)
	if err != nil {
		return failed(workspace.Unreachable(config, err))
	}
	v := &serverVersion{Kubernetes: server.GitVersion}
	groups, err := client.ServerGroupsWithContext(ctx)
	if err != nil {
		return failed(err)
	}
	for _, group := range groups.Groups {
		for _, version := range group.Versions {
			switch group.Name {
			case hierarchy.Group:
				v.GatewayAPI = append(v.GatewayAPI, version.Version)
			case policy.Group:
				v.Attache = append(v.Attache, version.Version)
			}
		}
	}
	return v
}

func served(versions []string) string {
	if len(versions) == 0 {
		return "is not installed"
	}
	return strings.Join(versions, ", ")
}

// bundledGatewayAPI is the version of Gateway API by whose CRDs manifests are
// checked.
func bundledGatewayAPI() string {
	for _, f := range crds.GatewayAPI() {
		var crd metav1.PartialObjectMetadata
		if err := json.Unmarshal(f.Data, &crd); err == nil && crd.Annotations[bundleVersion] != "" {
			return crd.Annotations[bundleVersion]
		}
	}
	return "unknown"
}
