// Package gitops tests what docs/gitops.md says: the health of our kinds as Argo CD and Flux compute
// it, and that rendering the chart twice gives the same.
package gitops
