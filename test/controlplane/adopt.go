package controlplane

import "os"

// Adopt makes a process that the caller started one of the control plane's: it
// is killed by Stop at the latest, and when this process ends in whatever way.
// Names are unique; the caller waits for the process.
func (c *ControlPlane) Adopt(name string, process *os.Process) error {
	return c.watchdog.remember(name, process)
}
