package command

import (
	"bytes"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/doctor"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
)

// TestWhatDoctorSaysFitsAScreen prints everything that doctor can report about an installation.
func TestWhatDoctorSaysFitsAScreen(t *testing.T) {
	var out bytes.Buffer
	o := &options{&workspace.Flags{Streams: genericiooptions.IOStreams{Out: &out}}}
	err := o.printChecks([]doctor.Check{
		{Part: "API server", Name: "version", State: doctor.OK, Message: "Kubernetes v1.37.2"},
		{Part: "CRDs", Name: "gateway.networking.k8s.io", State: doctor.OK, Message: "v1.6.3 (standard), served as v1"},
		{Part: "processes", Name: "attache-webhook", State: doctor.Problem, Message: "none of 2 replicas is ready: kubectl -n attache-system describe deployment attache-webhook, and look at their logs"},
		{Part: "your rights", Name: "reading", State: doctor.Warning, Message: "you may not list customresourcedefinitions.apiextensions.k8s.io, namespaces in all namespaces: get, explain and describe answer from what is published in yours; the ClusterRole attache-cli has these rights"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	if !strings.HasPrefix(out.String(), "OK       API server: Kubernetes v1.37.2\nOK       CRDs of gateway.networking.k8s.io: v1.6.3") {
		t.Errorf("it begins with %s", &out)
	}
	for _, title := range []string{"Problem  attache-webhook: none of 2", "Warning  your rights: you may not list"} {
		if !strings.Contains(out.String(), title) {
			t.Errorf("no %q in\n%s", title, &out)
		}
	}
}

// TestDoctorWithoutAClusterSaysSoOnce: parts that cannot be checked are not reported one by one.
func TestDoctorWithoutAClusterSaysSoOnce(t *testing.T) {
	r := run(t, "", "doctor", "--server", "http://127.0.0.1:1")
	if r.code != 1 || strings.Join(strings.Fields(r.out), " ") != "Problem API server: it does not answer: dial tcp 127.0.0.1:1: connect: connection refused" {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	if r := run(t, "", "doctor"); r.code != 2 || !strings.Contains(r.errOut, "no cluster is configured in") {
		t.Errorf("exit %d: %s%s", r.code, r.out, r.errOut)
	}
}
