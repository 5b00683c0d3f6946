package policy

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// parseLayers reads the blocks of a policy, or spec itself when it has none, without the words of its
// strategy.
func (p *Policy) parseLayers(words []crd.Path, path *field.Path, errs field.ErrorList) field.ErrorList {
	if p.Kind.Class == Direct {
		return errs
	}
	if _, _, ofChallenger := p.Kind.OfChallenger(); !ofChallenger {
		if p.Kind.Blocks != nil {
			p.declaredBlocks(p.withoutWords(words))
			return errs
		}
		var found bool
		if found, errs = p.parseBlocks(words, path, errs); found {
			return errs
		}
	}
	block := merge.Default
	if p.overrides {
		block = merge.Override
	}
	if whole := bare(p.Kind, p.withoutWords(words)); len(whole) > 0 {
		p.Layers = append(p.Layers, merge.Layer{Block: block, Strategy: p.Strategy, Value: whole})
	}
	return errs
}

// bare returns a spec without the fields that say where and how the policy applies.
func bare(kind *Kind, spec map[string]any) map[string]any {
	whole := maps.Clone(spec)
	for _, key := range crd.TargetFields {
		delete(whole, key)
	}
	if kind.Definition.Bounds != nil {
		delete(whole, "bounds")
	}
	return whole
}

// parseBlocks reads the blocks of a policy, and reports whether it has any.
func (p *Policy) parseBlocks(words []crd.Path, path *field.Path, errs field.ErrorList) (bool, field.ErrorList) {
	ours := p.Kind.Group() == Group
	spec := p.spec
	if slices.ContainsFunc(words, inBlock) {
		spec = p.withoutWords(words)
	}
	var seen [merge.Override + 1]string
	for _, b := range blockNames {
		raw, present := spec[b.name]
		object, isObject := raw.(map[string]any)
		if !present || (!isObject && !ours) {
			continue // a list or a scalar of this name is a field of the vendor's
		}
		block := merge.Default
		if b.override {
			block = merge.Override
		}
		if other := seen[block]; other != "" {
			errs = append(errs, field.Forbidden(path.Child(b.name), fmt.Sprintf("%s and %s are both set: keep one of them", other, b.name)))
			continue
		}
		seen[block] = b.name
		if !isObject {
			errs = append(errs, field.Invalid(path.Child(b.name), raw, "write an object with the policy's fields"))
			continue
		}
		if layer := p.blockLayer([]string{b.name}, object, block); len(layer.Value) > 0 {
			p.Layers = append(p.Layers, layer)
		}
	}
	if seen[merge.Default] == "" && seen[merge.Override] == "" {
		return false, errs
	}
	if !ours {
		rest := bare(p.Kind, p.withoutWords(words))
		for _, name := range seen {
			delete(rest, name)
		}
		p.notRead(rest)
	}
	return true, errs
}

// inBlock reports whether a path in spec leads to or through what can be a block.
func inBlock(path crd.Path) bool {
	for _, b := range blockNames {
		if path[0] == b.name {
			return true
		}
	}
	return false
}

// blockLayer reads one block. In kinds that are not ours, a strategy inside the block takes
// precedence over the one in spec; a word that is not a strategy is an ordinary field of the kind.
func (p *Policy) blockLayer(at []string, object map[string]any, block merge.Block) merge.Layer {
	strategy := p.Strategy
	if word, isText := object["strategy"].(string); isText && p.Kind.Group() != Group && (p.Kind.Word == nil || len(p.Kind.Word.Field) == 0) {
		if s, known := p.word(word); known {
			strategy = s
			object = maps.Clone(object)
			delete(object, "strategy")
		} else {
			p.remark(StrategyNotUnderstood, slices.Concat([]string{"spec"}, at, []string{"strategy"}), word)
		}
	}
	return merge.Layer{Block: block, Strategy: strategy, Value: object}
}

// declaredBlocks reads the blocks of a kind that declares where its blocks are. Fields beside the
// blocks are not read.
func (p *Policy) declaredBlocks(spec map[string]any) {
	rest := bare(p.Kind, spec)
	for _, b := range [...]struct {
		at    crd.Path
		block merge.Block
	}{{p.Kind.Blocks.Override, merge.Override}, {p.Kind.Blocks.Default, merge.Default}} {
		raw, _ := valueAt(spec, b.at)
		object, isObject := raw.(map[string]any)
		if len(b.at) == 0 || !isObject {
			continue
		}
		rest = withoutPath(rest, b.at)
		if layer := p.blockLayer(b.at, object, b.block); len(layer.Value) > 0 {
			p.Layers = append(p.Layers, layer)
		}
	}
	p.notRead(rest)
}

// notRead adds remarks for fields of spec beside a block, unless they have a remark already.
func (p *Policy) notRead(rest map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(rest)) {
		path := []string{"spec", key}
		if !slices.ContainsFunc(p.Remarks, func(r Remark) bool { return slices.Equal(r.Path, path) }) {
			p.remark(FieldNotRead, path, rest[key])
		}
	}
}
