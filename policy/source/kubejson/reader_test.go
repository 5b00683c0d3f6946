package kubejson_test

import (
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/json"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/policy/source/kubejson"
)

// agree holds what is read in one pass, with and without strings of other texts, and what is skipped,
// against the general decoder.
func agree(t rapid.TB, text []byte, recent *kubejson.Recent) {
	r := kubejson.Of(text)
	got, read := r.Value()
	read = read && r.Done()
	skipping, sharing := kubejson.Of(text), kubejson.Sharing(text, recent)
	if skipped := skipping.Skip() && skipping.Done(); skipped != read {
		t.Fatalf("%s: read %v, skipped %v", text, read, skipped)
	}
	shared, ok := sharing.Value()
	if ok = ok && sharing.Done(); ok != read {
		t.Fatalf("%s: read %v, read with strings of other texts %v", text, read, ok)
	}
	if !read {
		return
	}
	var want any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatalf("%s is read, and the general decoder refuses it: %v", text, err)
	}
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(shared, want) {
		t.Fatalf("%s is read as\n%#v\n%#v\nwant\n%#v", text, got, shared, want)
	}
}

func values(depth int) *rapid.Generator[any] {
	texts := rapid.OneOf(rapid.StringN(0, 8, -1), rapid.SampledFrom([]string{"", "name", "HTTPRoute", `"`, `\`, "<a&b>", "a\nb\t\x01", "é", "😀", "\u2028", strings.Repeat("long", 20)}))
	kinds := []*rapid.Generator[any]{
		texts.AsAny(), rapid.Int64().AsAny(), rapid.Int64Range(-3, 3).AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
		rapid.Float64Range(-1e30, 1e30).AsAny(), rapid.SampledFrom([]float64{0.5, -2.5e-7, 1e21, 3}).AsAny(),
	}
	if depth > 0 {
		kinds = append(kinds, rapid.SliceOfN(values(depth-1), 0, 4).AsAny(), rapid.MapOfN(texts, values(depth-1), 0, 4).AsAny())
	}
	return rapid.OneOf(kinds...)
}

// What is read in one pass is what the general decoder reads, and what is skipped is what would be read.
func TestOnePassAgreesWithTheGeneralDecoder(t *testing.T) {
	recent := &kubejson.Recent{}
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(values(4).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		agree(t, text, recent)
		if r := kubejson.Of(text); !r.Skip() || !r.Done() {
			t.Fatalf("%s is left to the general decoder", text)
		}
		at := rapid.IntRange(0, len(text)).Draw(t, "at")
		broken := string(text[:at]) + rapid.SampledFrom([]string{"", "{", "}", "]", ",", `"`, `\`, `\u12`, "0", "-", ".", " ", "\x00", "é", "\xff", "null"}).Draw(t, "put in") + string(text[min(len(text), at+rapid.IntRange(0, 2).Draw(t, "left out")):])
		agree(t, []byte(broken), recent)
	})
}

func FuzzOnePass(f *testing.F) {
	for _, text := range []string{`{"a":[1,-2.5e3,"x\u00e9\n",null,true],"a":{}}`, `"\ud83d\ude00"`, `[[[]]]`, ` 12345678901234567890 `, `{"a":01}`, "\"\xff\"", `{"a" : "b" , "c":[ ]}`} {
		f.Add([]byte(text))
	}
	recent := &kubejson.Recent{}
	f.Fuzz(func(t *testing.T, text []byte) { agree(t, text, recent) })
}

// Strings that come again need no memory again, and a reader that shares them keeps nothing of a text.
func TestStringsAreShared(t *testing.T) {
	recent := &kubejson.Recent{}
	read := func(text string) string {
		r := kubejson.Sharing([]byte(text), recent)
		s, ok := r.Value()
		read, isText := s.(string)
		if !ok || !isText {
			t.Fatalf("%s is not read", text)
		}
		return read
	}
	text := []byte(`"team-1"`)
	r := kubejson.Sharing(text, recent)
	first, _ := r.Value()
	copy(text, `"XXXX-9"`)
	if first != "team-1" || read(`"team-1"`) != "team-1" || read(`"team-2"`) != "team-2" {
		t.Errorf("it is %v now", first)
	}
	if n := testing.AllocsPerRun(100, func() {
		again := kubejson.Sharing([]byte(`"team-1"`), recent)
		again.Skip()
	}); n > 1 {
		t.Errorf("a reader takes memory %v times to skip a text", n)
	}
}
