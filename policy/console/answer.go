package console

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// failure is an answer that is not what was asked for.
type failure struct {
	code    int
	message string
}

func (f *failure) Error() string { return f.message }

func notFound(message string) error   { return &failure{http.StatusNotFound, message} }
func badRequest(message string) error { return &failure{http.StatusBadRequest, message} }

// refuse answers with an error.
func refuse(w http.ResponseWriter, code int, message string) {
	body, _ := json.Marshal(map[string]string{"error": message}) // a text always encodes
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n')) // to nobody, if not to the reader
}

func fail(w http.ResponseWriter, err error) {
	var f *failure
	if errors.As(err, &f) {
		refuse(w, f.code, f.message)
		return
	}
	refuse(w, http.StatusInternalServerError, err.Error())
}

// answering answers with what a function returns, as JSON.
func (h *Handler) answering(answer func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		version := h.version(r)
		tag := strconv.Quote(version)
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		value, err := answer(r)
		if err != nil {
			fail(w, err)
			return
		}
		writeJSON(w, r, value)
	})
}

// encode is JSON as the command writes it, without line breaks.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return b.Bytes(), err
}

func writeJSON(w http.ResponseWriter, r *http.Request, value any) {
	body, err := encode(value)
	if err != nil {
		fail(w, err)
		return
	}
	if len(body) > MaxAnswer {
		refuse(w, http.StatusRequestEntityTooLarge, "the answer has "+strconv.Itoa(len(body)>>10)+
			" KiB, and at most "+strconv.Itoa(MaxAnswer>>10)+" are sent: ask for one rule, one listener or one namespace")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Add("Vary", "Accept-Encoding")
	if len(body) < 1<<10 || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		_, _ = w.Write(body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	zipped, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is one
	_, _ = zipped.Write(body)
	_ = zipped.Close()
}

// fit is how many of a list's entries an answer has room for, given how large
// each is and what else is in it.
func fit[T any](list []T, most int) []T {
	if list == nil {
		return []T{} // a list, also in JSON
	}
	size := 0
	for i := range list {
		body, err := encode(list[i])
		if size += len(body) + 1; err != nil || size > most {
			return list[:i]
		}
	}
	return list
}
