package merge

// AnyKey stands for every key in a path of a Shape.
const AnyKey = "*"

// Shape says which values are not merged field by field (semantics section 2). With the zero Shape,
// all are.
type Shape struct{ marks marks }

// NewShape makes a Shape.
//
// The value at a path in whole is taken as a whole from the strongest layer that has it. The values
// at the paths of one group are taken together: if a layer states one of them, weaker layers
// contribute none of the others. Lists at a path in join are joined under strategy Patch, the
// established one's entries first. Paths may have AnyKey as a key; the paths of one group only
// differ in their last key.
func NewShape(whole [][]string, groups [][][]string, join [][]string) Shape {
	var s Shape
	for _, path := range whole {
		s.marks = append(s.marks, mark{path: path, what: wholeMark})
	}
	for _, names := range groups {
		n := shared(names)
		m := mark{path: names[0][:n], what: groupMark}
		for _, name := range names {
			m.names = append(m.names, name[n:])
		}
		s.marks = append(s.marks, m)
	}
	for _, path := range join {
		s.marks = append(s.marks, mark{path: path, what: joinMark})
	}
	return s
}

// shared returns the number of leading keys that all names have in common, leaving at least one
// key.
func shared(names [][]string) int {
	n := len(names[0]) - 1
	for _, name := range names[1:] {
		n = min(n, len(name)-1)
		for i := range n {
			if name[i] != names[0][i] {
				n = i
				break
			}
		}
	}
	return max(n, 0)
}

// mark is one statement of a Shape about a path.
type mark struct {
	path  []string
	what  markKind
	names [][]string // of a group, from the path on
}

type markKind uint8

const (
	wholeMark markKind = iota
	groupMark
	joinMark
)

// marks are the statements of a Shape below some path.
type marks []mark

// under returns the statements below a key.
func (m marks) under(key string) marks {
	var inner marks
	for _, mark := range m {
		if len(mark.path) > 0 && (mark.path[0] == key || mark.path[0] == AnyKey) {
			mark.path = mark.path[1:]
			inner = append(inner, mark)
		}
	}
	return inner
}

// here reports whether there is a statement of some kind about exactly this path.
func (m marks) here(what markKind) bool {
	for i := range m {
		if m[i].what == what && len(m[i].path) == 0 {
			return true
		}
	}
	return false
}

// groups yields the names of the groups that begin at this path.
func (m marks) groups(yield func([][]string) bool) {
	for i := range m {
		if m[i].what == groupMark && len(m[i].path) == 0 && !yield(m[i].names) {
			return
		}
	}
}
