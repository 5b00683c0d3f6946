package source

import (
	"cmp"
	"maps"
	"slices"
)

// Whatever a folder holds besides manifests is skipped (api.md section 5): values
// files, workflows, kustomizations, encrypted files, templates, and objects of
// kinds without a definition. A file that is named itself is expected to hold
// manifests, so what cannot be read in it is a problem.

// pass records a document that no result depends on.
func (d *decoder) pass(c chunk, item int, message string) {
	d.passed = append(d.passed, Problem{File: d.file, Document: d.index, Item: item, Line: c.line, Message: message})
}

// isEncrypted reports whether a document was encrypted by SOPS: its values have no
// meaning.
func isEncrypted(object map[string]any) bool {
	sops, isObject := object["sops"].(map[string]any)
	return isObject && (sops["mac"] != nil || sops["lastmodified"] != nil)
}

// isManifest reports whether an object without a kind or an apiVersion was meant to
// have them: it has a name where manifests have one.
func isManifest(object map[string]any) bool {
	metadata, isObject := object["metadata"].(map[string]any)
	if !isObject {
		return false
	}
	_, named := metadata["name"]
	return named
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// settlePassed decides which of the skipped documents are problems after all: all
// of them when strict or when nothing is read at all, and those of a file that was
// named itself and has nothing else that is read.
func (f *Files) settlePassed(passed []Problem, named map[string]bool, read []Document) (kept, problems []Problem) {
	holds := map[string]bool{}
	for _, d := range read {
		holds[d.File] = true
	}
	for _, p := range passed {
		if f.options.Strict || len(read) == 0 || named[p.File] && !holds[p.File] {
			problems = append(problems, p)
			continue
		}
		kept = append(kept, p)
	}
	slices.SortStableFunc(kept, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), a.Document-b.Document, a.Item-b.Item)
	})
	return kept, problems
}
