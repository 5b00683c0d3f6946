package conformance

import (
	"net"
	"strconv"
	"syscall"
	"time"
)

// deafAddress is an address at which connections are not answered: a socket that
// listens, with a queue that is full.
func deafAddress() (address string, release func(), err error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	release = func() { _ = syscall.Close(socket) }
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", release, err
	}
	if err := syscall.Listen(socket, 0); err != nil {
		return "", release, err
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		return "", release, err
	}
	address = "127.0.0.1:" + strconv.Itoa(name.(*syscall.SockaddrInet4).Port)
	var waiting []net.Conn
	for {
		c, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			break // as is wanted: nobody answers any more
		}
		waiting = append(waiting, c)
	}
	return address, func() { //nolint:nilerr // a call that is not answered is what was wanted
		for _, c := range waiting {
			_ = c.Close()
		}
		_ = syscall.Close(socket)
	}, nil
}
