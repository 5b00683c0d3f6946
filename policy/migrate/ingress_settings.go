package migrate

import "strconv"

// settings are what ingress-nginx makes of the annotations of one Ingress.
type settings struct {
	// values are those that the parsers take, by short name; full has the name as it
	// is written.
	values map[string]string
	full   map[string]string
	// namespace is that of the object that states them.
	namespace string
	// denied says that its locations answer 503 (M11).
	denied bool
}

func (s *settings) text(name string) string { return s.values[name] }

func (s *settings) has(name string) bool { return s.values[name] != "" }

func (s *settings) bool(name string) bool {
	b, err := strconv.ParseBool(s.values[name])
	return err == nil && b
}

// boolOr is a boolean with what holds when it is not stated.
func (s *settings) boolOr(name string, otherwise bool) bool {
	b, err := strconv.ParseBool(s.values[name])
	if err != nil {
		return otherwise
	}
	return b
}

// int is a number, false when it is not stated.
func (s *settings) int(name string) (int, bool) {
	n, err := strconv.Atoi(s.values[name])
	return n, err == nil
}

// positive is a number of seconds above 0.
func positive(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0
}
