package kubejson

import "unicode/utf8"

// Skip reads any value and forgets it. It accepts what Value accepts.
func (r *Reader) Skip() bool {
	switch r.Next() {
	case '{':
		return r.skipObject()
	case '[':
		return r.Each(r.Skip)
	case '"':
		return r.skipString()
	}
	_, ok := r.Value()
	return ok
}

// skipObject is Members without the keys as strings.
func (r *Reader) skipObject() bool {
	if r.depth++; r.depth > maxDepth || !r.takes('{') {
		return false
	}
	for first := true; !r.takes('}'); first = false {
		if !first && !r.takes(',') || r.Next() != '"' || !r.skipString() || !r.takes(':') || !r.Skip() {
			return false
		}
	}
	r.depth--
	return true
}

// skipString is String without the string.
func (r *Reader) skipString() bool {
	r.at++
	begin, plain := r.at, true
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			return plain || utf8.Valid(r.text[begin:r.at-1])
		case c == '\\':
			_, ok := r.escaped(begin)
			return ok
		case c < ' ':
			return false
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	return false
}
