package annotation

import (
	"slices"
	"strconv"
)

// Failure is how a try ended that has no answer.
type Failure int

// The failures of a try.
const (
	// Answered is none: there is a status code.
	Answered Failure = iota
	// NotConnected is a connection that could not be established.
	NotConnected
	// Reset is a connection that ended before the answer, or broke.
	Reset
	// Refused is a stream that an HTTP/2 backend refused.
	Refused
	// TimedOut is a try that took too long.
	TimedOut
)

// Outcome is how one try of a request ended.
type Outcome struct {
	Failure Failure
	// Code is the status code, or the one that the client would get.
	Code int
	// GRPC is the header grpc-status of a gRPC call that ends without a body.
	GRPC string
}

var grpcStatus = map[string]string{"cancelled": "1", "deadline-exceeded": "4", "resource-exhausted": "8", "internal": "13", "unavailable": "14"}

// Again says whether a try that ended so is one to try again.
func (r *Retries) Again(o Outcome) bool {
	return slices.ContainsFunc(r.On, func(on string) bool {
		switch on {
		case "5xx":
			return o.Failure != Answered || o.Code >= 500
		case "gateway-error":
			return o.Failure != Answered || o.Code >= 502 && o.Code <= 504
		case "connect-failure":
			return o.Failure == NotConnected
		case "reset":
			return o.Failure == Reset || o.Failure == Refused || o.Failure == TimedOut
		case "refused-stream":
			return o.Failure == Refused
		case "retriable-4xx":
			return o.Code == 409
		}
		return o.GRPC != "" && o.GRPC == grpcStatus[on] || on == strconv.Itoa(o.Code)
	})
}
