package source

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"
)

// child steps into a node: by key into a mapping, by index into a sequence. Keys
// that are merged into a mapping count, too.
func child(n *yamlv3.Node, step string) (*yamlv3.Node, int) {
	n = meant(n)
	switch n.Kind {
	case yamlv3.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if key := n.Content[i]; !isMerge(key) && keyText(key) == step {
				return meant(n.Content[i+1]), key.Line
			}
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !isMerge(n.Content[i]) {
				continue
			}
			for _, merged := range mergedInto(n.Content[i+1]) {
				if value, line := child(merged, step); value != nil {
					return value, line
				}
			}
		}
	case yamlv3.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return meant(n.Content[i]), n.Content[i].Line
		}
	}
	return nil, 0
}

// meant is the node to which an alias refers.
func meant(n *yamlv3.Node) *yamlv3.Node {
	for n.Kind == yamlv3.AliasNode {
		n = n.Alias
	}
	return n
}

func isMerge(key *yamlv3.Node) bool { return key.Kind == yamlv3.ScalarNode && key.Tag == "!!merge" }

// mergedInto are the mappings that the value of a merge key names.
func mergedInto(n *yamlv3.Node) []*yamlv3.Node {
	n = meant(n)
	if n.Kind == yamlv3.SequenceNode {
		return n.Content
	}
	return []*yamlv3.Node{n}
}

// notText are plain keys that the parser of values may take for something other
// than a string: its booleans are those of YAML 1.1, and 0777 is a number.
var notText = regexp.MustCompile(`^(?:[-+.0-9].*|~|(?i:y|n|yes|no|on|off|true|false|null))$`)

// keyText is a key as it is in the object: the parser of values decides what a
// plain key is, and JSON makes a string of it.
func keyText(key *yamlv3.Node) string {
	key = meant(key)
	if key.Style&^yamlv3.FlowStyle != 0 || !notText.MatchString(key.Value) {
		return key.Value
	}
	data, err := yaml.YAMLToJSON([]byte("? " + key.Value + "\n: 0\n"))
	var object map[string]int
	if err != nil || json.Unmarshal(data, &object) != nil {
		return key.Value
	}
	for text := range object { // the only one
		return text
	}
	return key.Value
}

// alikeKeys finds two keys of one mapping that differ in YAML and are the same
// string in the object, such as on and "true", and reports the line of the second.
// The parser of values would keep one of them by chance.
func alikeKeys(data []byte) (line int, message string) {
	var document yamlv3.Node
	if yamlv3.Unmarshal(data, &document) != nil {
		return 0, ""
	}
	return alikeIn(&document)
}

func alikeIn(n *yamlv3.Node) (line int, message string) {
	if n.Kind == yamlv3.MappingNode {
		seen := map[string]string{}
		for _, key := range keysOf(n, nil) {
			text := keyText(key)
			if first, twice := seen[text]; twice {
				return key.Line, fmt.Sprintf("the keys %s and %s of one mapping both mean %q: write one of them", first, written(key), text)
			}
			seen[text] = written(key)
		}
	}
	for _, below := range n.Content {
		if line, message := alikeIn(below); message != "" {
			return line, message
		}
	}
	return 0, ""
}

// keysOf are the keys of a mapping, those merged into it first. Mappings on the way to this one are
// not merged again.
func keysOf(n *yamlv3.Node, way []*yamlv3.Node) []*yamlv3.Node {
	n = meant(n)
	if n.Kind != yamlv3.MappingNode || slices.Contains(way, n) {
		return nil
	}
	var merged, own []*yamlv3.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !isMerge(n.Content[i]) {
			own = append(own, n.Content[i])
			continue
		}
		for _, mapping := range mergedInto(n.Content[i+1]) {
			merged = append(merged, keysOf(mapping, append(way, n))...)
		}
	}
	return append(merged, own...)
}

// written is a key as its author wrote it.
func written(key *yamlv3.Node) string {
	if key.Style&^yamlv3.FlowStyle != 0 {
		return strconv.Quote(key.Value)
	}
	return key.Value
}
