package main

import (
	"strings"
	"testing"

	"github.com/go-logr/logr"
)

// TestFlagsOfTheServerHoldTogether: the minimum version of TLS holds with and without client
// certificates, whatever the order of the flags.
func TestFlagsOfTheServerHoldTogether(t *testing.T) {
	for _, test := range []struct {
		flags   string
		allow12 bool
		callers string
		refused string
	}{
		{flags: ""},
		{flags: "--tls-min-version=1.3"},
		{flags: "--tls-min-version=1.2", allow12: true},
		{flags: "--caller-authorities=ca.crt", callers: "ca.crt"},
		{flags: "--caller-authorities=ca.crt --tls-min-version=1.2", allow12: true, callers: "ca.crt"},
		{flags: "--tls-min-version=1.2 --caller-authorities=ca.crt --caller-names=a", allow12: true, callers: "ca.crt"},
		{flags: "--tls-min-version=1.1", refused: `--tls-min-version: "1.1" is not supported: write 1.3 or 1.2`},
		{flags: "--tls-min-version=", refused: "--tls-min-version"},
		{flags: "--tls-min-version=1.2 --caller-names=a", refused: "--caller-names: without --caller-authorities"},
	} {
		s := &settings{}
		if err := s.flags().Parse(strings.Fields(test.flags)); err != nil {
			t.Fatal(err)
		}
		options, err := s.serverOptions(&certificates{}, logr.Discard())
		switch {
		case test.refused != "":
			if err == nil || !strings.Contains(err.Error(), test.refused) {
				t.Errorf("%s: got %v", test.flags, err)
			}
		case err != nil || options.AllowTLS12 != test.allow12 || options.CallerAuthorities != test.callers:
			t.Errorf("%s: %+v, %v", test.flags, options, err)
		}
	}
}
