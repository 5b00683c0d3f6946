package oldside

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// Side is the old side: the Ingresses of one controller with what configures it.
type Side struct {
	controller.Input
	Controller *controller.Controller
	Options    option.Options
	// Replicas are the Pods of the controller that count limits.
	Replicas controller.Replicas
	rows     map[string]*controller.Row
	// Services are those of the input, by namespace and name.
	Services map[string]*document.Object
	// View is what the controller answers, Owners say which Ingress states a location.
	View   *routing.View
	Owners map[*routing.Location]*Owner
	Report *finding.Report
	// ByHost are the Ingresses of each host, the oldest first.
	ByHost map[string][]*ingress.Ingress
	// redirecting are the groups of ALB whose http is redirected to https.
	redirecting map[string]bool
}

// Owner is the Ingress that states a location, and where.
type Owner struct {
	Ingress *ingress.Ingress
	Backend *ingress.Backend
	// Field is where the path stands in the Ingress.
	Field string
	// Unresolved says that the port of its Service cannot be told, Pattern why
	// its path has no equal among the matches of a route.
	Unresolved bool
	Pattern    string
}

// Read decodes the old side. An error is a *document.InputError.
func Read(objects []document.Object, options option.Options) (*Side, error) {
	o := &Side{
		Options: options.WithDefaults(), Input: controller.Input{Objects: objects}, Services: map[string]*document.Object{},
		Owners: map[*routing.Location]*Owner{}, ByHost: map[string][]*ingress.Ingress{},
	}
	all, broken := o.decode()
	if err := o.choose(all); err != nil {
		return nil, err
	}
	o.Report = finding.NewReport(o.Controller.Name, o.Options.Accept)
	o.rows = controller.RowsByName(o.Controller.Rows())
	for _, f := range broken {
		o.Report.Add(f)
	}
	o.leaveOut(all)
	o.Config = controller.FindConfig(objects, o.Options.ConfigMap, o.Controller)
	if o.Options.ConfigMap.Name != "" && o.Config.Object == nil {
		return nil, &document.InputError{Message: fmt.Sprintf("--config-map %s/%s is not in the input", o.Options.ConfigMap.Namespace, o.Options.ConfigMap.Name)}
	}
	o.Replicas = controller.FindReplicas(objects, o.Options.Replicas, o.Controller.Label)
	o.sortByAge()
	for _, g := range o.Ingresses {
		o.readAnnotations(g)
		g.Chosen = o.Options.Chosen == nil || o.Options.Chosen(g.Namespace, g.Name, g.Labels)
	}
	o.redirecting = controller.ALBRedirecting(o.Ingresses)
	o.buildView()
	return o, nil
}

func (o *Side) decode() (all []*ingress.Ingress, broken []finding.Finding) {
	for i := range o.Objects {
		object := &o.Objects[i]
		switch object.GetKind() {
		case "Service":
			o.Services[document.PlaceOf(object)] = object
		case "Ingress":
			g, bad := ingress.Decode(*object)
			all = append(all, g)
			for _, text := range bad {
				broken = append(broken, finding.Finding{
					Status: finding.Unresolved, Effect: finding.Breaks, Ingress: g.Place(), File: object.File, Document: object.Document, Line: object.LineOf("spec"),
					Message: "Ingress " + g.Place() + ": " + text + ": that part is left out",
				})
			}
		}
	}
	return all, broken
}

