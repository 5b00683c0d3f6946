package source

import "bytes"

// chunk is the text of one document.
type chunk struct {
	data []byte
	line int // on which it starts, from 1
}

// split cuts a YAML stream into its documents. A line that starts with --- or
// ... ends a document wherever it is, even inside a block scalar, so no parser is
// needed for this. What follows --- on its line belongs to the new document.
// Documents with only comments, directives and blank lines are left out.
func split(data []byte) []chunk {
	var chunks []chunk
	start, line, at := 0, 1, 0
	startLine := 1
	flush := func(end int) {
		if c := trim(chunk{data: data[start:end], line: startLine}); len(c.data) > 0 {
			chunks = append(chunks, c)
		}
	}
	for at < len(data) {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		switch text := data[at:end]; {
		case marker(text, "---"):
			flush(at)
			start, startLine = at+len("---"), line
		case marker(text, "..."):
			flush(at)
			start, startLine = end, line+1
		}
		at = end
		line++
	}
	flush(len(data))
	return chunks
}

// marker reports whether a line is a document marker: the three characters, alone
// or with a space after them.
func marker(line []byte, text string) bool {
	if !bytes.HasPrefix(line, []byte(text)) {
		return false
	}
	rest := line[len(text):]
	return len(rest) == 0 || rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r' || rest[0] == '\n'
}

// trim drops the comments, directives and blank lines at the start of a chunk,
// so that its line is that of its first content.
func trim(c chunk) chunk {
	for len(c.data) > 0 {
		end, whole := len(c.data), true
		if i := bytes.IndexByte(c.data, '\n'); i >= 0 {
			end, whole = i+1, false
		}
		text := bytes.TrimSpace(c.data[:end])
		if len(text) > 0 && text[0] != '#' && text[0] != '%' {
			return c
		}
		c.data = c.data[end:]
		if !whole {
			c.line++
		}
	}
	return c
}
