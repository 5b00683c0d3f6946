package install

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// deployed says of the release's Deployments what their controller would, which does not run here:
// that so many of their replicas are ready, at most as many as there are to be.
func (c *cluster) deployed(ready int32) {
	c.Helper()
	list := &appsv1.DeploymentList{}
	if err := c.List(c.Context(), list, client.InNamespace(namespace)); err != nil || len(list.Items) != 2 {
		c.Fatalf("%d Deployments, %v", len(list.Items), err)
	}
	for i := range list.Items {
		d := &list.Items[i]
		before := d.DeepCopy()
		d.Status.ReadyReplicas = min(ready, *d.Spec.Replicas)
		d.Status.Replicas = *d.Spec.Replicas
		if err := c.Status().Patch(c.Context(), d, client.MergeFrom(before)); err != nil {
			c.Fatal(err)
		}
	}
}

// diagnosis is what the command doctor says.
type diagnosis struct {
	Healthy bool `json:"healthy"`
	Checks  []struct {
		Part    string `json:"part"`
		Name    string `json:"name"`
		State   string `json:"state"`
		Message string `json:"message"`
	} `json:"checks"`
	text string
}

// doctor runs the command, which must say by its exit code what it says in words.
func (c *cluster) doctor() (d diagnosis) {
	c.Helper()
	program, err := plugin()
	if err != nil {
		c.Fatal(err)
	}
	cmd := exec.CommandContext(c.Context(), program, "doctor", "-o", "json", "--attache-namespace", namespace)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.plane.Kubeconfig)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.Fatal(err)
	}
	if err := json.Unmarshal(out, &d); err != nil {
		c.Fatalf("doctor says %s: %v", out, err)
	}
	if code := cmd.ProcessState.ExitCode(); code > 1 || d.Healthy != (code == 0) {
		c.Errorf("doctor ends with %d, and says %s", code, out)
	}
	d.text = string(out)
	return d
}

// sound has the command find nothing wrong, and have looked at every part.
func (c *cluster) sound() {
	c.Helper()
	d := c.doctor()
	parts := map[string]bool{}
	for _, check := range d.Checks {
		parts[check.Part] = true
		if check.State == "Problem" || check.State == "Unknown" {
			c.Errorf("doctor finds %s of %s: %s", check.State, check.Name, check.Message)
		}
	}
	if !d.Healthy || len(parts) < 7 {
		c.Errorf("doctor says %s", d.text)
	}
}

// ailing has the command find problems, these among them.
func (c *cluster) ailing(problems ...string) {
	c.Helper()
	d := c.doctor()
	var found []string
	for _, check := range d.Checks {
		if check.State == "Problem" {
			found = append(found, check.Name+": "+check.Message)
		}
	}
	for _, problem := range problems {
		if !strings.Contains(strings.Join(found, "\n"), problem) {
			c.Errorf("doctor does not find %q, but %q", problem, found)
		}
	}
	if d.Healthy {
		c.Errorf("doctor says that all is well: %s", d.text)
	}
}
