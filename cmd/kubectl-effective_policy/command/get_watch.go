package command

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/source/cluster"
)

// watch prints the rows of get, and then every row that changes, until the user ends it. A row that
// disappears is printed once more, as kubectl does.
func (o *options) watch(ctx context.Context, args []string, flags *getFlags) error {
	switch {
	case len(o.Files) > 0:
		return errNothingToWatch
	case o.Output != workspace.FormatTable && o.Output != workspace.FormatWide && o.Output != formatName:
		return fmt.Errorf("--watch prints rows: leave -o %s out", o.Output)
	case flags.watchEvents && o.Output == formatName:
		return errNameIsNoRow
	}
	w, err := o.Load(ctx)
	if err != nil {
		return err
	}
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return err
	}
	settings, err := o.ClusterSettings(ctx, config)
	if err != nil {
		return err
	}
	live, err := cluster.New(config, cluster.Options{Policy: settings})
	if err != nil {
		return err
	}
	// A buffer of one is enough: only the latest snapshot is printed.
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
			o.Note("%v", err)
		}
	}()
	printed := &printedRows{rows: map[string]shownPolicy{}}
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

// printedRows are the rows as last printed; some means that any was ever printed.
type printedRows struct {
	rows map[string]shownPolicy
	some bool
}

// The events of --output-watch-events, as in kubectl.
const (
	eventAdded    = "ADDED"
	eventModified = "MODIFIED"
	eventDeleted  = "DELETED"
)

// printChanged prints the rows that differ from those last printed, and then those that
// disappeared: the route or Gateway was deleted, no policy reaches it any more, or it does not
// match the filters.
func (o *options) printChanged(ctx context.Context, w *workspace.Workspace, now *policy.Snapshot, args []string, flags *getFlags, printed *printedRows) error {
	w.Follow(now)
	var shown []shownPolicy
	// A named object may be missing for a while.
	if there := existing(w, args); len(args) == 0 || len(there) > 0 {
		var err error
		if shown, err = o.shownPolicies(ctx, w, there, flags); err != nil {
			return err
		}
	}
	fresh := printed.news(shown, flags)
	if len(fresh) == 0 {
		return nil
	}
	rows := *flags
	rows.noHeaders = flags.noHeaders || printed.some
	printed.some = true
	if o.Output == formatName {
		return o.printFields(fresh, true)
	}
	return o.printPolicies(fresh, &rows)
}

// news returns the rows to print, each with its event, given the current rows.
func (p *printedRows) news(shown []shownPolicy, flags *getFlags) []shownPolicy {
	var fresh []shownPolicy
	there := map[string]bool{}
	for _, s := range shown {
		key := s.object.GetNamespace() + "/" + s.object.GetName()
		there[key] = true
		was, known := p.rows[key]
		switch {
		case !known:
			s.event = eventAdded
		case slices.Equal(was.cells(flags, true), s.cells(flags, true)):
			continue
		default:
			s.event = eventModified
		}
		p.rows[key] = s
		fresh = append(fresh, s)
	}
	for _, key := range slices.Sorted(maps.Keys(p.rows)) {
		if s := p.rows[key]; !there[key] {
			s.event = eventDeleted
			fresh = append(fresh, s)
			delete(p.rows, key) // it is printed again when it is back
		}
	}
	return fresh
}

// existing returns those of the names whose objects exist.
func existing(w *workspace.Workspace, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, err := w.Find([]string{name}, w.Targets())
		return err != nil
	})
}
