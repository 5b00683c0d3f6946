package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/charts"
	"github.com/attache-dev/attache/test/controlplane"
)

const (
	release          = "attache"
	releaseNamespace = "attache-system"

	// webhooks and controller are the names of the chart's two Deployments, and
	// of their service accounts.
	webhooks   = release + "-webhook"
	controller = release + "-controller"
)

// installation is the rendered chart.
type installation struct {
	objects []*unstructured.Unstructured
	port    int // that the webhooks are called at
}

// render renders the chart for a cluster in which no pod can run: the webhooks'
// Service leads to this machine.
func render() (*installation, error) {
	objects, err := charts.Render(charts.Release{Name: release, Namespace: releaseNamespace, Values: map[string]any{
		"platformNamespaces": []any{"platform"},
	}})
	if err != nil {
		return nil, err
	}
	i := &installation{objects: objects}
	if i.port, err = controlplane.FreePort(); err != nil {
		return nil, err
	}
	for _, object := range objects {
		switch object.GetKind() {
		case "Service":
			if object.GetName() == webhooks {
				object.Object["spec"] = map[string]any{"type": "ExternalName", "externalName": "localhost"}
			}
		case "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration":
			if err := i.callAt(object); err != nil {
				return nil, err
			}
		}
	}
	return i, nil
}

// callAt sets the port that the API server calls webhooks at. For a Service that
// is a name only, it is the port of the machine of that name.
func (i *installation) callAt(configuration *unstructured.Unstructured) error {
	entries, _, err := unstructured.NestedSlice(configuration.Object, "webhooks")
	if err != nil || len(entries) == 0 {
		return fmt.Errorf("%s %s has no webhooks: %w", configuration.GetKind(), configuration.GetName(), err)
	}
	for _, entry := range entries {
		if err := unstructured.SetNestedField(entry.(map[string]any), int64(i.port), "clientConfig", "service", "port"); err != nil {
			return err
		}
	}
	return unstructured.SetNestedSlice(configuration.Object, entries, "webhooks")
}

// write writes all objects into one file.
func (i *installation) write(file string) error {
	var text bytes.Buffer
	for _, object := range i.objects {
		document, err := yaml.Marshal(object.Object)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "---\n%s", document)
	}
	return os.WriteFile(file, text.Bytes(), 0o600)
}

// find returns an object of the chart.
func (i *installation) find(kind, name string) (*unstructured.Unstructured, error) {
	for _, object := range i.objects {
		if object.GetKind() == kind && object.GetName() == name {
			return object, nil
		}
	}
	return nil, fmt.Errorf("the chart has no %s %s", kind, name)
}

// arguments are those of the container of a Deployment of the chart.
func (i *installation) arguments(deployment string) ([]string, error) {
	object, err := i.find("Deployment", deployment)
	if err != nil {
		return nil, err
	}
	containers, _, err := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) != 1 {
		return nil, errors.Join(fmt.Errorf("the Deployment %s should have one container", deployment), err)
	}
	arguments, _, err := unstructured.NestedStringSlice(containers[0].(map[string]any), "args")
	return arguments, err
}

func (t *tour) installChart(ctx context.Context, folder string) error {
	t.story.title("Install attache with its Helm chart: CRDs, rights, webhook configurations")
	t.story.say("Helm's own engine renders the chart. The one difference from a cluster with nodes: the")
	t.story.say("webhooks' Service leads to a process on this machine instead of to pods.")
	var err error
	if t.installation, err = render(); err != nil {
		return err
	}
	file := filepath.Join(folder, "chart.yaml")
	if err := t.installation.write(file); err != nil {
		return err
	}
	if _, err := t.types(ctx, "kubectl create namespace "+releaseNamespace); err != nil {
		return err
	}
	out, err := t.reads(ctx, "kubectl apply --server-side -f "+file)
	t.story.show("helm template "+release+" charts/attache -n "+releaseNamespace+" --set platformNamespaces='{platform}' | kubectl apply --server-side -f -", out)
	if err != nil {
		return err
	}
	established, err := t.reads(ctx, "kubectl wait --for=condition=Established crd --all --timeout=60s")
	if err != nil {
		return err
	}
	return errors.Join(
		expect("kubectl apply", out, "validatingwebhookconfiguration", "mutatingwebhookconfiguration", "serviceaccount/"+webhooks),
		expect("kubectl wait", established, "effectivepolicies.attache.dev"))
}

func (t *tour) startManager(ctx context.Context, _ string) error {
	t.story.title("Start the manager: one process answers the webhooks, one writes")
	t.story.say("Each has the arguments of its Deployment, but for ports and folders of this machine, and the")
	t.story.say("rights of its service account and no more.")
	// The webhooks are ready when the controller has made their certificates' authority.
	for _, name := range []string{controller, webhooks} {
		arguments, err := t.installation.arguments(name)
		if err != nil {
			return err
		}
		t.story.show("attache "+strings.Join(arguments, " "), "")
		kubeconfig, err := t.kubeconfig(ctx, name)
		if err != nil {
			return err
		}
		metrics, err := t.metricsAddress(name)
		if err != nil {
			return err
		}
		arguments = append(arguments, "--metrics-bind-address="+metrics, "--kubeconfig="+kubeconfig)
		if name == webhooks {
			arguments = append(arguments, "--webhook-host=127.0.0.1", "--webhook-port="+strconv.Itoa(t.installation.port),
				"--drain-delay=1s")
		}
		if _, err := t.cluster.run(ctx, name, arguments...); err != nil {
			return err
		}
	}
	t.story.check("both are ready")
	return nil
}

// metricsAddress is where a process serves its metrics: nowhere in the demo,
// which asks for none, and on a port of this machine alone in a playground that
// stays, which writes the address into a file of that process.
func (t *tour) metricsAddress(process string) (string, error) {
	if !t.stays {
		return "0", nil
	}
	port, err := controlplane.FreePort()
	if err != nil {
		return "", err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return address, os.WriteFile(metricsFile(t.cluster.folder, process), []byte(address), 0o600)
}

// metricsFile holds the address of the metrics of a process.
func metricsFile(folder, process string) string {
	return filepath.Join(folder, process+".metrics")
}

// kubeconfig writes one for a service account. Its token lasts, because a
// playground may be left running.
func (t *tour) kubeconfig(ctx context.Context, account string) (string, error) {
	token, err := t.reads(ctx, "kubectl create token "+account+" -n "+releaseNamespace+" --duration=8760h")
	if err != nil {
		return "", err
	}
	content, err := clientcmd.LoadFromFile(t.cluster.plane.Kubeconfig)
	if err != nil {
		return "", fmt.Errorf("reading the administrator's kubeconfig: %w", err)
	}
	for name := range content.AuthInfos {
		content.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: strings.TrimSpace(token)}
	}
	path := filepath.Join(t.cluster.folder, account+".kubeconfig")
	if err := clientcmd.WriteToFile(*content, path); err != nil {
		return "", fmt.Errorf("writing a kubeconfig: %w", err)
	}
	return path, nil
}
