package source

import "fmt"

// Limits bound what is read. A zero field means its default.
type Limits struct {
	// Object is the size of one object as JSON, in bytes. The default, 1.5 MiB,
	// is what etcd takes in one request: a larger object cannot exist.
	Object int
	// Document is the size of one document as written, in bytes. The default is
	// 64 MiB, since a document may be a List of many objects.
	Document int
	// Total is the size of the whole input, in bytes. The default is 512 MiB.
	Total int
	// Documents is the number of objects in the whole input. The default is
	// 100,000.
	Documents int
}

const mebibyte = 1 << 20

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&l.Object, mebibyte*3/2)
	set(&l.Document, 64*mebibyte)
	set(&l.Total, 512*mebibyte)
	set(&l.Documents, 100_000)
	return l
}

// size writes a number of bytes for people.
func size(bytes int) string {
	switch {
	case bytes >= mebibyte:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/mebibyte)
	case bytes >= 1024:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/1024)
	default:
		return fmt.Sprintf("%d bytes", bytes)
	}
}
