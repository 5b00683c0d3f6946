package controller

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/status"
)

// A kind of somebody else asks for a status that we have no right to write: the log says so in one line,
// and the write waits. When the right was given and is taken away again, it says so again.
func TestAStatusThatMayNotBeWrittenIsSaidOnce(t *testing.T) {
	var lines []string
	c := &Controller{}
	c.options.Log = funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{})
	theirs := schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgetpolicies"}
	forbidden := apierrors.NewForbidden(theirs.GroupResource(), "a", errors.New("no"))
	refuse := func() {
		t.Helper()
		var later errLater
		if err := c.ungranted(theirs, status.UpdateStatus, forbidden); !errors.As(err, &later) || later.after != notGranted {
			t.Errorf("the write fails with %v", err)
		}
	}
	for range 3 {
		refuse()
	}
	if len(lines) != 1 || !strings.Contains(lines[0], "widgetpolicies.example.com/status") {
		t.Errorf("the log says %q", lines)
	}
	if err := c.ungranted(theirs, status.UpdateStatus, nil); err != nil {
		t.Error(err)
	}
	refuse()
	if len(lines) != 2 {
		t.Errorf("the log says %q", lines)
	}
	ours := schema.GroupVersionResource{Group: policy.Group, Version: "v1alpha1", Resource: "timeoutpolicies"}
	if err := c.ungranted(ours, status.UpdateStatus, forbidden); !apierrors.IsForbidden(err) {
		t.Errorf("of our own kind it is %v", err)
	}
}
