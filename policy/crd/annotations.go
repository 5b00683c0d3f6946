package crd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// reader reads annotations and profiles, which have the same form, and records what is invalid.
type reader struct {
	field  string
	faults []Fault
}

func (r *reader) fault(name, format string, args ...any) {
	r.faults = append(r.faults, Fault{Field: r.field, Name: name, Message: fmt.Sprintf(format, args...)})
}

// path reads a name, and records a fault if it is not a path.
func (r *reader) path(text string) (Path, bool) {
	p, err := ParsePath(text)
	if err != nil {
		r.fault(text, "%v", err)
	}
	return p, err == nil
}

// decode reads JSON, and records a fault if it does not have the form of the example.
func (r *reader) decode(raw []byte, into any, example string) bool {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		r.fault("", "%v: write it like %s", err, example)
		return false
	}
	return true
}

// property reads one property.
func (r *reader) property(p Property, raw []byte, into *Declarations) {
	switch p {
	case PropertyStrategy:
		into.Word = r.word(raw)
	case PropertyWhole:
		into.Whole = r.whole(raw)
	case PropertyAtMost:
		into.AtMost = r.atMost(raw)
	case PropertyBlock:
		into.Blocks = r.blocks(raw)
	case PropertyInline:
		into.Inline = r.inline(raw)
	case PropertyAppliesTo:
		into.AppliesTo = r.appliesTo(raw)
	case PropertyBounds:
		into.Bounds = r.bounds(raw)
	case PropertySummary:
		into.Summary = r.summary(raw)
	case PropertyStatedBy:
		into.StatedBy = r.statedBy(raw)
	case PropertyManageStatus:
		yes := strings.Trim(string(raw), `" `) == "true"
		into.ManageStatus = &yes
	}
}

// levels are the names of the levels (semantics section 1).
var levels = []string{"GatewayClass", "Gateway", "ListenerSet", "Listener", "PlatformNamespace", "Namespace", "Route", "RouteRule"}

func (r *reader) word(raw []byte) *StrategyWord {
	var said struct {
		Default, Field, Of  string
		Values              map[string]string
		With, At, Join      []string
		Overrides           []string
		Conflict, Selectors string
	}
	if !r.decode(raw, &said, `{"default":"Patch"} or {"field":"spec.mergeType","values":{"Merge":"Patch"}}`) {
		return nil
	}
	w := &StrategyWord{Values: map[string]Strategy{}}
	strategy := func(name, word string) Strategy {
		s := Strategy(word)
		if s != Atomic && s != Patch {
			r.fault(name, "%q is not a strategy: write Atomic or Patch", word)
			return ""
		}
		return s
	}
	if said.Default != "" {
		w.Default = strategy("default", said.Default)
	}
	if said.Field != "" {
		w.Field, _ = r.path(said.Field)
	}
	if said.Of != "" && said.Of != "challenger" {
		r.fault("of", `%q is not known: write challenger, or leave it out`, said.Of)
	}
	w.OfChallenger = said.Of == "challenger"
	for _, word := range sortedKeys(said.Values) {
		if s := strategy("values."+word, said.Values[word]); s != "" {
			w.Values[strings.ToLower(word)] = s
		}
	}
	for _, word := range said.Overrides {
		if _, known := w.Values[strings.ToLower(word)]; known {
			w.Overrides = append(w.Overrides, strings.ToLower(word))
		} else {
			r.fault("overrides", "%q is not among the words in values", word)
		}
	}
	w.With, w.At = r.levels("with", said.With), r.levels("at", said.At)
	w.Join = r.paths(said.Join)
	switch c := Conflict(said.Conflict); c {
	case "", ConflictOldest, ConflictField, ConflictMerge:
		w.Conflict = c
	default:
		r.fault("conflict", "%q is not known: write oldest, field or merge", said.Conflict)
	}
	if said.Selectors != "" && said.Selectors != "age" {
		r.fault("selectors", "%q is not known: write age, or leave it out", said.Selectors)
	}
	w.SelectorsByAge = said.Selectors == "age"
	return w
}

func (r *reader) levels(name string, list []string) []string {
	var known []string
	for _, level := range list {
		if slices.Contains(levels, level) {
			known = append(known, level)
		} else {
			r.fault(name, "%q is not a level: write %s", level, strings.Join(levels, ", "))
		}
	}
	return known
}

func (r *reader) paths(names []string) []Path {
	var list []Path
	for _, name := range names {
		if p, ok := r.path(name); ok {
			list = append(list, p)
		}
	}
	return list
}

func (r *reader) whole(raw []byte) []Whole {
	var names []string
	if !r.decode(raw, &names, `["limits.*","rate+burst"]`) {
		return nil
	}
	list := []Whole{}
	for _, name := range names {
		if group := r.paths(strings.Split(name, "+")); len(group) > 0 {
			list = append(list, group)
		}
	}
	return list
}

func (r *reader) atMost(raw []byte) []AtMost {
	var table map[string]string
	if !r.decode(raw, &table, `{"backend":"request"}`) {
		return nil
	}
	list := []AtMost{}
	for _, name := range sortedKeys(table) {
		field, ok := r.path(name)
		limit, also := r.path(table[name])
		if ok && also {
			list = append(list, AtMost{Field: field, Limit: limit})
		}
	}
	return list
}

