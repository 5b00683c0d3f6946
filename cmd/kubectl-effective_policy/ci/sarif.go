package ci

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/preview"
)

// SARIFSchema is the published schema of SARIF 2.1.0.
const SARIFSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// Homepage is the home page of the program.
const Homepage = "https://github.com/attache-dev/attache"

// Levels are the levels of findings, from the least severe.
func Levels() []string { return []string{preview.Note, preview.Warning, preview.Denied} }

var sarifLevels = map[string]string{preview.Denied: "error", preview.Warning: "warning", preview.Note: "note"}

// SARIF is a report for programs that show findings in source code. root is the
// folder of the repository: files in it get a URI relative to it.
func SARIF(r *preview.Report, version, root string) SARIFLog {
	var ids []string
	for _, f := range r.Findings {
		ids = append(ids, f.Rule)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	run := NewSARIFRun(version)
	for _, id := range ids {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ruleOf(id, r.Findings))
	}
	seen := map[string]int{}
	for i := range r.Findings {
		f := &r.Findings[i]
		result := SARIFResult{
			RuleID: f.Rule, RuleIndex: slices.Index(ids, f.Rule), Level: sarifLevels[f.Level], Message: SARIFText{Text: f.Sentence()},
			Fingerprints: map[string]string{"attache/v1": Fingerprint(seen, f.Rule, f.Object, f.Field, f.Path, f.FieldPath)},
		}
		if f.File != "" {
			result.Locations = []SARIFLocation{locationOf(f, root)}
		}
		run.Results = append(run.Results, result)
	}
	return SARIFLog{Schema: SARIFSchema, Version: "2.1.0", Runs: []SARIFRun{run}}
}

// FailureSARIF returns a run that failed.
func FailureSARIF(err error, version string) SARIFLog {
	run := NewSARIFRun(version)
	run.Invocations = []sarifInvocation{{Notifications: []sarifNotification{{Level: "error", Message: SARIFText{Text: err.Error()}}}}}
	return SARIFLog{Schema: SARIFSchema, Version: "2.1.0", Runs: []SARIFRun{run}}
}

// NewSARIFRun returns a successful run without findings.
func NewSARIFRun(version string) SARIFRun {
	return SARIFRun{
		Tool: sarifTool{sarifDriver{
			Name: "kubectl-effective_policy", Version: version, InformationURI: Homepage, Rules: []SARIFRule{},
		}},
		Invocations: []sarifInvocation{{ExecutionSuccessful: true}},
		Results:     []SARIFResult{},
	}
}

func locationOf(f *preview.Finding, root string) SARIFLocation {
	location := SARIFLocation{PhysicalLocation: SARIFPhysical{ArtifactLocation: ArtifactOf(f.File, root)}}
	if f.Line > 0 {
		location.PhysicalLocation.Region = &SARIFRegion{f.Line}
	}
	if f.Object != "" {
		location.LogicalLocations = []SARIFLogical{{f.Object, "object"}}
	}
	return location
}

// Fingerprint identifies a finding across commits, by parts such as its rule, object and field, but
// not by file, line or text. Equal ones are numbered.
func Fingerprint(seen map[string]int, parts ...string) string {
	key := strings.Join(parts, "\x00")
	seen[key]++
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16]) + ":" + strconv.Itoa(seen[key])
}

// ruleOf is a rule with its help. Its level is the most severe one of its
// findings.
func ruleOf(id string, findings []preview.Finding) SARIFRule {
	level := preview.Note
	for _, f := range findings {
		if f.Rule == id && slices.Index(Levels(), f.Level) > slices.Index(Levels(), level) {
			level = f.Level
		}
	}
	return NewSARIFRule(id, AboutRule(id), sarifLevels[level])
}

// NewSARIFRule is a rule with its help.
func NewSARIFRule(id string, about RuleText, level string) SARIFRule {
	page := Homepage + "/blob/main/docs/" + about.Page
	return SARIFRule{
		ID: id, Short: SARIFText{Text: about.Text}, Full: SARIFText{Text: about.Text},
		Help:    SARIFText{Text: about.Help + " See " + page, Markdown: about.Help + " See [the page](" + page + ")."},
		HelpURI: page, Default: sarifConfiguration{level},
	}
}

// RuleText describes a rule: what it is, what to do about it, and the page with more information.
type RuleText struct{ Text, Help, Page string }

// AboutRule returns what a rule is, what to do about it, and which page has more information.
func AboutRule(id string) RuleText {
	switch id {
	case preview.SchemaRule:
		return RuleText{"An object must be valid by the schema of its kind.", "An API server refuses such an object. Write what the message says.", "api.md"}
	case preview.AdmissionRule:
		return RuleText{
			"A policy must be attachable, and what it merges into must be valid.",
			"The policy is refused, or has no effect where the message says. Compare its target and its values with what is there.", "troubleshooting.md",
		}
	case preview.BrokenRule:
		return RuleText{"A guardrail must compile, and its examples must get the answers they state.", "Until it does, the guardrail checks nothing.", "guardrails.md"}
	case preview.BindingRule:
		return RuleText{"A route must be bound to a listener.", "No policy applies to a route that no listener serves. The message has the reason for each parentRef.", "binding.md"}
	case preview.KindRule:
		return RuleText{"The CRD of a policy kind must have Gateway API's policy label.", "Label the CRD, or name the kind with --policy-kinds.", "api.md"}
	case preview.PassedOverRule:
		return RuleText{"A document is not read.", "It is no manifest, or has to be rendered first.", "cli.md"}
	}
	name := strings.TrimPrefix(id, preview.GuardrailRule(""))
	return RuleText{"PolicyGuardrail " + name, "The platform team's guardrail " + name + " objects to what the change brings about. The message has the value and who set it.", "guardrails.md"}
}

// sourceRoot is the name of the folder of a repository in SARIF.
const sourceRoot = "%SRCROOT%"

// ArtifactOf returns a file. A file in the root is named relative to it; without a root, a relative
// path stays relative, and others are absolute.
func ArtifactOf(path, root string) SARIFArtifact {
	if path == "-" {
		return SARIFArtifact{URI: "stdin"}
	}
	if root != "" {
		file, fileErr := filepath.Abs(path)
		folder, folderErr := filepath.Abs(root)
		if relative, err := filepath.Rel(folder, file); err == nil && fileErr == nil && folderErr == nil && filepath.IsLocal(relative) {
			return SARIFArtifact{URI: FileURI(relative), Base: sourceRoot}
		}
		path = file
	}
	return SARIFArtifact{URI: FileURI(path)}
}

// FileURI returns a path as a URI, relative to the working directory unless it is absolute.
func FileURI(path string) string {
	u := url.URL{Path: filepath.ToSlash(filepath.Clean(path))}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
		if u.Path[0] != '/' { // C:/manifests
			u.Path = "/" + u.Path
		}
	}
	return u.String()
}
