package doctor

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// endsSoon is how long before its end a certificate is reported.
const endsSoon = 14 * 24 * time.Hour

// registered is one webhook of one configuration.
type registered struct {
	name   string
	client admissionv1.WebhookClientConfig
	policy *admissionv1.FailurePolicyType
}

func (e *examination) webhooks(ctx context.Context) {
	options := metav1.ListOptions{LabelSelector: ours}
	validating, err := e.Client.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(ctx, options)
	if err != nil {
		e.failed("configurations", "ValidatingWebhookConfigurations", err)
		return
	}
	mutating, err := e.Client.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, options)
	if err != nil {
		e.failed("configurations", "MutatingWebhookConfigurations", err)
		return
	}
	if len(validating.Items) == 0 {
		e.say("configurations", Problem, "there is no ValidatingWebhookConfiguration of attache, so nothing is refused: install the chart anew")
	}
	var all []registered
	for _, c := range validating.Items {
		for _, w := range c.Webhooks {
			all = append(all, registered{w.Name, w.ClientConfig, w.FailurePolicy})
		}
	}
	for _, c := range mutating.Items {
		for _, w := range c.Webhooks {
			all = append(all, registered{w.Name, w.ClientConfig, w.FailurePolicy})
		}
	}
	services := map[string]bool{}
	for _, w := range all {
		e.certificate(w)
		if s := w.client.Service; s != nil && !services[s.Namespace+"/"+s.Name] {
			services[s.Namespace+"/"+s.Name] = true
			e.service(ctx, s.Namespace, s.Name)
		}
	}
}

// certificate checks the authority that the API server trusts for a webhook.
func (e *examination) certificate(w registered) {
	fails := admissionv1.Fail
	if w.policy != nil {
		fails = *w.policy
	}
	last, err := lastEnd(w.client.CABundle)
	left := last.Sub(e.Now())
	const remedy = "look at the log of the controller, or at who writes caBundle"
	switch {
	case err != nil:
		e.say(w.name, Problem, "its caBundle %v, so that no call succeeds: %s", err, remedy)
	case left <= 0:
		e.say(w.name, Problem, "its authority ended %s ago, so that no call succeeds: %s", -left.Round(time.Hour), remedy)
	case left < endsSoon:
		e.say(w.name, Warning, "its authority ends in %s: %s", left.Round(time.Hour), remedy)
	default:
		e.say(w.name, OK, "failurePolicy %s, authority until %s", fails, last.UTC().Format(time.DateOnly))
	}
}

// lastEnd returns when the last certificate of a bundle ends.
func lastEnd(bundle []byte) (last time.Time, err error) {
	if len(bundle) == 0 {
		return last, fmt.Errorf("is empty")
	}
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return last, fmt.Errorf("cannot be read (%w)", err)
		}
		if certificate.NotAfter.After(last) {
			last = certificate.NotAfter
		}
	}
	if last.IsZero() {
		return last, fmt.Errorf("has no certificate")
	}
	return last, nil
}

// service checks whether a Service has ready endpoints.
func (e *examination) service(ctx context.Context, namespace, name string) {
	at := "Service " + namespace + "/" + name
	service, err := e.Client.CoreV1().Services(namespace).Get(ctx, name, getOptions)
	switch {
	case apierrors.IsNotFound(err):
		e.say(at, Problem, "it is not there, so that no call succeeds: install the chart anew")
		return
	case err != nil:
		e.failed(at, at, err)
		return
	case service.Spec.ExternalName != "":
		e.say(at, OK, "it leads to %s", service.Spec.ExternalName)
		return
	}
	slices, err := e.Client.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + name})
	if err != nil {
		e.failed(at, "EndpointSlices in namespace "+namespace, err)
		return
	}
	ready := 0
	for _, s := range slices.Items {
		for _, endpoint := range s.Endpoints {
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				ready++
			}
		}
	}
	if ready == 0 {
		e.say(at, Problem, "no endpoint is ready, so that no call succeeds: look at the pods of the webhook")
		return
	}
	e.say(at, OK, "%d ready endpoints", ready)
}

// admissionPolicy checks the admission policy that prevents others from writing results while no
// process of ours runs.
func (e *examination) admissionPolicy(ctx context.Context) {
	list, err := e.Client.AdmissionregistrationV1().ValidatingAdmissionPolicies().List(ctx, metav1.ListOptions{LabelSelector: ours})
	if err != nil {
		e.failed("results", "ValidatingAdmissionPolicies", err)
		return
	}
	bindings, err := e.Client.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().List(ctx, metav1.ListOptions{LabelSelector: ours})
	if err != nil {
		e.failed("results", "ValidatingAdmissionPolicyBindings", err)
		return
	}
	bound := map[string]bool{}
	for _, b := range bindings.Items {
		bound[b.Spec.PolicyName] = true
	}
	if len(list.Items) == 0 {
		e.say("results", Warning, "there is none: while no replica answers, owners of namespaces can write EffectivePolicies; admission.protectResults=true installs it")
	}
	for _, p := range list.Items {
		if !bound[p.Name] {
			e.say(p.Name, Problem, "nothing binds it, so that it refuses nothing: install the chart anew")
			continue
		}
		e.say(p.Name, OK, "it is bound")
	}
}
