// Package e2e runs the built manager against a real control plane and looks at
// what a user would see: objects, annotations, status.
//
// Every test states what must come true and by when; nothing waits longer than
// it has to. The manager is a process of its own, started from the binary that
// is built once, so that it can be killed like one.
package e2e