// choose finds the one controller of the run, and its Ingresses (M6, M7).
func (o *Side) choose(all []*ingress.Ingress) error {
	if o.Options.Controller != "" && !controller.IsKnown(o.Options.Controller) {
		return &document.InputError{Message: "--controller " + o.Options.Controller + " is not known: write one of " + strings.Join(controller.Known(), ", ")}
	}
	classes := controller.ReadClasses(o.Objects)
	found, classed := map[string]int{}, false
	for _, g := range all {
		classes.Classify(g, o.Options.Controller)
		classed = classed || g.Class != "" || g.Controller != ""
	}
	for _, g := range all {
		if g.Controller == "" && o.Options.Controller != "" {
			g.Controller = o.Options.Controller
		}
		if !classed && g.Controller == "" { // nothing says anything: the commonest
			g.Controller = controller.IngressNginx
		}
		if o.Options.Controller != "" && !controller.IsKnown(g.Controller) && g.Class == o.Options.IngressClass {
			g.Controller = o.Options.Controller
		}
		if o.Options.IngressClass != "" && g.Class != o.Options.IngressClass {
			continue
		}
		if controller.IsKnown(g.Controller) && (o.Options.Controller == "" || g.Controller == o.Options.Controller) {
			found[g.Controller+" "+g.Class]++
			o.Ingresses = append(o.Ingresses, g)
		}
	}
	if len(o.Ingresses) == 0 {
		return &document.InputError{Message: noIngresses(all), None: len(all) == 0 || o.Options.Controller != ""}
	}
	controllers := map[string]bool{}
	for key := range found {
		name, _, _ := strings.Cut(key, " ")
		controllers[name] = true
	}
	if len(controllers) > 1 {
		return &document.InputError{Message: "the input has Ingresses of " + strings.Join(slices.Sorted(maps.Keys(controllers)), " and ") + ": choose one with --controller"}
	}
	if len(found) > 1 && o.Options.IngressClass == "" {
		var names []string
		for _, key := range slices.Sorted(maps.Keys(found)) {
			_, class, _ := strings.Cut(key, " ")
			if class != "" {
				names = append(names, class)
			}
		}
		if len(names) > 1 {
			return &document.InputError{Message: "the input has Ingresses of the classes " + strings.Join(names, " and ") + ": choose one with --ingress-class"}
		}
	}
	o.Controller = controller.ByName(o.Ingresses[0].Controller)
	return nil
}

func noIngresses(all []*ingress.Ingress) string {
	if len(all) == 0 {
		return "the input has no Ingress"
	}
	classes := map[string]bool{}
	for _, g := range all {
		classes[cmp.Or(g.Class, "none")] = true
	}
	return fmt.Sprintf("no Ingress of the input belongs to a controller that migrate knows (classes: %s): say which it is with --controller, one of %s",
		strings.Join(slices.Sorted(maps.Keys(classes)), ", "), strings.Join(controller.Known(), ", "))
}

// leaveOut counts the Ingresses of other classes in one finding (M6).
func (o *Side) leaveOut(all []*ingress.Ingress) {
	others := map[string]int{}
	for _, g := range all {
		if !slices.Contains(o.Ingresses, g) {
			others[cmp.Or(g.Class, g.Controller, "no class")]++
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
	o.Report.Add(finding.Finding{Status: finding.LeftOut, Effect: finding.None, Message: prose.Count(total, "Ingress") + " of other classes left out: " + strings.Join(parts, ", ")})
}

// sortByAge orders the Ingresses as the controller lets them win (M8).
func (o *Side) sortByAge() {
	compare := func(a, b *ingress.Ingress) int {
		switch {
		case a.Created.IsZero() == b.Created.IsZero():
			return a.Created.Compare(b.Created)
		case a.Created.IsZero():
			return 1
		}
		return -1
	}
	slices.SortFunc(o.Ingresses, func(a, b *ingress.Ingress) int {
		byName := cmp.Compare(a.Place(), b.Place())
		if o.Controller.Nginx {
			byName = -byName
		}
		return cmp.Or(compare(a, b), byName)
	})
	for i, g := range o.Ingresses {
		g.Age = i
	}
}

// older says in words why one Ingress comes before another.
func older(a, b *ingress.Ingress) string {
	if a.Created.Equal(b.Created) {
		return "neither is older, and then their names decide"
	}
	return "it is older"
}
