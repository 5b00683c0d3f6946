// Package install installs the chart with Helm on a real API server, runs the manager as the
// Deployments say, and tests what operators rely on: installing, upgrading, rolling back, leaving,
// replacing certificates under load, and rights that are the least that work.
//
// There are no nodes. The tests play the kubelet (a Deployment's or a Pod's container is run with
// its arguments, environment, mounted Secrets and the token of its service account) and the
// endpoint controller (each replica has an EndpointSlice of the Service, which appears and goes with
// a delay). The API server picks an endpoint itself and calls it by the Service's name, as it does
// in a real cluster. What differs is addresses and ports, because all replicas share one machine.
package install
