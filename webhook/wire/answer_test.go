package wire_test

import (
	"encoding/json"
	"reflect"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/webhook/wire"
)

// TestAnswersReadAsThoseWrittenInTheGeneralWay: who decodes an answer gets the same.
func TestAnswersReadAsThoseWrittenInTheGeneralWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &admissionv1.AdmissionResponse{UID: types.UID(texts().Draw(t, "uid")), Allowed: rapid.Bool().Draw(t, "allowed")}
		if rapid.Bool().Draw(t, "patches") {
			r.Patch, r.PatchType = rapid.SliceOf(rapid.Byte()).Draw(t, "patch"), new(admissionv1.PatchTypeJSONPatch)
		}
		r.Warnings = rapid.SliceOfN(texts(), 0, 3).Draw(t, "warnings")
		r.AuditAnnotations = rapid.MapOfN(texts(), texts(), 0, 3).Draw(t, "audit")
		if rapid.IntRange(0, 4).Draw(t, "refuses") == 0 {
			r.Result = &metav1.Status{Status: metav1.StatusFailure, Message: texts().Draw(t, "message")}
		}
		general, err := json.Marshal(&admissionv1.AdmissionReview{TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Response: r})
		if err != nil {
			t.Fatal(err)
		}
		written, err := wire.Answer(r)
		if err != nil {
			t.Fatal(err)
		}
		var got, want admissionv1.AdmissionReview
		if err := json.Unmarshal(written, &got); err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if err := json.Unmarshal(general, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s, want %s", written, general)
		}
	})
}

// FuzzAppendText: every text is read as package json reads what it wrote.
func FuzzAppendText(f *testing.F) {
	for _, text := range []string{"", `"`, `\`, "\x00", "é", "\xff", "a\"b\\c", "\x7f", "\u2028"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		general, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var got, want string
		if err := json.Unmarshal(wire.AppendText(nil, text), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(general, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q is read as %q", text, got)
		}
	})
}
