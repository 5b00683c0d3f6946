package explain

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/merge"
)

// published is an EffectivePolicy object as api.md section 3 has it.
type published struct {
	target hierarchy.Ref
	scopes []publishedScope
}

type publishedScope struct {
	Parents       []publishedParent         `json:"parents"`
	Rules         []publishedRule           `json:"rules"`
	Effective     map[string]map[string]any `json:"effective"`
	Origins       []publishedOrigin         `json:"origins"`
	NotSet        []publishedNotSet         `json:"notSet"`
	NotApplicable []publishedField          `json:"notApplicable"`
	Invalid       []publishedField          `json:"invalid"`

	// chosen is the one rule that is asked about.
	chosen string
}

type publishedParent struct {
	Gateway     publishedName `json:"gateway"`
	ListenerSet publishedName `json:"listenerSet"`
	Listener    string        `json:"listener"`
}

type publishedName struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

type publishedRule struct {
	Index int    `json:"index"`
	Name  string `json:"name"`
}

type publishedReference struct {
	Group       string `json:"group"`
	Kind        string `json:"kind"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	SectionName string `json:"sectionName"`
}

type publishedOrigin struct {
	publishedField
	Level     string             `json:"level"`
	Block     string             `json:"block"`
	From      publishedReference `json:"from"`
	Target    publishedReference `json:"target"`
	Beat      []publishedNotSet  `json:"beat"`
	ClampedBy publishedReference `json:"clampedBy"`
	Stated    any                `json:"stated"`
}

// publishedNotSet is a value that lost, or was removed.
type publishedNotSet struct {
	publishedField
	Value any                `json:"value"`
	Level string             `json:"level"`
	Block string             `json:"block"`
	From  publishedReference `json:"from"`
	Rule  string             `json:"rule"`
	By    publishedReference `json:"by"`
}

type publishedField struct {
	Policy  string `json:"policy"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

func decodePublished(object *unstructured.Unstructured) (*published, error) {
	var read struct {
		TargetRef publishedReference `json:"targetRef"`
		Status    struct {
			Scopes []publishedScope `json:"scopes"`
		} `json:"status"`
	}
	text, err := json.Marshal(object.Object)
	if err == nil {
		err = kjson.Unmarshal(text, &read)
	}
	if err != nil {
		return nil, fmt.Errorf("EffectivePolicy %s/%s is not in the form of this version: %w", object.GetNamespace(), object.GetName(), err)
	}
	read.TargetRef.Namespace = object.GetNamespace()
	return &published{read.TargetRef.ref(), read.Status.Scopes}, nil
}

func (p *published) isRoute() bool { return p.target.GroupKind != hierarchy.GatewayKind }

func (r publishedReference) ref() hierarchy.Ref {
	if r.Kind == "" {
		return hierarchy.Ref{}
	}
	return hierarchy.NewRef(r.Group, r.Kind, r.Namespace, r.Name).WithSection(r.SectionName)
}

func (n publishedName) place() string { return n.Namespace + "/" + n.Name }

// listener is the parent as the engine has it, as far as the object says it.
func (p publishedParent) listener() *hierarchy.Listener {
	gateway := hierarchy.NewRef(hierarchy.Group, "Gateway", p.Gateway.Namespace, p.Gateway.Name)
	l := &hierarchy.Listener{Gateway: gateway, Ref: gateway.WithSection(p.Listener)}
	if p.ListenerSet.Name != "" {
		l.ListenerSet = hierarchy.NewRef(hierarchy.Group, "ListenerSet", p.ListenerSet.Namespace, p.ListenerSet.Name)
		l.Ref = l.ListenerSet.WithSection(p.Listener)
	}
	return l
}

// origin is the origin of a value, which stands in the merged values of its kind.
func (o *publishedOrigin) origin(merged map[string]any) (effective.Origin, error) {
	path, err := crd.ParsePath(o.Field)
	if err != nil {
		return effective.Origin{}, err
	}
	value, _, _ := unstructured.NestedFieldNoCopy(merged, path...)
	out := effective.Origin{
		Path: path, Value: value, From: o.From.ref(), Target: o.Target.ref(), Level: levelOrRoute(o.Level),
		Block: blockNamed(o.Block), ClampedBy: o.ClampedBy.ref(), Stated: o.Stated,
	}
	for _, b := range o.Beat {
		out.Beat = append(out.Beat, effective.Beaten{Level: levelOrRoute(b.Level), Block: blockNamed(b.Block), From: b.From.ref(), Value: b.Value})
	}
	return out, nil
}

// levelOrRoute is a level by its name. Objects of an older form may not say it.
func levelOrRoute(name string) hierarchy.Level {
	if level, ok := hierarchy.LevelNamed(name); ok {
		return level
	}
	return hierarchy.RouteLevel
}

func blockNamed(name string) merge.Block {
	for _, block := range []merge.Block{merge.Inline, merge.Override, merge.Bound} {
		if block.String() == name {
			return block
		}
	}
	return merge.Default
}

// bareKind is a policy kind of which nothing but the name is known.
func bareKind(name string) *policy.Kind {
	gk := kschema.ParseGroupKind(name)
	if gk.Group == "" {
		gk.Group = policy.Group
	}
	k := &policy.Kind{}
	k.GroupKind = gk
	return k
}
