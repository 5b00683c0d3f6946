package bench

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
)

// allowAt makes the test binary a webhook that allows everything, in a process of its own as ours is.
var allowAt = flag.String("manager.allow-at", "", "address at which to allow everything, with the certificate in the folder that follows; for BenchmarkManager itself")

// serveAllowing serves until the process is ended.
func serveAllowing(certDir string) error {
	handler, err := allowingHandler()
	if err != nil {
		return err
	}
	server := http.Server{Addr: *allowAt, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServeTLS(filepath.Join(certDir, "tls.crt"), filepath.Join(certDir, "tls.key"))
}

// startAllowing starts that process, and returns its address when it answers.
func (s *site) startAllowing(certDir string) string {
	s.b.Helper()
	program, err := os.Executable()
	if err != nil {
		s.b.Fatal(err)
	}
	address := freeAddress(s.b)
	process := exec.Command(program, "-manager.allow-at", address, certDir)
	process.Stderr = os.Stderr
	if err := process.Start(); err != nil {
		s.b.Fatal(err)
	}
	if err := s.plane.Adopt(fmt.Sprint("allowing-", process.Process.Pid), process.Process); err != nil {
		s.b.Fatal(err)
	}
	s.b.Cleanup(func() {
		_ = process.Process.Kill() // it may have ended
		_ = process.Wait()
	})
	w := webhooks{client: insecure()}
	body := asked(s.b, admissionv1.Create, namespaceOf("new"), nil)
	await(s.b, time.Minute, func(context.Context) error { return w.ask("https://"+address+"/", body) })
	return address
}
