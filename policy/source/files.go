package source

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/validate"
)

// Options say how to read.
type Options struct {
	// Recursive also reads the folders inside a folder.
	Recursive bool
	// Namespace is the namespace of objects that do not name theirs. The default
	// is "default".
	Namespace string
	// Strict refuses what would be skipped: documents that are not objects of a
	// known kind.
	Strict bool
	// Undefined are kinds that are read without a CRD: nothing is known of their
	// fields, and everything is permitted. A CRD in the input takes precedence.
	Undefined []kschema.GroupKind
	// Definitions are further CRDs by which objects are checked. They take
	// precedence over those in the binary, and those in the input take precedence
	// over them.
	Definitions []*unstructured.Unstructured
	// KeepRefused returns what a server would refuse in Input.Refused, instead of
	// failing.
	KeepRefused bool
	// Stdin is read for the path "-".
	Stdin io.Reader
	// Limits bound what is read.
	Limits Limits
	// Progress is called with the number of objects that are checked and of all
	// objects; checking is most of the work. Several goroutines call it, and it
	// must return quickly.
	Progress func(done, total int)
}

// Files reads manifests from files and folders.
type Files struct {
	paths   []string
	options Options
}

// New returns the manifests at the given paths: files of any name, folders of
// *.yaml, *.yml and *.json files, and "-" for standard input. Nothing is read
// yet.
func New(paths []string, options Options) *Files {
	options.Limits = options.Limits.withDefaults()
	if options.Namespace == "" {
		options.Namespace = "default"
	}
	return &Files{paths: slices.Clone(paths), options: options}
}

// Input is what was read.
type Input struct {
	// Documents are the objects, defaulted and validated, in the order of the
	// input. Equal parts of objects are the same in memory: change a copy.
	Documents []Document
	// Schemas holds the CRDs by which the objects were defaulted and validated:
	// built-in ones, and those of the input.
	Schemas *validate.Registry
	// StandIns are the CRDs in Schemas that replace CRDs which the input lacks
	// (Options.Undefined).
	StandIns []*unstructured.Unstructured
	// Refused are the objects that a server would refuse, as they are written,
	// and Problems says why. They are not in Documents. Both are empty unless
	// Options.KeepRefused is set.
	Refused  []Document
	Problems []Problem
	// Unknown are objects of kinds without a CRD, as they are written. They are
	// not in Documents.
	Unknown []Document
	// PassedOver are the documents that no result depends on, each with the
	// reason. Unknown objects are among them.
	PassedOver []Problem
	// Unbuilt are the folders of kustomizations that use other folders: the
	// objects that they would build from them are not read.
	Unbuilt []string
}

// Objects returns the CRDs by which the input was checked, and then the other
// objects of the input.
func (in *Input) Objects() []*unstructured.Unstructured {
	out := in.Schemas.CRDs()
	for _, d := range in.Documents {
		if !crd.Is(d.Object) {
			out = append(out, d.Object)
		}
	}
	return out
}

