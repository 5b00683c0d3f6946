package request_test

import (
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
)

func TestARequestOfAServer(t *testing.T) {
	r := httptest.NewRequest("PUT", "/a%2Fb/../c?q=%20", nil)
	r.Host = "WWW.example.com:8080"
	r.Header.Set("X-Tier", "gold")
	want := request.Request{
		Method: "PUT", Scheme: "http", Host: "www.example.com", Port: 80, Path: "/a%2Fb/../c", Query: "q=%20",
		Headers: []hierarchy.Header{{Name: "X-Tier", Value: "gold"}},
	}
	if diff := cmp.Diff(want, request.FromHTTP(r, "http", 80)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
