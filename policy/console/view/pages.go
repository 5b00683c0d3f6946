package view

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
)

// Limits of an answer.
const (
	// MaxAnswer is the size of an answer, before it is compressed.
	MaxAnswer = 256 << 10
	// PageSize is how many children or rows one answer has at most.
	PageSize = 200
)

// Parameters are the query of an address.
type Parameters struct{ url.Values }

// offset is where a page of a list begins.
func (p Parameters) offset() (int, error) {
	text := p.Get("offset")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, BadRequest("offset is a number from 0 on")
	}
	return n, nil
}

// limit is how many entries a page has, at most PageSize.
func (p Parameters) limit() (int, error) {
	text := p.Get("limit")
	if text == "" {
		return PageSize, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > PageSize {
		return 0, BadRequest("limit is a number from 1 to " + strconv.Itoa(PageSize))
	}
	return n, nil
}

// page returns the entries of a list that a request asks for, as many as there is
// room for. next is where the following page begins, 0 when there is none.
func page[T any](list []T, p Parameters) (part []T, offset, next int, err error) {
	if offset, err = p.offset(); err != nil {
		return nil, 0, 0, err
	}
	limit, err := p.limit()
	if err != nil {
		return nil, 0, 0, err
	}
	offset = min(offset, len(list))
	part = Fit(list[offset:min(offset+limit, len(list))], MaxAnswer-(16<<10))
	if next = offset + len(part); next >= len(list) || len(part) == 0 {
		next = 0
	}
	return part, offset, next, nil
}

// Fit is how many entries of a list an answer has room for, given the size of each
// and of what else is in the answer.
func Fit[T any](list []T, most int) []T {
	if list == nil {
		return []T{} // a list, also in JSON
	}
	size := 0
	for i := range list {
		body, err := Encode(list[i])
		if size += len(body) + 1; err != nil || size > most {
			return list[:i]
		}
	}
	return list
}

// Encode writes JSON as the command does, but without line breaks.
func Encode(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return b.Bytes(), err
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
