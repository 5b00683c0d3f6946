package command

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

// sarifSchema is the published schema of SARIF 2.1.0.
const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// homepage is where people read about the program.
const homepage = "https://github.com/attache-dev/attache"

var sarifLevels = map[string]string{preview.Denied: "error", preview.Warning: "warning", preview.Note: "note"}

// sarifOf is a report for programs that show findings in source code. root is the
// folder of the repository: files in it get a URI relative to it.
func sarifOf(r *preview.Report, version, root string) sarifLog {
	var ids []string
	for _, f := range r.Findings {
		ids = append(ids, f.Rule)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	run := newSARIFRun(version)
	for _, id := range ids {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ruleOf(id, r.Findings))
	}
	seen := map[string]int{}
	for i := range r.Findings {
		f := &r.Findings[i]
		result := sarifResult{
			RuleID: f.Rule, RuleIndex: slices.Index(ids, f.Rule), Level: sarifLevels[f.Level], Message: sarifText{Text: f.Sentence()},
			Fingerprints: map[string]string{"attache/v1": fingerprint(seen, f.Rule, f.Object, f.Field, f.Path, f.FieldPath)},
		}
		if f.File != "" {
			result.Locations = []sarifLocation{locationOf(f, root)}
		}
		run.Results = append(run.Results, result)
	}
	return sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}}
}

// sarifOfFailure is a run that could not do its work.
func sarifOfFailure(err error, version string) sarifLog {
	run := newSARIFRun(version)
	run.Invocations = []sarifInvocation{{Notifications: []sarifNotification{{Level: "error", Message: sarifText{Text: err.Error()}}}}}
	return sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}}
}

func newSARIFRun(version string) sarifRun {
	return sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "kubectl-effective_policy", Version: version, InformationURI: homepage, Rules: []sarifRule{},
		}},
		Invocations: []sarifInvocation{{ExecutionSuccessful: true}},
		Results:     []sarifResult{},
	}
}

func locationOf(f *preview.Finding, root string) sarifLocation {
	location := sarifLocation{PhysicalLocation: sarifPhysical{ArtifactLocation: artifactOf(f.File, root)}}
	if f.Line > 0 {
		location.PhysicalLocation.Region = &sarifRegion{f.Line}
	}
	if f.Object != "" {
		location.LogicalLocations = []sarifLogical{{f.Object, "object"}}
	}
	return location
}

// fingerprint tells a finding from others across commits, by parts such as its rule,
// object and field, and not by file, line or words. Of equal ones the order counts.
func fingerprint(seen map[string]int, parts ...string) string {
	key := strings.Join(parts, "\x00")
	seen[key]++
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16]) + ":" + strconv.Itoa(seen[key])
}

// ruleOf is a rule with its help. Its level is the most severe one of its
// findings.
func ruleOf(id string, findings []preview.Finding) sarifRule {
	level := preview.Note
	for _, f := range findings {
		if f.Rule == id && slices.Index(levels, f.Level) > slices.Index(levels, level) {
			level = f.Level
		}
	}
	return newRule(id, aboutRule(id), sarifLevels[level])
}

// newRule is a rule with its help.
func newRule(id string, about ruleText, level string) sarifRule {
	page := homepage + "/blob/main/docs/" + about.page
	return sarifRule{
		ID: id, Short: sarifText{Text: about.text}, Full: sarifText{Text: about.text},
		Help:    sarifText{Text: about.help + " See " + page, Markdown: about.help + " See [the page](" + page + ")."},
		HelpURI: page, Default: sarifConfiguration{level},
	}
}

// ruleText is what a rule is, what to do about it, and the page with more of it.
type ruleText struct{ text, help, page string }

// aboutRule says what a rule is, what to do about it, and on which page more of it
// stands.
func aboutRule(id string) ruleText {
	switch id {
	case preview.SchemaRule:
		return ruleText{"An object must be valid by the schema of its kind.", "An API server refuses such an object. Write what the message says.", "api.md"}
	case preview.AdmissionRule:
		return ruleText{
			"A policy must be attachable, and what it merges into must be valid.",
			"The policy is refused, or has no effect where the message says. Compare its target and its values with what is there.", "troubleshooting.md",
		}
	case preview.BrokenRule:
		return ruleText{"A guardrail must compile, and its examples must get the answers they state.", "Until it does, the guardrail checks nothing.", "guardrails.md"}
	case preview.BindingRule:
		return ruleText{"A route must be bound to a listener.", "No policy applies to a route that no listener serves. The message has the reason for each parentRef.", "binding.md"}
	case preview.KindRule:
		return ruleText{"The CRD of a policy kind must have Gateway API's policy label.", "Label the CRD, or name the kind with --policy-kinds.", "api.md"}
	case preview.PassedOverRule:
		return ruleText{"A document is not read.", "It is no manifest, or has to be rendered first.", "cli.md"}
	}
	name := strings.TrimPrefix(id, preview.GuardrailRule(""))
	return ruleText{"PolicyGuardrail " + name, "The platform team's guardrail " + name + " objects to what the change brings about. The message has the value and who set it.", "guardrails.md"}
}

// sourceRoot is how SARIF calls the folder of a repository.
const sourceRoot = "%SRCROOT%"

// artifactOf is a file. One in the root is named relative to it; without a root a
// relative path stays so, and others are absolute.
func artifactOf(path, root string) sarifArtifact {
	if path == "-" {
		return sarifArtifact{URI: "stdin"}
	}
	if root != "" {
		file, fileErr := filepath.Abs(path)
		folder, folderErr := filepath.Abs(root)
		if relative, err := filepath.Rel(folder, file); err == nil && fileErr == nil && folderErr == nil && filepath.IsLocal(relative) {
			return sarifArtifact{URI: fileURI(relative), Base: sourceRoot}
		}
		path = file
	}
	return sarifArtifact{URI: fileURI(path)}
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
