package install

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/eventually"
)

// identity is a certificate with its key, in files.
type identity struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	crt, pem    string // files: the certificate, and its key
}

// identify makes a client certificate; an authority where nobody signs it.
func identify(t testing.TB, name string, by *identity) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	parent, signing := template, key
	if by != nil {
		parent, signing = by.certificate, by.key
	} else {
		template.IsCA, template.BasicConstraintsValid = true, true
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signing)
	if err != nil {
		t.Fatal(err)
	}
	i := &identity{key: key}
	if i.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	i.crt, i.pem = filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	for file, block := range map[string]*pem.Block{i.crt: {Type: "CERTIFICATE", Bytes: der}, i.pem: {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// shows makes the API server show a certificate to the webhooks of the release: what flag to give it.
func (i *identity) shows(t testing.TB) map[string][]string {
	t.Helper()
	folder := t.TempDir()
	kubeconfig, config := filepath.Join(folder, "kubeconfig"), filepath.Join(folder, "admission.yaml")
	plugin := `
- name: %s
  configuration: {apiVersion: apiserver.config.k8s.io/v1, kind: WebhookAdmissionConfiguration, kubeConfigFile: %s}`
	for file, text := range map[string]string{
		kubeconfig: fmt.Sprintf("apiVersion: v1\nkind: Config\nusers:\n- name: attache-webhook.%s.svc\n  user: {client-certificate: %s, client-key: %s}\n", namespace, i.crt, i.pem),
		config: "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:" +
			fmt.Sprintf(plugin, "ValidatingAdmissionWebhook", kubeconfig) + fmt.Sprintf(plugin, "MutatingAdmissionWebhook", kubeconfig) + "\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return map[string][]string{"admission-control-config-file": {config}}
}

// TestOnlyTheAPIServerIsAnswered makes the API server present a client certificate, and checks
// that nobody else gets an answer. When its certificate is no longer trusted, writes report that,
// and none of our processes ends.
func TestOnlyTheAPIServerIsAnswered(t *testing.T) {
	authority := identify(t, "front", nil)
	c := start(t, identify(t, "kube-apiserver", authority).shows(t))
	c.apply(shop)
	c.apply("{apiVersion: v1, kind: Namespace, metadata: {name: attache-system}}")
	c.trusts(authority)
	c.helms("install", release, chart, "--set", "webhook.callers.configMap=callers", "--set", "webhook.callers.names={kube-apiserver}", "--set", "webhook.drainDelay=1s")
	running := []*pod{c.launch("attache-controller"), c.launch("attache-webhook")}
	for _, p := range running {
		p.awaitReady()
	}
	c.policiesServed()
	c.apply(ceiling)
	c.refuses("checkout", "90s")

	webhook := running[1]
	for name, caller := range map[string]*identity{
		"nobody": nil, "somebody of ours": identify(t, "kubelet", authority), "a stranger of that name": identify(t, "kube-apiserver", identify(t, "front", nil)),
	} {
		if err := webhook.calledBy(caller, tls.VersionTLS13); err == nil {
			t.Errorf("%s is answered", name)
		}
	}
	right := identify(t, "kube-apiserver", authority)
	if err := webhook.calledBy(right, tls.VersionTLS13); err != nil {
		t.Errorf("who has the certificate is not answered: %v", err)
	}
	if err := webhook.calledBy(right, tls.VersionTLS12); err == nil {
		t.Error("who has the certificate is answered with TLS 1.2")
	}

	// Another authority, and a replica that trusts it alone, and TLS 1.2.
	another := identify(t, "front", nil)
	c.trusts(another)
	c.helms("upgrade", release, chart, "--reset-then-reuse-values", "--set", "webhook.tlsMinVersion=1.2")
	fresh := c.launch("attache-webhook")
	fresh.awaitReady()
	if err := fresh.calledBy(identify(t, "kube-apiserver", another), tls.VersionTLS12); err != nil {
		t.Errorf("with webhook.tlsMinVersion 1.2 who has the certificate is not answered: %v", err)
	}
	for name, caller := range map[string]*identity{"nobody": nil, "whom the former authority signed": right} {
		if err := fresh.calledBy(caller, tls.VersionTLS12); err == nil {
			t.Errorf("with webhook.tlsMinVersion 1.2 %s is answered", name)
		}
	}
	webhook.terminate(0)
	c.within(eventually.Limit, "see the API server refused", func(ctx context.Context) error {
		err := c.Patch(ctx, policyObject("checkout"), client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"default":{"request":"8s"}}}`)), client.DryRunAll)
		if err == nil || !strings.Contains(err.Error(), "failed calling webhook") || !strings.Contains(err.Error(), "tls: ") {
			return fmt.Errorf("it says %w", err)
		}
		return nil
	})
	c.alive([]*pod{running[0], fresh})
}

// trusts says whose certificates callers need.
func (c *cluster) trusts(authority *identity) {
	c.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.certificate.Raw})
	c.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: callers, namespace: " + namespace + "}, data: {ca.crt: " + strconv.Quote(string(text)) + "}}")
}

// calledBy calls the port of a replica with a version of TLS, as anybody in the network can.
func (p *pod) calledBy(caller *identity, version uint16) error {
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}
	if caller != nil {
		config.Certificates = []tls.Certificate{{Certificate: [][]byte{caller.certificate.Raw}, PrivateKey: caller.key}}
	}
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport, Timeout: eventually.Limit}).Post(
		"https://"+net.JoinHostPort(p.c.address, strconv.Itoa(p.port))+"/validate", "application/json", bytes.NewReader([]byte("{}")))
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
