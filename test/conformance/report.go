package conformance

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// Report is the outcome of a run, in the manner of Gateway API's reports.
type Report struct {
	APIVersion     string   `json:"apiVersion"`
	Kind           string   `json:"kind"`
	Date           string   `json:"date"`
	GatewayClass   string   `json:"gatewayClass"`
	Implementation string   `json:"implementation"`
	Results        []Result `json:"results"`
	Summary        Summary  `json:"summary"`
}

// Result is the outcome of one feature.
type Result struct {
	Feature string `json:"feature"`
	// Fields are those that it is about: policy.field.
	Fields []string `json:"fields"`
	// Claim is what our status says of them: Enforced, Degraded, NotEnforced, or None.
	Claim string `json:"claim"`
	// Outcomes are its own words.
	Outcomes []string `json:"outcomes,omitempty"`
	// Observed says whether the plane did it.
	Observed bool `json:"observed"`
	// Result is Passed, Failed (a contradiction), NotSupported or Skipped.
	Result  string `json:"result"`
	Message string `json:"message,omitempty"`
}

// Summary counts results.
type Summary struct {
	Passed       int `json:"passed"`
	Failed       int `json:"failed"`
	NotSupported int `json:"notSupported"`
	Skipped      int `json:"skipped"`
}

// The results.
const (
	Passed       = "Passed"
	Failed       = "Failed"
	NotSupported = "NotSupported"
	Skipped      = "Skipped"
)

// YAML writes the report.
func (r *Report) YAML() ([]byte, error) { return yaml.Marshal(r) }

func (r *Report) add(result Result) {
	switch result.Result {
	case Passed:
		r.Summary.Passed++
	case Failed:
		r.Summary.Failed++
	case NotSupported:
		r.Summary.NotSupported++
	default:
		r.Summary.Skipped++
	}
	r.Results = append(r.Results, result)
}

// judge compares what was seen with what is claimed. readsAnnotation says that
// the plane promises everything without our status saying so.
func judge(f *Feature, claims Claims, seen error, readsAnnotation bool) Result {
	claim := claims.Claim()
	if f.Unclaimed {
		claim = ClaimNone
	}
	result := Result{Feature: f.Name, Fields: f.Fields, Claim: claim, Outcomes: claims, Observed: seen == nil, Result: Passed}
	switch {
	case seen == nil && claim == ClaimNotEnforced && f.Idle:
		result.Message = "a plane that does nothing does the same"
	case seen == nil && claim == ClaimNotEnforced:
		result.Result, result.Message = Failed, "the status says that it is not enforced, and it is"
	case seen != nil && (claim == ClaimEnforced || claim == ClaimNone && readsAnnotation):
		result.Result, result.Message = Failed, fmt.Sprintf("it is to be enforced, and is not: %v", seen)
	case seen != nil:
		result.Result, result.Message = NotSupported, seen.Error()
	}
	return result
}