func (r *reader) blocks(raw []byte) *Blocks {
	var said struct{ Default, Override string }
	if !r.decode(raw, &said, `{"default":"traffic"}`) {
		return nil
	}
	b := &Blocks{}
	if said.Default != "" {
		b.Default, _ = r.path(said.Default)
	}
	if said.Override != "" {
		b.Override, _ = r.path(said.Override)
	}
	if len(b.Default) == 0 && len(b.Override) == 0 {
		r.fault("", `it names no block: write {"default":"traffic"}`)
		return nil
	}
	return b
}

func (r *reader) inline(raw []byte) map[string][]InlineField {
	var table map[string]map[string]json.RawMessage
	if !r.decode(raw, &table, `{"HTTPRoute":{"request":"timeouts.request"}}`) {
		return nil
	}
	inline := make(map[string][]InlineField, len(table))
	for _, route := range sortedKeys(table) {
		for _, name := range sortedKeys(table[route]) {
			if f, ok := r.inlineField(route, name, table[route][name]); ok {
				inline[route] = append(inline[route], f)
			}
		}
	}
	return inline
}

func (r *reader) inlineField(route, name string, raw json.RawMessage) (InlineField, bool) {
	field, ok := r.path(name)
	if !ok {
		return InlineField{}, false
	}
	var long struct{ Path, As string }
	if json.Unmarshal(raw, &long.Path) != nil {
		if err := json.Unmarshal(raw, &long); err != nil || long.Path == "" || (long.As != "" && long.As != "string") {
			r.fault(route+"."+name, `%s is neither a path like "retry.attempts" nor {"path":"retry.codes","as":"string"}`, raw)
			return InlineField{}, false
		}
	}
	path, ok := r.path(long.Path)
	return InlineField{Field: field, Path: path, AsString: long.As == "string"}, ok
}

func (r *reader) appliesTo(raw []byte) map[string][]Path {
	var table map[string][]string
	if !r.decode(raw, &table, `{"HTTPRoute":["*"],"UDPRoute":["idle"]}`) {
		return nil
	}
	applies := make(map[string][]Path, len(table))
	for _, route := range sortedKeys(table) {
		applies[route] = r.paths(table[route])
	}
	return applies
}

func (r *reader) bounds(raw []byte) []BoundedField {
	var table map[string]json.RawMessage
	if !r.decode(raw, &table, `{"request":"duration"}`) {
		return nil
	}
	list := []BoundedField{}
	for _, name := range sortedKeys(table) {
		field, ok := r.path(name)
		if !ok {
			continue
		}
		if b, ok := r.bounded(name, table[name]); ok {
			b.Field = field
			list = append(list, b)
		}
	}
	return list
}

func (r *reader) bounded(name string, raw json.RawMessage) (BoundedField, bool) {
	var said struct {
		Type   BoundType       `json:"type"`
		Off    json.RawMessage `json:"off"`
		Absent any             `json:"absent"`
	}
	if json.Unmarshal(raw, &said.Type) != nil {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&said); err != nil {
			r.fault(name, `%s is neither a type like "duration" nor {"type":"duration","off":"0s"}`, raw)
			return BoundedField{}, false
		}
	}
	b := BoundedField{Type: said.Type, Absent: said.Absent}
	switch said.Type {
	case DurationBound:
		b.Off = &Off{Value: "0s"}
	case IntegerBound, QuantityBound, TextBound:
	default:
		r.fault(name, "type %q is not known: write duration, integer, quantity or text", said.Type)
		return b, false
	}
	if said.Off != nil {
		off, ok := r.off(name, said.Off)
		if !ok {
			return b, false
		}
		b.Off = off
	}
	return b, true
}

// off reads what switches a field off: a value of the field, a value of another field, or null if
// nothing does.
func (r *reader) off(name string, raw json.RawMessage) (*Off, bool) {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		r.fault(name, "off: %v", err)
		return nil, false
	}
	object, isObject := value.(map[string]any)
	switch {
	case value == nil:
		return nil, true
	case !isObject:
		value, ok := r.scalar(name, value)
		return &Off{Value: value}, ok
	case len(object) != 1:
		r.fault(name, `off names %d fields: write one, like {"mode":"Disabled"}`, len(object))
		return nil, false
	}
	key := sortedKeys(object)[0]
	path, isPath := r.path(key)
	switched, ok := r.scalar(name, object[key])
	return &Off{Switch: path, Value: switched}, isPath && ok
}

// scalar converts a value of off to the form in objects, where whole numbers are integers.
func (r *reader) scalar(name string, value any) (any, bool) {
	switch v := value.(type) {
	case string, bool:
		return v, true
	case float64:
		if v == math.Trunc(v) {
			return int64(v), true
		}
		return v, true
	}
	r.fault(name, "off: %v is not one value: write a text, a number, true or false", value)
	return nil, false
}

func (r *reader) summary(raw []byte) []SummaryValue {
	var table map[string]string
	if !r.decode(raw, &table, `{"TIMEOUT":"request"}`) {
		return nil
	}
	list := []SummaryValue{}
	for _, name := range sortedKeys(table) {
		if p, ok := r.path(table[name]); ok {
			list = append(list, SummaryValue{Name: name, Field: p})
		}
	}
	return list
}

func (r *reader) statedBy(raw []byte) []Path {
	var names []string
	if !r.decode(raw, &names, `["rate","limits.*"]`) {
		return nil
	}
	return append([]Path{}, r.paths(names)...)
}
