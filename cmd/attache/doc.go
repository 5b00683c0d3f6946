// Command attache is the manager that runs in a cluster: it answers admission
// reviews, and keeps annotations, EffectivePolicy objects and the status of
// policies true.
//
// It wires the packages of this module together and holds nothing else: flags
// and their twin, the configuration file; logging; the order of starting and
// ending. "attache manager --help" lists the flags.
//
// The order of ending is the point of the signal handling. On SIGTERM or
// interrupt the manager says that it is not ready and goes on serving until the
// drain delay has passed, so that whoever still calls it is answered; then it
// takes no new calls, finishes those that it has, and ends the rest. A second
// signal ends the process at once.
package main
