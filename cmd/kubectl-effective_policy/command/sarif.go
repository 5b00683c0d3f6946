package command

import (
	"net/url"
	"path/filepath"
	"slices"

	"github.com/attache-dev/attache/policy/preview"
)

// The part of SARIF 2.1.0 that findings need.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool `json:"executionSuccessful"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysical  `json:"physicalLocation"`
		LogicalLocations []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
)

// homepage is where people read about the program.
const homepage = "https://github.com/attache-dev/attache"

var sarifLevels = map[string]string{preview.Denied: "error", preview.Warning: "warning", preview.Note: "note"}

// sarifOf is a report for programs that show findings in source code.
func sarifOf(r *preview.Report, version string) sarifLog {
	var ids []string
	for _, f := range r.Findings {
		ids = append(ids, f.Rule)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	run := sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "kubectl-effective_policy", Version: version, InformationURI: homepage,
			Rules: make([]sarifRule, len(ids)),
		}},
		Invocations: []sarifInvocation{{ExecutionSuccessful: true}},
		Results:     make([]sarifResult, len(r.Findings)),
	}
	for i, id := range ids {
		run.Tool.Driver.Rules[i] = sarifRule{id, sarifText{aboutRule(id)}}
	}
	for i, f := range r.Findings {
		result := sarifResult{
			RuleID: f.Rule, RuleIndex: slices.Index(ids, f.Rule),
			Level: sarifLevels[f.Level], Message: sarifText{f.Sentence()},
		}
		if f.File != "" {
			location := sarifLocation{PhysicalLocation: sarifPhysical{ArtifactLocation: sarifArtifact{fileURI(f.File)}}}
			if f.Line > 0 {
				location.PhysicalLocation.Region = &sarifRegion{f.Line}
			}
			if f.Object != "" {
				location.LogicalLocations = []sarifLogical{{f.Object, "object"}}
			}
			result.Locations = []sarifLocation{location}
		}
		run.Results[i] = result
	}
	return sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{run},
	}
}

// aboutRule says in a sentence what a rule is.
func aboutRule(id string) string {
	switch id {
	case preview.SchemaRule:
		return "An object must be valid by the schema of its kind."
	case preview.AdmissionRule:
		return "A policy must be one that can be attached, and merged results must be valid."
	case preview.BrokenRule:
		return "A guardrail must compile, and its examples must get the answers they say."
	}
	return "PolicyGuardrail " + id[len(preview.GuardrailRule("")):]
}

// fileURI is a path as a URI, relative to the working directory unless it is
// absolute.
func fileURI(path string) string {
	u := url.URL{Path: filepath.ToSlash(filepath.Clean(path))}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
		if u.Path[0] != '/' { // C:/manifests
			u.Path = "/" + u.Path
		}
	}
	return u.String()
}
