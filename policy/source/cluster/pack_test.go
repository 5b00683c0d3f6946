package cluster

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is packed comes out as it was, before there is a dictionary and with one.
func TestPackedTextsComeOutAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p packer
		type kept struct {
			text string
			packed
		}
		var all []kept
		for range rapid.IntRange(1, 40).Draw(t, "texts") {
			word := rapid.StringN(0, 40, -1).Draw(t, "word")
			text := strings.Repeat(word, rapid.SampledFrom([]int{0, 1, 3, 40, 2000}).Draw(t, "times")) + rapid.String().Draw(t, "rest")
			all = append(all, kept{text, p.pack([]byte(text))})
		}
		for _, k := range all {
			if got := string(k.unpack()); got != k.text {
				t.Fatalf("%q comes out as %q", k.text, got)
			}
		}
	})
}

// Results that say nearly the same take little each.
func TestSimilarTextsTakeLittle(t *testing.T) {
	var p packer
	text := func(i int) []byte {
		var b strings.Builder
		for line := range 100 {
			fmt.Fprintf(&b, "route-%d in namespace team-%d, what the policies of line %d come to, from %x.", i, i/10, line, line*line*line)
		}
		return []byte(b.String())
	}
	var last packed
	for i := range 20 {
		last = p.pack(text(i))
	}
	if len(last.data) > len(text(19))/8 {
		t.Errorf("a text of %d bytes takes %d", len(text(19)), len(last.data))
	}
	if string(last.unpack()) != string(text(19)) {
		t.Error("it comes out as another one")
	}
}
