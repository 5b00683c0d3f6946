package main

import (
	"context"
	"encoding/hex"
	"net/http"
	"testing"
)

func hexOf(id []byte) string { return hex.EncodeToString(id) }

// Profiles are served on loopback, and nowhere else.
func TestDebugIsOnLoopbackAlone(t *testing.T) {
	for _, address := range []string{":6060", "0.0.0.0:6060", "[::]:6060", "192.0.2.1:6060", "localhost:6060", "6060"} {
		if listener, err := debugListener(address); err == nil {
			t.Errorf("%s is taken: %v", address, listener.Close())
		}
	}
	if listener, err := debugListener(""); listener != nil || err != nil {
		t.Errorf("without an address: %v, %v", listener, err)
	}
	listener, err := debugListener("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serveDebug(ctx, listener) }()
	answer, err := http.Get("http://" + listener.Addr().String() + "/debug/pprof/goroutine?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("HTTP %d, %v", answer.StatusCode, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
