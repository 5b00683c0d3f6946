package cluster

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/attache-dev/attache/policy/source/kubejson"
)

// objectsPerPage is the number of objects that are read at a time, resultsPerPage that of results, which
// can be large.
const (
	objectsPerPage = 500
	resultsPerPage = 50
)

// lister reads all objects of a kind, compact, in one pass over the text of each page. The next page is
// on its way while one is read.
//
// The general way is to let the API server send every object as an event of a watch. Then the client's
// library goes over its text three times, to find where the event ends, where the object ends, and to
// read it, and the API server encodes each by itself.
type lister struct {
	clients
	kind
	recent *kubejson.Recent
	all    unstructured.UnstructuredList
}

// compactly lists all objects of a kind, compact.
func (c clients) compactly(ctx context.Context, k kind) (*unstructured.UnstructuredList, error) {
	l := &lister{clients: c, kind: k, recent: &kubejson.Recent{}}
	return &l.all, l.run(ctx)
}

// page is one page.
type page struct {
	text          *bytes.Buffer
	version, next string
	// items is where the list of objects begins; whole is the page if the general decoder had to read it.
	items int
	whole *unstructured.UnstructuredList
	err   error
}

func (l *lister) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	spare := &bytes.Buffer{}
	now := l.get(ctx, "", &bytes.Buffer{})
	for {
		if now.err != nil {
			return now.err
		}
		var next chan page
		if now.next != "" {
			next = make(chan page, 1)
			go func(after string, into *bytes.Buffer) { next <- l.get(ctx, after, into) }(now.next, spare)
		}
		if err := l.read(now); err != nil {
			return err
		}
		if l.all.GetResourceVersion() == "" {
			l.all.SetResourceVersion(now.version)
		}
		if next == nil {
			return nil
		}
		spare = now.text
		now = <-next
	}
}

// get gets a page. The first of several decides about the version of all.
func (l *lister) get(ctx context.Context, after string, into *bytes.Buffer) page {
	limit := objectsPerPage
	if l.keep.has(keepEffective) {
		limit = resultsPerPage
	}
	request := l.text.Get().AbsPath("apis", l.resource.Group, l.resource.Version, l.resource.Resource).
		SetHeader("Accept", runtime.ContentTypeJSON).Param("limit", strconv.Itoa(limit))
	if after != "" {
		request.Param("continue", after)
	}
	answer, err := request.Stream(ctx)
	if err != nil {
		return page{err: err}
	}
	defer func() { _ = answer.Close() }() // what was read is complete, or an error
	into.Reset()
	if _, err := into.ReadFrom(answer); err != nil {
		return page{err: fmt.Errorf("reading a list of %s: %w", l.resource.GroupResource(), err)}
	}
	return outlined(into)
}

// outlined reads what a page says besides its objects.
func outlined(text *bytes.Buffer) page {
	p := page{text: text}
	if p.outline() {
		return p
	}
	if p.whole, p.err = decodeList(text.Bytes()); p.err == nil {
		p.version, p.next = p.whole.GetResourceVersion(), p.whole.GetContinue()
	}
	return p
}

// outline is outlined, and returns false where the general decoder has to do that.
func (p *page) outline() bool {
	r := kubejson.Of(p.text.Bytes())
	lists := 0
	return r.Members(func(key string) bool {
		switch key {
		case "metadata":
			meta, ok := r.Object()
			p.version, _ = meta["resourceVersion"].(string)
			p.next, _ = meta["continue"].(string)
			return ok
		case "items":
			lists++
			r.Next()
			p.items = r.At()
		}
		return r.Skip()
	}) && r.Done() && lists == 1
}

// decodeList is the general way to read a page.
func decodeList(text []byte) (*unstructured.UnstructuredList, error) {
	object, err := runtime.Decode(unstructured.UnstructuredJSONScheme, text)
	if err != nil {
		return nil, fmt.Errorf("reading a list: %w", err)
	}
	list, isList := object.(*unstructured.UnstructuredList)
	if !isList {
		return nil, fmt.Errorf("reading a list: it is a %T", object)
	}
	return list, nil
}

// read adds the objects of a page.
func (l *lister) read(p page) (err error) {
	if p.whole == nil {
		before := len(l.all.Items)
		if l.readPlain(p.text.Bytes()[p.items:]) {
			return nil
		}
		l.all.Items = l.all.Items[:before]
		if p.whole, err = decodeList(p.text.Bytes()); err != nil {
			return err
		}
	}
	for i := range p.whole.Items {
		compact(&p.whole.Items[i], l.kind)
	}
	l.all.Items = append(l.all.Items, p.whole.Items...)
	return nil
}

// readPlain adds the objects of a list.
func (l *lister) readPlain(items []byte) bool {
	r := kubejson.Sharing(items, l.recent)
	return r.Each(func() bool {
		object := map[string]any{}
		if !r.Members(func(key string) (ok bool) {
			switch {
			case key == "metadata":
				object[key], ok = l.metadata(&r)
			case key == "status" && !l.keep.has(keepStatus|keepConditions|keepEffective):
				ok = r.Skip()
			default:
				object[key], ok = r.Value()
			}
			return ok
		}) {
			return false
		}
		u := unstructured.Unstructured{Object: object}
		if u.GetKind() == "" || u.GetAPIVersion() == "" {
			return false // the general decoder knows what the list is of
		}
		compact(&u, l.kind)
		l.all.Items = append(l.all.Items, u)
		return true
	})
}

// metadata reads the metadata of an object. Who wrote which field is half of the text of most objects, and
// only asked of results.
func (l *lister) metadata(r *kubejson.Reader) (map[string]any, bool) {
	metadata := map[string]any{}
	return metadata, r.Members(func(key string) (ok bool) {
		if key == "managedFields" && !l.keep.has(keepEffective) {
			return r.Skip()
		}
		metadata[key], ok = r.Value()
		return ok
	})
}