// Read reads everything. An error is an [*Error] unless ctx has ended.
func (f *Files) Read(ctx context.Context) (*Input, error) {
	r := newReader(f.options)
	for _, path := range f.paths {
		r.path(ctx, path)
	}
	r.decode(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in, problems := prepare(ctx, r.documents, f.options)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in.Unbuilt = slices.Compact(slices.Sorted(slices.Values(r.unbuilt)))
	problems = append(r.problems, problems...)
	passed, refused := f.settlePassed(append(r.passed, in.PassedOver...), r.named, slices.Concat(in.Documents, in.Refused))
	in.PassedOver, problems = passed, append(problems, refused...)
	if f.options.KeepRefused {
		in.Problems = slices.DeleteFunc(slices.Clone(problems), func(p Problem) bool { return !p.Refused })
		sortProblems(in.Problems)
		problems = slices.DeleteFunc(problems, func(p Problem) bool { return p.Refused })
	}
	if err := failure(problems); err != nil {
		return nil, err
	}
	return in, nil
}

// Decode reads everything as it is written: objects are neither defaulted nor
// validated, and duplicates are not looked for. An error is an [*Error] unless ctx
// has ended.
func (f *Files) Decode(ctx context.Context) ([]Document, error) {
	r := newReader(f.options)
	for _, path := range f.paths {
		r.path(ctx, path)
	}
	r.decode(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	_, refused := f.settlePassed(r.passed, r.named, r.documents)
	if err := failure(append(r.problems, refused...)); err != nil {
		return nil, err
	}
	return r.documents, nil
}

// reader goes through the paths once, and then decodes what it has read.
type reader struct {
	options   Options
	texts     []text
	documents []Document
	problems  []Problem
	passed    []Problem
	bytes     int
	full      bool            // a limit of the whole input is reached
	seen      map[string]bool // real paths, so that a loop of links ends
	named     map[string]bool // files that were named themselves
	// What kustomizations say about the files beside them, and their own paths.
	namespaces     map[string]string
	patches        map[string]bool
	kustomizations map[string]bool
	unbuilt        []string
	// simple says what kustomizations do that are followed completely, by file.
	simple map[string]string
	// namespace is the namespace of objects under the current path that do not
	// name theirs.
	namespace string
}

func newReader(options Options) *reader {
	return &reader{
		options: options, seen: map[string]bool{}, named: map[string]bool{},
		namespaces: map[string]string{}, patches: map[string]bool{}, kustomizations: map[string]bool{}, simple: map[string]string{},
	}
}

func (r *reader) path(ctx context.Context, path string) {
	path, r.namespace = cutNamespace(path)
	if path == "-" {
		r.named[path] = true
		if r.options.Stdin == nil {
			r.fail(path, errors.New("there is no standard input to read"))
			return
		}
		r.read(ctx, path, r.options.Stdin)
		return
	}
	// Stat reports a loop of links to each other as an error.
	stat, err := os.Stat(path)
	switch {
	case err != nil:
		r.fail(path, err)
	case stat.IsDir():
		before, problems := len(r.seen), len(r.problems)
		r.folder(ctx, path)
		if len(r.seen) == before+1 && len(r.problems) == problems && len(r.kustomizations) == 0 {
			message := "the folder has no *.yaml, *.yml or *.json files"
			if !r.options.Recursive {
				message += "; to read the folders inside it too, use -R"
			}
			r.problems = append(r.problems, Problem{File: path, Message: message})
		}
	default:
		r.named[path] = true
		r.file(ctx, path)
	}
}

// cutNamespace reads PATH@NAMESPACE: the namespace of objects under the path that
// do not name theirs. A path that exists with its @ is read as a path.
func cutNamespace(path string) (bare, namespace string) {
	at := strings.LastIndexByte(path, '@')
	if at <= 0 || len(validation.IsDNS1123Label(path[at+1:])) > 0 {
		return path, ""
	}
	if _, err := os.Stat(path); err == nil {
		return path, ""
	}
	return path[:at], path[at+1:]
}

// folder reads the manifests of one folder in the order of their names.
// Folders to which several links lead are read once.
func (r *reader) folder(ctx context.Context, path string) {
	if r.again(path) {
		return
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		r.fail(path, err)
		return
	}
	r.kustomize(path, entries)
	for _, e := range entries {
		name := filepath.Join(path, e.Name())
		if r.full || ctx.Err() != nil {
			return
		}
		dir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			stat, err := os.Stat(name)
			if err != nil {
				if manifest(name) {
					r.fail(name, err)
				}
				continue
			}
			dir = stat.IsDir()
		}
		switch {
		case dir && r.options.Recursive:
			r.folder(ctx, name)
		case !dir && manifest(name):
			r.file(ctx, name)
		}
	}
}

func manifest(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// again reports whether a path was read before, under any name, and records it.
func (r *reader) again(path string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path // a pipe has no real path
	}
	if abs, err := filepath.Abs(real); err == nil {
		real = abs
	}
	if r.seen[real] {
		return true
	}
	r.seen[real] = true
	return false
}

func (r *reader) file(ctx context.Context, path string) {
	if r.full || ctx.Err() != nil || r.again(path) {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		r.fail(path, err)
		return
	}
	defer func() { _ = f.Close() }() // only read from
	r.read(ctx, path, f)
}

func (r *reader) read(ctx context.Context, name string, from io.Reader) {
	if r.full || ctx.Err() != nil {
		return
	}
	left := r.options.Limits.Total - r.bytes
	data, err := io.ReadAll(io.LimitReader(from, int64(left)+1))
	if err != nil {
		r.fail(name, err)
		return
	}
	if len(data) > left {
		r.stop(name, "the whole input has more than "+size(r.options.Limits.Total)+", the limit: give fewer files at once")
		return
	}
	r.bytes += len(data)
	r.texts = append(r.texts, text{
		data: data, place: r.placeOf(name),
		decoder: &decoder{file: name, limits: r.options.Limits, lenient: !r.named[name]},
	})
}

// stop reports a limit of the whole input, once.
func (r *reader) stop(name, message string) {
	r.full = true
	r.problems = append(r.problems, Problem{File: name, Message: message})
}

func (r *reader) fail(name string, err error) {
	message := err.Error()
	var path *fs.PathError
	if errors.As(err, &path) {
		message = path.Err.Error() // the path is said already
	}
	r.problems = append(r.problems, Problem{File: name, Message: message, Err: err})
}
