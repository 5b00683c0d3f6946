package hierarchy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// ExportAnnotation on a GatewayClass chooses how policies are enforced there.
const ExportAnnotation = "attache.dev/export"

// annotation reads one annotation; a value that is no text is absent.
func (r *reader) annotation(object map[string]any, key string) string {
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, _ := annotations[key].(string)
	return canonical(value)
}

// hashLength is how many hex digits of a hash stand for a rule.
const hashLength = 8

// MatchesHash stands for a rule by its matches alone, as they are stored: other
// words of the rule, such as weights and timeouts, come and go.
func MatchesHash(rule map[string]any) string {
	// Values that came from JSON encode, and json.Marshal sorts keys.
	text, _ := json.Marshal(rule["matches"])
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:hashLength]
}
