// Package ext stands for the module of the same path that Traefik's go.mod
// replaces by a folder of its repository. The published module has no such
// folder. Its two types extend the dynamic configuration, with nothing.
package ext

// HTTP extends the HTTP configuration.
type HTTP struct{}

// Router extends a router.
type Router struct{}
