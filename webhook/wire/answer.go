package wire

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Answer writes an AdmissionReview with a response. A response that refuses is written in the general way.
func Answer(r *admissionv1.AdmissionResponse) ([]byte, error) {
	if r.Result != nil {
		return json.Marshal(&admissionv1.AdmissionReview{
			TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
			Response: r,
		})
	}
	room := 256 + len(r.Patch)*4/3
	for _, w := range r.Warnings {
		room += len(w) + 16
	}
	for key, value := range r.AuditAnnotations {
		room += len(key) + len(value) + 16
	}
	b := append(make([]byte, 0, room), `{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","response":{"uid":`...)
	b = AppendText(b, string(r.UID))
	b = strconv.AppendBool(append(b, `,"allowed":`...), r.Allowed)
	if len(r.Patch) > 0 {
		b = base64.StdEncoding.AppendEncode(append(b, `,"patch":"`...), r.Patch)
		b = append(b, '"')
	}
	if r.PatchType != nil {
		b = AppendText(append(b, `,"patchType":`...), string(*r.PatchType))
	}
	if len(r.AuditAnnotations) > 0 {
		b = append(b, `,"auditAnnotations":{`...)
		for i, key := range slices.Sorted(maps.Keys(r.AuditAnnotations)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendText(append(AppendText(b, key), ':'), r.AuditAnnotations[key])
		}
		b = append(b, '}')
	}
	if len(r.Warnings) > 0 {
		b = append(b, `,"warnings":`...)
		for i, w := range r.Warnings {
			b = AppendText(append(b, "[,"[min(i, 1)]), w)
		}
		b = append(b, ']')
	}
	return append(b, "}}"...), nil
}

// AppendText writes a text in JSON. Package json writes those with characters that are out of the ordinary.
func AppendText(b []byte, text string) []byte {
	start := 0
	out := append(b, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			out = append(append(out, text[start:i]...), '\\', c)
			start = i + 1
		case c < ' ' || c >= 0x7f:
			whole, err := json.Marshal(text)
			if err != nil {
				whole = []byte(`""`) // no text fails
			}
			return append(b, whole...)
		}
	}
	return append(append(out, text[start:]...), '"')
}
