// Command attache is the manager that runs in a cluster: it answers admission reviews, and keeps
// annotations, EffectivePolicy objects and the status of policies up to date.
//
// It only wires the packages of this module together: flags and the configuration file, logging,
// and the order of startup and shutdown. "attache manager --help" lists the flags.
//
// The signal handling determines the order of the shutdown. On SIGTERM or interrupt, the manager
// reports that it is not ready and continues to serve until the drain delay has passed, so that
// late calls are answered. Then it accepts no new calls, finishes the current ones, and ends the
// rest. A second signal ends the process at once.
package main
