package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// Old is the old side: the Ingresses of one controller with what configures it.
type Old struct {
	input
	replicas   replicas
	options    Options
	controller *controller
	rows       map[string]*Row
	services   map[string]*Object
	secrets    map[string]bool
	view       *routing.View
	owners     map[*routing.Location]*owner
	report     *report
	// listing are the Ingresses of each host, the oldest first.
	listing map[string][]*ingress
	// redirecting are the groups of ALB whose http is redirected to https.
	redirecting map[string]bool
}

// owner is who states a location.
type owner struct {
	ingress *ingress
	backend *backendRef
	// field is where the path stands in the Ingress.
	field string
	// unresolved says that the port of its Service cannot be told, pattern that its path
	// is one of the controller's own kind.
	unresolved bool
	pattern    string
}

// Read decodes the old side. An error is an *InputError.
func Read(objects []Object, options Options) (*Old, error) {
	o := &Old{
		options: options.defaulted(), input: input{objects: objects}, services: map[string]*Object{}, secrets: map[string]bool{},
		owners: map[*routing.Location]*owner{}, listing: map[string][]*ingress{},
	}
	all, broken := o.decode()
	if err := o.choose(all); err != nil {
		return nil, err
	}
	o.report = newReport(o.controller.name, o.options.Accept)
	o.rows = rowsByName(o.controller.rows())
	for _, f := range broken {
		o.report.add(f)
	}
	o.leaveOut(all)
	o.config = findConfig(objects, o.options.ConfigMap, o.controller)
	if o.options.ConfigMap.Name != "" && o.config.object == nil {
		return nil, &InputError{Message: fmt.Sprintf("--config-map %s/%s is not in the input", o.options.ConfigMap.Namespace, o.options.ConfigMap.Name)}
	}
	o.replicas = findReplicas(objects, o.options.Replicas, o.controller.label)
	o.sortByAge()
	for _, g := range o.ingresses {
		o.readNginx(g)
		g.chosen = o.options.Chosen == nil || o.options.Chosen(g.namespace, g.name, g.labels)
	}
	o.redirecting = albRedirecting(o.ingresses)
	o.buildView()
	return o, nil
}

func (o *Old) decode() (all []*ingress, broken []Finding) {
	for i := range o.objects {
		object := &o.objects[i]
		switch object.GetKind() {
		case "Service":
			o.services[placeOf(object)] = object
		case "Secret":
			o.secrets[placeOf(object)] = true
		case "Ingress":
			g, bad := decodeIngress(*object)
			all = append(all, g)
			for _, text := range bad {
				broken = append(broken, Finding{
					Status: Unresolved, Effect: Breaks, Ingress: g.place(), File: object.File, Document: object.Document, Line: object.line("spec"),
					Message: "Ingress " + g.place() + ": " + text + ": that part is left out",
				})
			}
		}
	}
	return all, broken
}

// choose finds the one controller of the run, and its Ingresses (M6, M7).
func (o *Old) choose(all []*ingress) error {
	if o.options.Controller != "" && !known(o.options.Controller) {
		return &InputError{Message: "--controller " + o.options.Controller + " is not known: write one of " + strings.Join(Controllers(), ", ")}
	}
	classes := readClasses(o.objects)
	found, classed := map[string]int{}, false
	for _, g := range all {
		classes.classify(g, o.options.Controller)
		classed = classed || g.class != "" || g.controller != ""
	}
	for _, g := range all {
		if g.controller == "" && o.options.Controller != "" {
			g.controller = o.options.Controller
		}
		if !classed && g.controller == "" { // nothing says anything: the commonest
			g.controller = IngressNginx
		}
		if o.options.Controller != "" && !known(g.controller) && g.class == o.options.IngressClass {
			g.controller = o.options.Controller
		}
		if o.options.IngressClass != "" && g.class != o.options.IngressClass {
			continue
		}
		if known(g.controller) && (o.options.Controller == "" || g.controller == o.options.Controller) {
			found[g.controller+" "+g.class]++
			o.ingresses = append(o.ingresses, g)
		}
	}
	if len(o.ingresses) == 0 {
		return &InputError{Message: noIngresses(all), None: len(all) == 0 || o.options.Controller != ""}
	}
	controllers := map[string]bool{}
	for key := range found {
		name, _, _ := strings.Cut(key, " ")
		controllers[name] = true
	}
	if len(controllers) > 1 {
		return &InputError{Message: "the input has Ingresses of " + strings.Join(slices.Sorted(maps.Keys(controllers)), " and ") + ": choose one with --controller"}
	}
	if len(found) > 1 && o.options.IngressClass == "" {
		var names []string
		for _, key := range slices.Sorted(maps.Keys(found)) {
			_, class, _ := strings.Cut(key, " ")
			if class != "" {
				names = append(names, class)
			}
		}
		if len(names) > 1 {
			return &InputError{Message: "the input has Ingresses of the classes " + strings.Join(names, " and ") + ": choose one with --ingress-class"}
		}
	}
	o.controller = controllerNamed(o.ingresses[0].controller)
	return nil
}

func noIngresses(all []*ingress) string {
	if len(all) == 0 {
		return "the input has no Ingress"
	}
	classes := map[string]bool{}
	for _, g := range all {
		classes[cmp.Or(g.class, "none")] = true
	}
	return fmt.Sprintf("no Ingress of the input belongs to a controller that can be left (classes: %s): say which it is with --controller, one of %s",
		strings.Join(slices.Sorted(maps.Keys(classes)), ", "), strings.Join(Controllers(), ", "))
}

// leaveOut counts the Ingresses of others in one finding (M6).
func (o *Old) leaveOut(all []*ingress) {
	others := map[string]int{}
	for _, g := range all {
		if !slices.Contains(o.ingresses, g) {
			others[cmp.Or(g.class, g.controller, "no class")]++
		}
	}
	if len(others) == 0 {
		return
	}
	var parts []string
	total := 0
	for _, name := range slices.Sorted(maps.Keys(others)) {
		parts = append(parts, fmt.Sprintf("%d of %s", others[name], name))
		total += others[name]
	}
	o.report.add(Finding{Status: LeftOut, Effect: None, Message: prose.Count(total, "Ingress") + " of other classes left out: " + strings.Join(parts, ", ")})
}

// sortByAge orders the Ingresses as the controller lets them win (M8).
func (o *Old) sortByAge() {
	compare := func(a, b *ingress) int {
		switch {
		case a.created.IsZero() == b.created.IsZero():
			return a.created.Compare(b.created)
		case a.created.IsZero():
			return 1
		}
		return -1
	}
	slices.SortFunc(o.ingresses, func(a, b *ingress) int {
		byName := cmp.Compare(a.place(), b.place())
		if o.controller.nginx {
			byName = -byName
		}
		return cmp.Or(compare(a, b), byName)
	})
	for i, g := range o.ingresses {
		g.age = i
	}
}

// older says in words why one Ingress comes before another.
func older(a, b *ingress) string {
	if a.created.Equal(b.created) {
		return "neither is older, and of equal age the later name comes first"
	}
	return "it is older"
}
