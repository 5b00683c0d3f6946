package install

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/attache-dev/attache/test/eventually"
)

// scrapers are Prometheus, bound as the page about monitoring says, and an account without rights.
const scrapers = `{apiVersion: v1, kind: Namespace, metadata: {name: monitoring}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: prometheus, namespace: monitoring}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: somebody, namespace: monitoring}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: prometheus-attache-metrics}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: attache-metrics-reader}, subjects: [{kind: ServiceAccount, name: prometheus, namespace: monitoring}]}`

// TestMetricsAreForThoseWhoMayReadThem: with metrics.secure, both Deployments serve metrics over TLS
// 1.3, and only to whom the API server knows and grants the URL.
func TestMetricsAreForThoseWhoMayReadThem(t *testing.T) {
	c := start(t)
	c.apply(shop)
	c.helms("install", release, chart, "--create-namespace", "--set", "metrics.secure=true", "--set", "webhook.drainDelay=1s")
	running := []*pod{c.launch("attache-controller"), c.launch("attache-webhook")}
	for _, p := range running {
		p.awaitReady()
	}
	c.apply(scrapers)
	token := func(name string) string {
		account, err := c.plane.ServiceAccount(t.Context(), "monitoring", name)
		if err != nil {
			t.Fatal(err)
		}
		return account.Config.BearerToken
	}
	for _, p := range running {
		c.within(eventually.Limit, "see "+p.name+" serve metrics", func(context.Context) error { // it signs its certificate first
			if status, text := p.secureMetrics("", tls.VersionTLS13); status == 0 {
				return errors.New(text)
			}
			return nil
		})
		for _, caller := range []struct {
			who, token, says string
			status           int
		}{
			{"without a token", "", "Unauthorized", http.StatusUnauthorized},
			{"with a token of nobody", "abc", "Authentication failed", http.StatusInternalServerError},
			{"without the right", token("somebody"), "Authorization denied for user system:serviceaccount:monitoring:somebody", http.StatusForbidden},
			{"with the right", token("prometheus"), "\nattache_build_info{", http.StatusOK},
		} {
			status, text := p.secureMetrics(caller.token, tls.VersionTLS13)
			if status != caller.status || !strings.Contains(text, caller.says) {
				t.Errorf("%s, %s: %d, want %d: %.200s", p.name, caller.who, status, caller.status, text)
			}
		}
		if status, text := p.secureMetrics(token("prometheus"), tls.VersionTLS12); status != 0 {
			t.Errorf("%s by TLS 1.2: %d: %.200s", p.name, status, text)
		}
		answer, err := http.Get("http://" + p.metrics + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s without TLS: %s, %v", p.name, answer.Status, err)
		}
	}
	for _, account := range []string{"attache-webhook", "attache-controller"} {
		used, refused := c.used(account)
		for _, r := range []right{{"create", "authentication.k8s.io", "tokenreviews"}, {"create", "authorization.k8s.io", "subjectaccessreviews"}} {
			if !used[r] || !c.granted(account)[r] {
				t.Errorf("%s did not use its right to %s", account, r)
			}
		}
		if len(refused) > 0 {
			t.Errorf("%s was refused %q", account, refused)
		}
	}
}

// secureMetrics asks for the metrics by TLS of at most a version. The status is 0 if there is no
// connection, and the text is then the error.
func (p *pod) secureMetrics(token string, most uint16) (status int, text string) {
	p.c.Helper()
	request, err := http.NewRequestWithContext(p.c.Context(), http.MethodGet, "https://"+p.metrics+"/metrics", nil)
	if err != nil {
		p.c.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: most}} // as without a given certificate
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		p.c.Fatal(err)
	}
	if answer.ProtoMajor != 1 {
		p.c.Errorf("%s speaks %s", p.name, answer.Proto)
	}
	return answer.StatusCode, string(body)
}
