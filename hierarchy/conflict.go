package hierarchy

// claim is what makes listeners on one port distinct (R38). tls never does.
type claim struct {
	port     int32
	protocol string
	// hostname is empty for TCP and UDP, which have nothing to tell
	// connections apart by.
	hostname string
}

func claimOf(spec *ListenerSpec) claim {
	c := claim{port: spec.Port, protocol: spec.Protocol}
	if spec.Protocol != protocolTCP && spec.Protocol != protocolUDP {
		c.hostname = spec.Hostname
	}
	return c
}

// claims are the listeners of one Gateway in merge order that hold a port.
type claims struct{ held ports }

// enter enters the listeners of the next object in merge order, and returns
// the conflict of each (R37). An entry that meets a claim of an earlier object
// loses and claims nothing. Among the rest of one object all members of an
// indistinct group lose; they still hold the port against later objects, for
// otherwise a mistake in a Gateway would hand its port to any tenant.
func (c *claims) enter(specs []ListenerSpec) []string {
	conflicts := make([]string, len(specs))
	var own ports
	for i := range specs {
		entry := claimOf(&specs[i])
		if conflicts[i] = c.held.conflict(entry, 0); conflicts[i] == "" {
			own.add(entry)
		}
	}
	for i := range specs {
		if conflicts[i] == "" {
			entry := claimOf(&specs[i])
			conflicts[i] = own.conflict(entry, 1)
			c.held.add(entry)
		}
	}
	return conflicts
}

// ports are claims, counted.
type ports struct {
	claims map[claim]int
	// tcp and shared are the ports with a TCP listener, and those with a
	// listener of a protocol that shares a port by looking into connections.
	tcp, shared map[int32]bool
}

func (p *ports) add(c claim) {
	if p.claims == nil {
		p.claims, p.tcp, p.shared = make(map[claim]int), make(map[int32]bool), make(map[int32]bool)
	}
	p.claims[c]++
	if c.protocol == protocolTCP {
		p.tcp[c.port] = true
	}
	if overTCP(c.protocol) {
		p.shared[c.port] = true
	}
}

// conflict says how a claim conflicts with those held: not at all (empty),
// HostnameConflict or ProtocolConflict. own is how many of those held are the
// claim itself.
func (p *ports) conflict(c claim, own int) string {
	switch {
	case p.claims[c] > own && (c.protocol == protocolTCP || c.protocol == protocolUDP):
		// There is no hostname that could be in conflict.
		return ProtocolConflict
	case p.claims[c] > own:
		return HostnameConflict
	case c.protocol == protocolTCP && p.shared[c.port], overTCP(c.protocol) && p.tcp[c.port]:
		return ProtocolConflict
	}
	return ""
}

// overTCP says whether listeners of a protocol share a port by looking into
// the connection, which a TCP listener does not do.
func overTCP(protocol string) bool {
	return protocol == protocolHTTP || protocol == protocolHTTPS || protocol == protocolTLS
}
