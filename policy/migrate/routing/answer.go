package routing

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Backend is a port of a Service.
type Backend struct {
	Namespace, Name string
	Port            int32
}

// String is the backend as people write it: "shop/cart:80".
func (b Backend) String() string {
	return b.Namespace + "/" + b.Name + ":" + strconv.Itoa(int(b.Port))
}

// Header is a header with its value.
type Header struct{ Name, Value string }

// Share is a backend and its weight among the others of an answer.
type Share struct {
	Backend Backend
	Weight  int64
}

// Answer is what a side does with one request (M70). Of Backends, Redirect and
// Status one is set.
type Answer struct {
	Backends []Share
	// Code and Redirect are the status code and the URL of a redirect.
	Code     int
	Redirect string
	// Status is a status code that the side itself answers with.
	Status int
	// Host and Path are those that the backend is sent.
	Host, Path string
	// Request and Response are the headers that are set, by name in lower case and
	// sorted.
	Request, Response []Header
	// CORS is the configuration of cross-origin requests in one line; empty for
	// none.
	CORS string
	// Mirrors are the backends that get a copy.
	Mirrors []string
	// Undetermined says why nobody can tell; everything else is empty then.
	Undetermined string
}

// The fields of an Answer, as differences name them.
const (
	FieldBackends = "backends"
	FieldRedirect = "redirect"
	FieldStatus   = "status"
	FieldPath     = "path"
	FieldHost     = "host"
	FieldRequest  = "requestHeaders"
	FieldResponse = "responseHeaders"
	FieldCORS     = "cors"
	FieldMirrors  = "mirrors"
)

// Differ names the fields in which two answers differ.
func Differ(a, b *Answer) []string {
	var fields []string
	add := func(name string, differ bool) {
		if differ {
			fields = append(fields, name)
		}
	}
	add(FieldBackends, shares(a.Backends) != shares(b.Backends))
	add(FieldRedirect, a.Code != b.Code || a.Redirect != b.Redirect)
	add(FieldStatus, a.Status != b.Status)
	if len(fields) > 0 { // what is sent on says nothing where it goes elsewhere
		return fields
	}
	add(FieldPath, a.Path != b.Path)
	add(FieldHost, a.Host != b.Host)
	add(FieldRequest, !slices.Equal(a.Request, b.Request))
	add(FieldResponse, !slices.Equal(a.Response, b.Response))
	add(FieldCORS, a.CORS != b.CORS)
	add(FieldMirrors, !slices.Equal(a.Mirrors, b.Mirrors))
	return fields
}

// shares is what part of the requests each backend gets, in one line that is equal
// when the parts are.
func shares(list []Share) string {
	total := int64(0)
	part := map[string]int64{}
	for _, s := range list {
		total += s.Weight
		part[s.Backend.String()] += s.Weight
	}
	var b strings.Builder
	for _, name := range sortedKeys(part) {
		if part[name] > 0 {
			fmt.Fprintf(&b, "%s %.4f ", name, float64(part[name])/float64(total))
		}
	}
	return b.String()
}

// String is the answer in a few words.
func (a *Answer) String() string {
	switch {
	case a.Undetermined != "":
		return "undetermined: " + a.Undetermined
	case a.Redirect != "":
		return strconv.Itoa(a.Code) + " to " + a.Redirect
	case a.Status != 0:
		return strconv.Itoa(a.Status)
	}
	var parts []string
	for _, s := range a.Backends {
		text := s.Backend.String()
		if len(a.Backends) > 1 {
			text += " (weight " + strconv.FormatInt(s.Weight, 10) + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ") + " as " + a.Host + a.Path
}
