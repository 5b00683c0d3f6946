// Package oracle lets Envoy Gateway's own translator judge what is exported to
// it: random worlds with policies of ours, of route owners and of strangers at
// every level are exported, the result is translated by egctl into the
// configuration of Envoy, and every field is compared with what was claimed of it.
//
// "make oracle" runs it; without ATTACHE_ORACLE in the environment it is left
// out, because building egctl takes minutes. ATTACHE_ORACLE_WORLDS says how many
// worlds (100 if it is not set), ATTACHE_ORACLE_SEED where to begin.
//
// egctl drops labels, creation times and ListenerSets without a word, so that
// selectors, ages and ListenerSets are not judged here.
package oracle
