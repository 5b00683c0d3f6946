package source

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
)

// text is a file that is read, but not decoded yet.
type text struct {
	data    []byte
	decoder *decoder
	place   place
	decoded bool
}

// place is what kustomizations and the command line say about a file when it is read.
type place struct {
	passed          string // why the file is skipped; empty when it is not
	into, namespace string // see Document
}

// placeOf says into which namespace the objects of a file go, and whether the file is skipped because
// only a kustomization needs it.
func (r *reader) placeOf(name string) place {
	p := place{into: r.namespaces[name], namespace: r.namespace}
	switch {
	case r.named[name]:
	case r.simple[name] != "":
		p.passed = r.simple[name]
	case r.kustomizations[name]:
		p.passed = "is a kustomization: build it first (kustomize build " + filepath.Dir(name) + " | … -f -)"
	case r.patches[name]:
		p.passed = "is a patch of a kustomization"
	}
	return p
}

// decode decodes what was read, on all processors, and adds it in the order in which it was read. It
// stops at the file in which the limit of objects is exceeded.
func (r *reader) decode(ctx context.Context) {
	var objects atomic.Int64
	inParallel(len(r.texts), func(i int) {
		if ctx.Err() == nil && objects.Load() <= int64(r.options.Limits.Documents) {
			objects.Add(int64(r.texts[i].decode()))
		}
	})
	for i := range r.texts {
		if ctx.Err() != nil || len(r.documents) > r.options.Limits.Documents {
			return
		}
		t := &r.texts[i]
		if !t.decoded {
			t.decode() // a file that comes after this one may have reached the limit first
		}
		r.take(t)
		*t = text{} // so that its objects can be freed one by one when they are prepared
	}
}

// decode returns the number of objects in the text.
func (t *text) decode() int {
	if t.decoded = true; t.place.passed == "" {
		t.decoder.decode(t.data)
	}
	return len(t.decoder.documents)
}

// take adds what was decoded from a text to the reader.
func (r *reader) take(t *text) {
	d := t.decoder
	if t.place.passed != "" {
		d.passed = []Problem{{File: d.file, Line: 1, Message: t.place.passed}}
	} else if d.index == 0 && len(d.problems) == 0 && !d.lenient {
		r.problems = append(r.problems, Problem{File: d.file, Message: "holds no Kubernetes object: it is empty"})
	}
	for i := range d.documents {
		d.documents[i].named = !d.lenient
		d.documents[i].into, d.documents[i].namespace = t.place.into, t.place.namespace
	}
	r.documents = append(r.documents, d.documents...)
	r.problems = append(r.problems, d.problems...)
	r.passed = append(r.passed, d.passed...)
	if len(r.documents) > r.options.Limits.Documents {
		r.stop(d.file, fmt.Sprintf("the whole input has more than %d objects, the limit: give fewer files at once", r.options.Limits.Documents))
	}
}
