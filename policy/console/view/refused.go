package view

// Reason is why a question is not answered.
type Reason int

const (
	// Malformed questions cannot be understood.
	Malformed Reason = iota
	// Absent says that what the question names does not exist.
	Absent
	// Forbidden says that the answer depends on objects that the reader is not permitted to list.
	Forbidden
)

// Refused is the error of a question that is not answered.
type Refused struct {
	Reason  Reason
	message string
}

func (e *Refused) Error() string { return e.message }

// NotFound refuses a question about something that does not exist.
func NotFound(message string) error { return &Refused{Absent, message} }

// BadRequest refuses a question that cannot be understood.
func BadRequest(message string) error { return &Refused{Malformed, message} }

// NotKnown answers a question to which published objects have no answer.
func NotKnown() error {
	return &Refused{Forbidden, "not known with your rights: it depends on objects that you may not list"}
}
