package doctor

import (
	"context"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rights checks what the user may read in all namespaces: the objects that answers of the command
// are computed from.
func (e *examination) rights(ctx context.Context) {
	var lacking []string
	for _, r := range []authorizationv1.ResourceAttributes{
		{Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"},
		{Resource: "namespaces"},
		{Group: gatewayGroup, Resource: "gatewayclasses"}, {Group: gatewayGroup, Resource: "gateways"}, {Group: gatewayGroup, Resource: "httproutes"},
		{Group: gatewayGroup, Resource: "referencegrants"},
		{Group: ownGroup, Resource: "timeoutpolicies"}, {Group: ownGroup, Resource: "policyguardrails"}, {Group: ownGroup, Resource: "effectivepolicies"},
	} {
		r.Verb = "list"
		review, err := e.Client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx,
			&authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &r}}, metav1.CreateOptions{})
		if err != nil {
			e.failed("reading", "what you may read", err)
			return
		}
		if !review.Status.Allowed {
			lacking = append(lacking, strings.TrimSuffix(r.Resource+"."+r.Group, "."))
		}
	}
	if len(lacking) > 0 {
		e.say("reading", Warning, "you may not list %s in all namespaces: get, explain and describe answer from what is published in yours; the ClusterRole attache-cli has these rights", strings.Join(lacking, ", "))
		return
	}
	e.say("reading", OK, "you may read all that answers are made of")
}
