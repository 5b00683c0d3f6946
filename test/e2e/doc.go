// Package e2e runs the built manager against a real control plane and checks what
// a user would see: objects, annotations and status.
//
// Every test states what must become true and by when; nothing waits longer than
// it has to. The manager is a separate process, started from a binary that is built
// once, so that it can be killed.
package e2e
