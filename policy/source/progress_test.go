package source_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/attache-dev/attache/policy/source"
)

func TestProgressComesToTheEnd(t *testing.T) {
	text := strings.Repeat("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n", 7)
	var mu sync.Mutex
	seen := map[int]bool{}
	options := source.Options{Stdin: strings.NewReader(text), Progress: func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if total != 7 || done < 1 || done > total || seen[done] {
			t.Errorf("%d of %d is said", done, total)
		}
		seen[done] = true
	}}
	if _, err := source.New([]string{"-"}, options).Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 7 {
		t.Errorf("%d of 7 steps are said", len(seen))
	}
}
