package hierarchy

import "maps"

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
	own := make(ports, len(specs))
	for i := range specs {
		entry := claimOf(&specs[i])
		if conflicts[i] = c.held.conflict(entry, 0); conflicts[i] == "" {
			own.add(entry)
		}
	}
	for i := range specs {
		if conflicts[i] == "" {
			conflicts[i] = own.conflict(claimOf(&specs[i]), 1)
		}
	}
	if c.held == nil {
		c.held = own
	} else {
		maps.Copy(c.held, own)
	}
	return conflicts
}

// ports are claims, counted.
type ports map[claim]int

// sharing is the claim that every listener makes that shares its port by
// looking into connections, which is what a TCP listener conflicts with.
func sharing(port int32) claim { return claim{port: port, protocol: "over TCP"} }

func (p ports) add(c claim) {
	p[c]++
	if overTCP(c.protocol) {
		p[sharing(c.port)]++
	}
}

// conflict says how a claim conflicts with those held: not at all (empty),
// HostnameConflict or ProtocolConflict. own is how many of those held are the
// claim itself.
func (p ports) conflict(c claim, own int) string {
	switch {
	case p[c] > own && (c.protocol == protocolTCP || c.protocol == protocolUDP):
		// There is no hostname that could be in conflict.
		return ProtocolConflict
	case p[c] > own:
		return HostnameConflict
	case c.protocol == protocolTCP && p[sharing(c.port)] > 0,
		overTCP(c.protocol) && p[claim{port: c.port, protocol: protocolTCP}] > 0:
		return ProtocolConflict
	}
	return ""
}

// overTCP says whether listeners of a protocol share a port by looking into
// the connection, which a TCP listener does not do.
func overTCP(protocol string) bool {
	return protocol == protocolHTTP || protocol == protocolHTTPS || protocol == protocolTLS
}
