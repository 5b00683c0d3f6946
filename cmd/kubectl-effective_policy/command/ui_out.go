package command

import (
	"bytes"
	"context"
	"os"

	"github.com/attache-dev/attache/policy/console"
)

// uiFile writes the page with its data to one file.
func (o *options) uiFile(ctx context.Context, source uiWorld, flags *uiFlags) error {
	place := flags.open
	handler := console.New(uiOptions(source))
	if len(flags.base) > 0 {
		name, err := handler.Try(ctx, console.Edit{Files: o.Files})
		if err != nil {
			return err
		}
		place = withTrial(place, name)
	}
	var file bytes.Buffer
	if err := handler.Export(ctx, &file, place); err != nil {
		return err
	}
	if flags.out == "-" {
		_, err := o.Streams.Out.Write(file.Bytes())
		return err
	}
	if err := os.WriteFile(flags.out, file.Bytes(), 0o644); err != nil {
		return err
	}
	o.Note("%s: %d KiB", flags.out, file.Len()>>10)
	return nil
}
