package controlplane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Ports that are handed out are none that the system picks itself, for connections or for who asks for
// any (Linux begins at 32768, others above): what listens may be away for a while, and has to find its
// port again.
const (
	firstPort = 10000
	lastPort  = 32000
)

// handedOut are the ports that this process was given.
var handedOut struct {
	sync.Mutex
	ports map[int]bool
}

// FreePort is a port on which nobody listens, on no address of this machine, and which this process was
// not given before.
func FreePort() (int, error) {
	handedOut.Lock()
	defer handedOut.Unlock()
	if handedOut.ports == nil {
		handedOut.ports = map[int]bool{}
	}
	var taken error
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if handedOut.ports[port] {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(port)))
		if err != nil {
			taken = err
			continue
		}
		handedOut.ports[port] = true
		return port, listener.Close()
	}
	return 0, fmt.Errorf("looking for a free port: %w", errors.Join(taken, errors.New("200 others were taken")))
}

// FreeAddress is such a port of the loopback interface, as host and port.
func FreeAddress() (string, error) {
	port, err := FreePort()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}
