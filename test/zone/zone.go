package zone

import (
	"context"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Zone is a DNS server on loopback that the process asks instead of the machine's.
type Zone struct {
	mutex     sync.Mutex
	addresses map[string][][4]byte
}

// Serve starts one. Every look-up of this process goes there until the test ends.
func Serve(t testing.TB) *Zone {
	t.Helper()
	z := &Zone{addresses: map[string][][4]byte{}}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go z.serve(socket)
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = socket.Close()
	})
	return z
}

func (z *Zone) serve(socket net.PacketConn) {
	packet := make([]byte, 1024)
	for {
		n, from, err := socket.ReadFrom(packet)
		if err != nil {
			return
		}
		if answer := z.answer(packet[:n]); answer != nil {
			_, _ = socket.WriteTo(answer, from)
		}
	}
}

func (z *Zone) answer(packet []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(packet) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	z.mutex.Lock()
	defer z.mutex.Unlock()
	addresses, known := z.addresses[q.Name.String()]
	if !known {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range addresses {
		if q.Type == dnsmessage.TypeA {
			header := dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 1}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: a}})
		}
	}
	data, err := m.Pack()
	if err != nil {
		return nil
	}
	return data
}

// Leads makes a name lead to addresses.
func (z *Zone) Leads(name string, to ...[4]byte) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.addresses[name+"."] = to
}
