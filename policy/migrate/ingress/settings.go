package ingress

import "strconv"

// Settings are the annotations of one object that its controller accepts.
type Settings struct {
	// Values are by short name; FullNames has the name as it is written.
	Values    map[string]string
	FullNames map[string]string
	// Namespace is that of the object that states them.
	Namespace string
	// Denied says that its locations answer 503 (M11).
	Denied bool
}

// Text is the value of an annotation, empty when it is not stated.
func (s *Settings) Text(name string) string { return s.Values[name] }

// Has says whether an annotation is stated.
func (s *Settings) Has(name string) bool { return s.Values[name] != "" }

// Bool is a boolean, false when it is not stated.
func (s *Settings) Bool(name string) bool {
	b, err := strconv.ParseBool(s.Values[name])
	return err == nil && b
}

// BoolOr is a boolean, with the value that applies when it is not stated.
func (s *Settings) BoolOr(name string, otherwise bool) bool {
	b, err := strconv.ParseBool(s.Values[name])
	if err != nil {
		return otherwise
	}
	return b
}

// Int is a number, false when it is not stated.
func (s *Settings) Int(name string) (int, bool) {
	n, err := strconv.Atoi(s.Values[name])
	return n, err == nil
}

// Positive is a number of seconds above 0.
func Positive(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0
}
