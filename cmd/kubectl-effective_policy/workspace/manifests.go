package workspace

import (
	"context"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/source"
)

// ReadManifests reads what the flags name, and says on standard error in one line
// what was passed over.
func (o *Flags) ReadManifests(ctx context.Context, paths []string, options source.Options) (*source.Input, error) {
	settings, err := o.Settings()
	if err != nil {
		return nil, err
	}
	options.Recursive, options.Strict = o.Recursive, o.Strict
	options.Undefined = append(Undefined(settings), o.PlaneKinds...)
	said := o.Progress("objects checked")
	options.Progress = said.At
	in, err := source.New(paths, options).Read(ctx)
	said.End()
	if err != nil {
		return nil, err
	}
	o.SayPassedOver(in)
	return in, nil
}

// SayPassedOver says on standard error what was read, and what was passed over.
func (o *Flags) SayPassedOver(in *source.Input) {
	if o.Quiet {
		return
	}
	n := len(in.PassedOver)
	if o.verbose {
		for _, p := range in.PassedOver {
			o.Note("passed over: %s", p.String())
		}
	}
	var parts []string
	if n > 0 {
		text := prose.Count(len(in.Documents)+len(in.Refused), "document") + " read, " + strconv.Itoa(n) + " passed over"
		if !o.verbose {
			text += ": -v lists them"
		}
		parts = append(parts, text)
	}
	if len(in.Unbuilt) > 0 {
		text := "a kustomization that uses other folders is not built: kustomize build " + in.Unbuilt[0] + " | … -f -"
		if more := len(in.Unbuilt) - 1; more > 0 {
			text += " (and " + prose.Count(more, "more folder") + ")"
		}
		parts = append(parts, text)
	}
	if len(parts) > 0 {
		o.Note("%s", strings.Join(parts, "; "))
	}
}
