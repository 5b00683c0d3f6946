package command

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/source/cluster"
)

// watch prints the rows of get, and then every row that changes, until the person
// ends it.
func (o *options) watch(ctx context.Context, args []string, flags *getFlags) error {
	switch {
	case len(o.files) > 0:
		return errNothingToWatch
	case o.output != formatTable && o.output != formatWide && o.output != formatName:
		return fmt.Errorf("--watch prints rows: leave -o %s out", o.output)
	}
	w, err := o.load(ctx)
	if err != nil {
		return err
	}
	config, err := o.config.ToRESTConfig()
	if err != nil {
		return err
	}
	settings, err := o.clusterSettings(ctx, config)
	if err != nil {
		return err
	}
	live, err := cluster.New(config, cluster.Options{Policy: settings})
	if err != nil {
		return err
	}
	// One place is enough: what is looked at is always the latest snapshot.
	changed := make(chan struct{}, 1)
	_, cancel := live.Subscribe(func(cluster.Batch) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	defer cancel()
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- live.Start(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			o.note("%v", err)
		}
	}()
	printed := &printedRows{cells: map[string][]string{}}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		if err := o.printChanged(ctx, w, live.Snapshot(), args, flags, printed); err != nil {
			return err
		}
	}
}

// printedRows are the rows as they were printed last, and whether any ever was.
type printedRows struct {
	cells map[string][]string
	some  bool
}

// printChanged prints the rows that are not as they were printed last.
func (o *options) printChanged(ctx context.Context, w *workspace, now *policy.Snapshot, args []string, flags *getFlags, printed *printedRows) error {
	w.snapshot, w.kinds = now, kindsOf(now)
	if len(args) > 0 { // what was named may be gone for a while
		if _, err := w.find(args, w.targets()); err != nil {
			return nil //nolint:nilerr // nothing to print meanwhile
		}
	}
	shown, err := o.shownPolicies(ctx, w, args, flags)
	if err != nil {
		return err
	}
	var fresh []shownPolicy
	there := map[string]bool{}
	for _, s := range shown {
		key, cells := s.object.GetNamespace()+"/"+s.object.GetName(), s.cells(flags, true)
		if was, known := printed.cells[key]; !known || !slices.Equal(was, cells) {
			printed.cells[key] = cells
			fresh = append(fresh, s)
		}
		there[key] = true
	}
	maps.DeleteFunc(printed.cells, func(key string, _ []string) bool { return !there[key] }) // it is news when it is back
	if len(fresh) == 0 {
		return nil
	}
	rows := *flags
	rows.noHeaders = flags.noHeaders || printed.some
	printed.some = true
	if o.output == formatName {
		return o.printFields(fresh, true)
	}
	return o.printPolicies(fresh, &rows)
}
