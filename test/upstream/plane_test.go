package upstream_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/eventually"
	"github.com/attache-dev/attache/test/upstream"
)

// notOfThePlane are tests of what the reference plane does not do.
var notOfThePlane = map[string]string{
	"HTTPRouteRequestHeaderModifier":               "filters that change headers",
	"HTTPRouteRequestHeaderModifierBackendWeights": "filters that change headers",
	"HTTPRouteResponseHeaderModifier":              "filters that change headers",
	"HTTPRouteRequestMirror":                       "mirrors",
	"HTTPRouteRequestMultipleMirrors":              "mirrors",
	"HTTPRouteRewriteHost":                         "rewrites",
	"HTTPRouteRewritePath":                         "rewrites",
	"HTTPRouteBackendProtocolH2C":                  "a protocol to backends that a Service names",
}

// portOffset keeps the listeners away from ports that need privileges.
const portOffset = 20_000

// TestUpstreamsRequestsThroughTheReferencePlane sends upstream's requests, as
// far as they are about matching, through examples/dataplane.
func TestUpstreamsRequestsThroughTheReferencePlane(t *testing.T) {
	plane := controlplane.Shared(t)
	suite, err := upstream.Read(tested...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	startPlane(t, plane)
	backends := echoes{}
	defer backends.close()
	base := objectsOf(t, suite, upstream.Base)
	apply(t, c, &backends, base)
	count, encrypted := 0, 0
	for _, test := range suite.Tests {
		if outside[test.Name] != "" || notOfThePlane[test.Name] != "" {
			continue
		}
		t.Run(test.Name, func(t *testing.T) {
			var objects []*unstructured.Unstructured
			for _, name := range test.Manifests {
				objects = append(objects, objectsOf(t, suite, name)...)
			}
			apply(t, c, &backends, objects)
			defer remove(t, c, objects)
			g := graphOf(t, suite, append([]string{upstream.Base}, test.Manifests...))
			for i := range test.Cases {
				if one := &test.Cases[i]; protocolOf(g, one) == "HTTP" || protocolOf(g, one) == "HTTPS" {
					count++
					if protocolOf(g, one) == "HTTPS" {
						encrypted++
					}
					within(t, func(ctx context.Context) error { return send(ctx, c, g, one) })
				}
			}
		})
	}
	t.Logf("%d requests, %d of them over TLS", count, encrypted)
	if count < 150 || encrypted == 0 {
		t.Errorf("only %d requests were sent, %d of them over TLS", count, encrypted)
	}
}

// startPlane builds and runs the reference plane.
func startPlane(t *testing.T, plane *controlplane.ControlPlane) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "dataplane")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/attache-dev/attache/examples/dataplane").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var log bytes.Buffer
	cmd := exec.Command(program, "--kubeconfig="+plane.Kubeconfig, "--class=gateway-conformance", "--network=127.31.0.0/16", "--port-offset="+strconv.Itoa(portOffset))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := plane.Adopt("dataplane", cmd.Process); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the plane said:\n%s", log.String())
		}
	})
}

// echoes are backends that say whose they are, one for each Service.
type echoes map[string]*httptest.Server

func (e echoes) address(namespace, name string) string {
	key := namespace + "/" + name
	if e[key] == nil {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, key)
		}))
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetHTTP1(true)
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
		e[key] = server
	}
	return e[key].Listener.Addr().String()
}

func (e echoes) close() {
	for _, server := range e {
		server.Close()
	}
}

func objectsOf(t *testing.T, suite *upstream.Suite, name string) []*unstructured.Unstructured {
	t.Helper()
	text, err := suite.Manifest(name)
	if err != nil {
		t.Fatal(err)
	}
	text = strings.ReplaceAll(text, "{GATEWAY_CLASS_NAME}", "gateway-conformance")
	var objects []*unstructured.Unstructured
	reader := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		u := &unstructured.Unstructured{}
		if err := reader.Decode(&u.Object); errors.Is(err, io.EOF) {
			return objects
		} else if err != nil {
			t.Fatal(err)
		}
		gk := u.GroupVersionKind().GroupKind()
		if gk.Group == hierarchy.Group || gk.Group == "" && (gk.Kind == "Namespace" || gk.Kind == "Service") {
			objects = append(objects, u)
		}
	}
}

// apply applies objects. A Service gets the address of its backend.
func apply(t *testing.T, c client.Client, backends *echoes, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, u := range objects {
		u := u.DeepCopy()
		switch u.GetKind() {
		case "Service":
			u.SetAnnotations(map[string]string{"example.attache.dev/addresses": backends.address(u.GetNamespace(), u.GetName())})
		case "Gateway":
			_ = unstructured.SetNestedField(u.Object, "gateway-conformance", "spec", "gatewayClassName")
			certify(t, c, u)
		}
		if err := c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("test"), client.ForceOwnership); err != nil {
			t.Fatalf("%s %s: %v", u.GetKind(), u.GetName(), err)
		}
	}
	class := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": hierarchy.Group + "/v1", "kind": "GatewayClass", "metadata": map[string]any{"name": "gateway-conformance"},
		"spec": map[string]any{"controllerName": "attache.dev/reference-dataplane"},
	}}
	if err := c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(class), client.FieldOwner("test"), client.ForceOwnership); err != nil {
		t.Fatal(err)
	}
}

