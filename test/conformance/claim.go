package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/eventually"
)

// Claims are the outcomes that our status has for the fields of a feature, such as
// "RetryPolicy.maxRetries: Degraded IdempotentOnly".
type Claims []string

// The claims.
const (
	ClaimEnforced    = "Enforced"
	ClaimDegraded    = "Degraded"
	ClaimNotEnforced = "NotEnforced"
	ClaimNone        = "None"
)

// Claim is what the outcomes come to: the least that is said of any field.
func (c Claims) Claim() string {
	has := func(outcome string) bool {
		return slices.ContainsFunc(c, func(said string) bool { return strings.Contains(said, ": "+outcome) })
	}
	switch {
	case has("Unsupported"):
		return ClaimNotEnforced
	case has("Degraded"):
		return ClaimDegraded
	case len(c) > 0:
		return ClaimEnforced
	}
	return ClaimNone
}

// awaitClaim waits until the status reports the outcome of the fields of a feature on
// all its routes, and returns that. Where nobody exports, nothing is ever said.
func (b *bed) awaitClaim(ctx context.Context, f *Feature, objects []*unstructured.Unstructured) Claims {
	if b.ReadsAnnotation || b.claimless {
		return nil
	}
	const most = 20 * time.Second
	var claims Claims
	err := eventually.Try(ctx, most, func(ctx context.Context) error {
		claims = nil
		for _, u := range objects {
			if !isRoute(u) {
				continue
			}
			said, err := b.claims(ctx, f, u)
			if err != nil {
				return err
			}
			claims = append(claims, said...)
		}
		return nil
	})
	slices.Sort(claims)
	claims = slices.Compact(claims)
	b.claimless = err != nil && len(claims) == 0
	return claims
}

// claims are what the EffectivePolicy of a route says of the fields of a feature; an
// error as long as something is to come.
func (b *bed) claims(ctx context.Context, f *Feature, route *unstructured.Unstructured) (Claims, error) {
	live := object("attache.dev/v1alpha1", "EffectivePolicy", strings.ToLower(route.GetKind())+"."+route.GetName())
	if err := b.Get(ctx, client.ObjectKeyFromObject(live), live); err != nil {
		return nil, err
	}
	var status struct {
		Status struct {
			Enforcement []struct {
				State  string
				Fields []struct{ Policy, Field, Outcome, Reason string }
			}
		}
	}
	data, err := json.Marshal(live.Object)
	if err == nil {
		err = json.Unmarshal(data, &status)
	}
	if err != nil {
		return nil, err
	}
	var claims Claims
	for _, e := range status.Status.Enforcement {
		if e.State == "Pending" || e.State == "Drifted" {
			return nil, fmt.Errorf("%s %s is %s", route.GetKind(), route.GetName(), e.State)
		}
		for _, field := range e.Fields {
			if name := field.Policy + "." + field.Field; f.about(name) {
				claims = append(claims, strings.TrimSpace(name+": "+field.Outcome+" "+field.Reason))
			}
		}
	}
	if len(claims) == 0 {
		return nil, fmt.Errorf("nothing is said of %s %s", route.GetKind(), route.GetName())
	}
	return claims, nil
}

// about says whether a feature is about a field, or about what is in it.
func (f *Feature) about(name string) bool {
	return slices.ContainsFunc(f.Fields, func(field string) bool {
		return name == field || strings.HasPrefix(name, field+".")
	})
}
