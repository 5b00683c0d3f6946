package bench

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/discovery"

	"github.com/attache-dev/attache/test/eventually"
)

var managerProfiles = flag.String("manager.profiles", "", "folder that BenchmarkManager puts profiles of the manager into; none without it")

// profiled is how long a profile of processor time is taken of a phase, from its beginning.
const profiled = 10 * time.Second

// profile has the manager, the webhooks and the API server write down where their time goes from now on. The function
// that is returned waits until that is done.
func (s *site) profile(phase string) (done func()) {
	s.b.Helper()
	if *managerProfiles == "" {
		return func() {}
	}
	ended := make(chan error, 2)
	go func() {
		ended <- s.manager.fetch(fmt.Sprintf("profile?seconds=%.0f", profiled.Seconds()), phase+".cpu")
	}()
	go func() { ended <- s.profileServer(phase + ".apiserver.cpu") }()
	return func() {
		s.b.Helper()
		for range cap(ended) {
			if err := <-ended; err != nil {
				s.b.Error(err)
			}
		}
	}
}

// profileServer writes down where the API server's time goes.
func (s *site) profileServer(name string) error {
	client, err := discovery.NewDiscoveryClientForConfig(s.plane.Config)
	if err != nil {
		return err
	}
	text, err := client.RESTClient().Get().AbsPath("/debug/pprof/profile").Param("seconds", fmt.Sprintf("%.0f", profiled.Seconds())).DoRaw(s.b.Context())
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(*managerProfiles, name), text, 0o600)
}

// heap writes down what the manager's memory holds now.
func (m *manager) heap(b *testing.B, phase string) {
	b.Helper()
	if *managerProfiles == "" {
		return
	}
	if err := m.fetch("heap?gc=1", phase+".heap"); err != nil {
		b.Error(err)
	}
}

func (m *manager) fetch(what, name string) error {
	var answer *http.Response
	err := eventually.Try(context.Background(), 10*time.Second, func(context.Context) (err error) { // it may have been started just now
		answer, err = http.Get("http://" + m.debug + "/debug/pprof/" + what)
		return err
	})
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	file, err := os.Create(filepath.Join(*managerProfiles, name))
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, answer.Body); err != nil {
		return err
	}
	return file.Close()
}