// certify makes the Secrets that the listeners of a Gateway name, as upstream's
// suite does in Go.
func certify(t *testing.T, c client.Client, gateway *unstructured.Unstructured) {
	t.Helper()
	listeners, _, _ := unstructured.NestedSlice(gateway.Object, "spec", "listeners")
	for _, l := range listeners {
		refs, _, _ := unstructured.NestedSlice(l.(map[string]any), "tls", "certificateRefs")
		for _, ref := range refs {
			ref := ref.(map[string]any)
			namespace, stated := ref["namespace"].(string)
			if !stated {
				namespace = gateway.GetNamespace()
			}
			certificate, key := selfSigned(t)
			secret := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": map[string]any{"name": ref["name"], "namespace": namespace},
				"data": map[string]any{"tls.crt": base64.StdEncoding.EncodeToString(certificate), "tls.key": base64.StdEncoding.EncodeToString(key)},
			}}
			if err := c.Create(t.Context(), secret); err != nil && !apierrors.IsAlreadyExists(err) {
				t.Fatal(err)
			}
		}
	}
}

// selfSigned is a certificate that nobody checks.
func selfSigned(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"*"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func remove(t *testing.T, c client.Client, objects []*unstructured.Unstructured) {
	t.Helper()
	for _, u := range slices.Backward(objects) {
		if u.GetKind() == "Namespace" {
			continue // without its controller it would never go
		}
		if err := c.Delete(context.Background(), u); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	}
}

func protocolOf(g *hierarchy.Graph, c *upstream.Case) string {
	namespace, name, _ := strings.Cut(c.Gateway, "/")
	object, ok := g.Get(hierarchy.GatewayRef(namespace, name))
	if !ok {
		return ""
	}
	return listenerOf(object.(*hierarchy.Gateway), c).Protocol
}

// send makes a request and compares the answer.
func send(ctx context.Context, c client.Client, g *hierarchy.Graph, one *upstream.Case) error {
	namespace, name, _ := strings.Cut(one.Gateway, "/")
	live := &unstructured.Unstructured{Object: map[string]any{"apiVersion": hierarchy.Group + "/v1", "kind": "Gateway"}}
	if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, live); err != nil {
		return err
	}
	addresses, _, _ := unstructured.NestedSlice(live.Object, "status", "addresses")
	if len(addresses) == 0 {
		return fmt.Errorf("%s has no address", one.Gateway)
	}
	object, _ := g.Get(hierarchy.GatewayRef(namespace, name))
	port := int(listenerOf(object.(*hierarchy.Gateway), one).Port)
	address := net.JoinHostPort(fmt.Sprint(addresses[0].(map[string]any)["value"]), strconv.Itoa(port+portOffset))
	scheme := strings.ToLower(protocolOf(g, one))
	request, err := http.NewRequestWithContext(ctx, one.Method, scheme+"://"+address+one.Path, nil)
	if err != nil {
		return err
	}
	if request.Host = one.Host; request.Host == "" {
		request.Host = "address.invalid"
	}
	for key, value := range one.Headers {
		request.Header.Set(key, value)
	}
	serverName, _, _ := strings.Cut(request.Host, ":")
	transport := &http.Transport{
		Protocols: new(http.Protocols), DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{ServerName: serverName, InsecureSkipVerify: true}, //nolint:gosec // the certificate is this test's
	}
	transport.Protocols.SetHTTP1(!one.GRPC)
	transport.Protocols.SetUnencryptedHTTP2(one.GRPC)
	defer transport.CloseIdleConnections()
	if one.GRPC {
		request.Header.Set("Content-Type", "application/grpc")
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return compareResponse(one, response, string(body))
}

func compareResponse(one *upstream.Case, response *http.Response, body string) error {
	codes := one.Codes
	if len(codes) == 0 {
		codes = []int{200}
	}
	if !slices.Contains(codes, response.StatusCode) {
		return fmt.Errorf("%+v is answered with %d: %s", one, response.StatusCode, body)
	}
	if one.Redirect != nil {
		return locationError(one, response.Header.Get("Location"))
	}
	if response.StatusCode == http.StatusOK && one.Backend != "" && body != one.Namespace+"/"+one.Backend {
		return fmt.Errorf("%+v went to %s", one, body)
	}
	return nil
}

// within checks until there is no error: what was applied has to reach the plane.
func within(t *testing.T, check func(context.Context) error) {
	t.Helper()
	if err := eventually.Try(t.Context(), 30*time.Second, check); err != nil {
		t.Error(err)
	}
}
