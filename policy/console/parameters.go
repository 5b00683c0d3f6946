package console

import (
	"net/url"
	"strconv"
)

// parameters are what stands behind the question mark.
type parameters struct{ url.Values }

// offset is where a page of a list begins.
func (p parameters) offset() (int, error) {
	text := p.Get("offset")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, badRequest("offset is a number from 0 on")
	}
	return n, nil
}

// limit is how many entries a page has, at most PageSize.
func (p parameters) limit() (int, error) {
	text := p.Get("limit")
	if text == "" {
		return PageSize, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > PageSize {
		return 0, badRequest("limit is a number from 1 to " + strconv.Itoa(PageSize))
	}
	return n, nil
}

// page cuts the entries out of a list that a request asks for, as many as there is
// room for. next is where the page after it begins, 0 when there is none.
func page[T any](list []T, p parameters) (part []T, offset, next int, err error) {
	if offset, err = p.offset(); err != nil {
		return nil, 0, 0, err
	}
	limit, err := p.limit()
	if err != nil {
		return nil, 0, 0, err
	}
	offset = min(offset, len(list))
	part = fit(list[offset:min(offset+limit, len(list))], MaxAnswer-(16<<10))
	if next = offset + len(part); next >= len(list) || len(part) == 0 {
		next = 0
	}
	return part, offset, next, nil
}
