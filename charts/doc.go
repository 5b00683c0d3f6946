// Package charts renders the Helm chart of attache with Helm's own engine.
//
// # Purpose
//
// The chart is the one place that says what is installed on a cluster. Tests and
// the demonstration, which have an API server but no Helm, get the very same
// objects from here, the webhook configurations above all.
//
// # Invariants
//
//   - Rendering reads nothing but the chart and the values: there is no cluster,
//     so every rendering is a first installation.
//   - The chart's copies of the CRDs are what the folder crds has. A test fails
//     when they are not; "go generate ./charts" copies them.
//
// # What it must not do
//
// Be imported by anything that ships: Helm is no part of the product.
package charts
