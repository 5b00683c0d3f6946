package golden_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/validate"
	"github.com/attache-dev/attache/test/controlplane"
)

// standardChannel in the flags stands for the folder with the CRDs of Gateway
// API's standard channel.
const standardChannel = "$STANDARD"

func expandFlags(t *testing.T, flags string) string {
	t.Helper()
	if !strings.Contains(flags, standardChannel) {
		return flags
	}
	folder, err := controlplane.GatewayAPICRDs("standard")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(flags, standardChannel, folder)
}

// later reads the edits of an archive: a world in which each file after/NAME
// takes the place of NAME.
func later(t *testing.T, before *world) *world {
	t.Helper()
	edits := map[string][]byte{}
	for name, data := range before.files {
		if edited, ok := strings.CutPrefix(name, editsFolder); ok {
			edits[edited] = data
			delete(before.files, name)
		}
	}
	if len(edits) == 0 {
		return nil
	}
	after := &world{folder: t.TempDir(), flags: before.flags, files: map[string][]byte{}, before: before}
	for name, data := range before.files {
		after.files[name] = data
	}
	for name, data := range edits {
		if _, ok := before.files[name]; !ok {
			t.Errorf("%s%s takes the place of nothing", editsFolder, name)
		}
		after.files[name] = data
	}
	after.write(t)
	return after
}

// objects reads the input, with what the flags add to it.
func (w *world) objects(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	var paths []string
	if len(w.files) > 0 {
		paths = append(paths, w.folder)
	}
	for i, f := range w.flags {
		if f == "-f" && i+1 < len(w.flags) {
			paths = append(paths, w.flags[i+1])
		}
	}
	in, err := source.New(paths, source.Options{Recursive: true}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in.Objects()
}

// snapshot is what the engine makes of the input. That of a later world is the
// earlier one, edited, as in a controller.
func (w *world) snapshot(t *testing.T) *policy.Snapshot {
	t.Helper()
	objects := w.objects(t)
	if w.before == nil {
		snapshot, _ := policy.NewSnapshot(policy.Options{
			PlatformNamespaces: w.platformNamespaces(),
			Compile:            func(d crd.Definition) (policy.Validator, error) { return validate.Compile(d) },
		}).With(objects...)
		return snapshot
	}
	left := map[hierarchy.Ref]bool{}
	for _, u := range objects {
		left[hierarchy.RefOf(u)] = true
	}
	var gone []hierarchy.Ref
	for _, u := range w.before.objects(t) {
		if ref := hierarchy.RefOf(u); !left[ref] {
			gone = append(gone, ref)
		}
	}
	snapshot, _ := w.before.snapshot(t).Without(gone...).With(objects...)
	return snapshot
}

// hierarchy lists the listeners, what became of the ListenerSets, and what is
// found about any object.
func (w *world) hierarchy(t *testing.T) []byte {
	t.Helper()
	g := w.snapshot(t).Graph()
	var refs []hierarchy.Ref
	for o := range g.Gateways() {
		refs = append(refs, o.Meta().Ref)
	}
	for o := range g.ListenerSets() {
		refs = append(refs, o.Meta().Ref)
	}
	for o := range g.Routes() {
		if len(g.Findings(o.Meta().Ref)) > 0 {
			refs = append(refs, o.Meta().Ref)
		}
	}
	slices.SortFunc(refs, hierarchy.Compare)
	var b strings.Builder
	for _, ref := range refs {
		b.WriteString(ref.String())
		var listeners []hierarchy.ListenerSpec
		switch o, _ := g.Get(ref); o := o.(type) {
		case *hierarchy.Gateway:
			fmt.Fprintf(&b, ", attachedListenerSets %d", g.AttachedListenerSets(ref))
			listeners = o.Listeners
		case *hierarchy.ListenerSet:
			accepted, reason, message := g.ListenerSetStatus(ref)
			fmt.Fprintf(&b, ", accepted %t, %s: %s", accepted, reason, message)
			listeners = o.Listeners
		}
		b.WriteString("\n")
		for _, spec := range listeners {
			fmt.Fprintf(&b, "  %s\n", listenerText(g, ref.WithSection(spec.Name)))
		}
		for _, finding := range g.Findings(ref) {
			fmt.Fprintf(&b, "  ! %s: %s\n", finding.Field, finding.Message)
		}
	}
	return []byte(b.String())
}

func listenerText(g *hierarchy.Graph, ref hierarchy.Ref) string {
	l, ok := g.Listener(ref)
	if !ok {
		return ref.Section + ": not part of its Gateway"
	}
	kinds := make([]string, len(l.Supported))
	for i, kind := range l.Supported {
		kinds[i] = kind.Kind
	}
	text := fmt.Sprintf("%s: supportedKinds [%s], attachedRoutes %d", ref.Section, strings.Join(kinds, " "), g.AttachedRoutes(ref))
	if l.Conflicted != "" {
		text += ", " + l.Conflicted
	}
	return text
}
