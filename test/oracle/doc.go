// Package oracle lets Envoy Gateway's own translator judge what is exported to
// it: random worlds with policies of ours, of route owners and of others at every
// level are exported, egctl translates the result into the configuration of Envoy,
// and every field is compared with what was claimed about it.
//
// "make oracle" runs it; without ATTACHE_ORACLE in the environment it is skipped,
// because building egctl takes minutes. ATTACHE_ORACLE_WORLDS is the number of
// worlds (100 if it is not set), ATTACHE_ORACLE_SEED the first seed.
//
// egctl silently drops labels, creation times and ListenerSets, so that selectors,
// ages and ListenerSets are not judged here.
package oracle
