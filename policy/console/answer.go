package console

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/console/view"
)

// failure is an error with an HTTP status.
type failure struct {
	code    int
	message string
}

func (f *failure) Error() string { return f.message }

// refuse answers with an error.
func refuse(w http.ResponseWriter, code int, message string) {
	body, _ := json.Marshal(map[string]string{"error": message}) // encoding a string cannot fail
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n')) // there is nobody to report the error to
}

func fail(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	var own *failure
	var refused *view.Refused
	switch {
	case errors.As(err, &own):
		code = own.code
	case errors.As(err, &refused):
		code = map[view.Reason]int{view.Malformed: http.StatusBadRequest, view.Absent: http.StatusNotFound, view.Forbidden: http.StatusForbidden}[refused.Reason]
	}
	refuse(w, code, err.Error())
}

// answering returns a handler that answers with the result of a function, as JSON.
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

func writeJSON(w http.ResponseWriter, r *http.Request, value any) {
	body, err := view.Encode(value)
	if err != nil {
		fail(w, err)
		return
	}
	if len(body) > view.MaxAnswer {
		refuse(w, http.StatusRequestEntityTooLarge, "the answer has "+strconv.Itoa(len(body)>>10)+
			" KiB, and at most "+strconv.Itoa(view.MaxAnswer>>10)+" are sent: ask for one rule, one listener or one namespace")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Add("Vary", "Accept-Encoding")
	if len(body) < 1<<10 || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		_, _ = w.Write(body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	zipped, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is valid
	_, _ = zipped.Write(body)
	_ = zipped.Close()
}
