package ci

// The part of SARIF 2.1.0 that findings need.
type (
	// SARIFLog is a whole report.
	SARIFLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []SARIFRun `json:"runs"`
	}
	// SARIFRun is what one run of the program found.
	SARIFRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []SARIFResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []SARIFRule `json:"rules"`
	}
	// SARIFRule describes the results of one rule.
	SARIFRule struct {
		ID      string             `json:"id"`
		Short   SARIFText          `json:"shortDescription"`
		Full    SARIFText          `json:"fullDescription"`
		Help    SARIFText          `json:"help"`
		HelpURI string             `json:"helpUri"`
		Default sarifConfiguration `json:"defaultConfiguration"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	// SARIFText is a text, optionally also as Markdown.
	SARIFText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message SARIFText `json:"message"`
	}
	// SARIFResult is one finding.
	SARIFResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      SARIFText         `json:"message"`
		Locations    []SARIFLocation   `json:"locations,omitempty"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	// SARIFLocation is where a finding is.
	SARIFLocation struct {
		PhysicalLocation SARIFPhysical  `json:"physicalLocation"`
		LogicalLocations []SARIFLogical `json:"logicalLocations,omitempty"`
	}
	// SARIFPhysical is a place in a file.
	SARIFPhysical struct {
		ArtifactLocation SARIFArtifact `json:"artifactLocation"`
		Region           *SARIFRegion  `json:"region,omitempty"`
	}
	// SARIFArtifact is a file.
	SARIFArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId,omitempty"`
	}
	// SARIFRegion is a line.
	SARIFRegion struct {
		StartLine int `json:"startLine"`
	}
	// SARIFLogical is an object.
	SARIFLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
)
