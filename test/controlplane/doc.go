// Package controlplane runs a real Kubernetes control plane for tests and
// demonstrations: etcd and kube-apiserver, and on demand the controllers for
// garbage collection and namespaces. There are no nodes, so no pod ever runs.
//
// Admission, defaulting, CEL validation, RBAC, server-side apply, watches and
// status are therefore the real ones, and mistakes that a fake client would let
// pass are found. It uses controller-runtime's envtest, which starts the
// processes and installs CRDs and webhook configurations. This package adds the
// programs, the controllers, and the guarantee that nothing is left behind.
//
//	func TestMain(m *testing.M) {
//		crds, err := controlplane.GatewayAPICRDs("standard")
//		…
//		os.Exit(controlplane.Main(m, controlplane.Options{CRDs: []string{crds}}))
//	}
//
//	func TestRoutes(t *testing.T) {
//		plane := controlplane.Shared(t)
//		namespace := plane.NewNamespace(t)
//		…
//	}
//
// controller-runtime complains on standard error, once, when a process that uses
// it sets no logger for a while: call its log.SetLogger in TestMain or main.
//
// # Where the programs come from
//
// The script prepare.sh in this folder finds or makes them and says on standard
// error what it does. In this order: the folder in KUBEBUILDER_ASSETS; the
// user's cache folder; a download by setup-envtest, given up after a minute and
// left out when ATTACHE_CONTROLPLANE_NO_DOWNLOAD is set; a build from the
// published sources with the nested module in tools, which needs only Go, git and
// a module proxy. setup-envtest offers no kube-controller-manager, so that
// one program is built when [Options].ControllerManager asks for it and it is
// not there yet. With KUBEBUILDER_ASSETS nothing is ever added to the folder: a
// program that is missing there is an error that names it.
//
// To move to another Kubernetes version, change k8s.io/kubernetes and the
// version that replaces its staging modules in tools/go.mod, and run
// "go mod tidy" there: the cache folder's name contains a hash of the module
// files, so the next run builds again. Older folders are not removed.
//
// # Figures
//
// Measured on two cores of an x86-64 Linux machine, Kubernetes 1.37.2 and etcd
// 3.7.3:
//
//   - building all four programs with nothing compiled before: 6 minutes 17
//     seconds on the otherwise idle machine, 9 minutes 15 seconds while others
//     worked on it; linking again what is in Go's build cache: 26 seconds;
//   - giving up a download without a network: 15 seconds, most of it for
//     compiling setup-envtest; answering from the cache: under 0.1 seconds;
//   - on disk: 298 MB of programs; Go's build cache had 4 GB afterwards, which
//     are only needed to build again;
//   - starting: 3 to 5 seconds for a bare control plane, 5 to 8 with the CRDs of
//     Gateway API, at most a second more with the controller manager; stopping:
//     0.1 to 0.25 seconds.
//
// # Invariants
//
//   - Nothing outlives the process that started it, however that ends: a small
//     watchdog process kills what is left and removes the data.
//   - All files are below one temporary folder, which [ControlPlane.Stop]
//     removes. (Exception: the webhook serving certificates, whose folder
//     envtest chooses; it is removed as well.)
//   - A user's own cluster is never touched: kubeconfig files and the variable
//     USE_EXISTING_CLUSTER are ignored.
//   - Gateway API's manifests are read from the module that go.mod pins, and
//     never copied.
//
// # What it must not do
//
// It must not import any other package of ours, so that every package's tests
// can use it; it must not be imported by anything that ships; it must not wait
// by sleeping; and it must not change what an API server does by default,
// except that the ServiceAccount admission plugin is off, as in all of envtest,
// because without its controller no namespace would have the default account.
//
// It works on Linux and macOS: it needs a POSIX shell.
package controlplane
