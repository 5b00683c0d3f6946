package eventually

import (
	"context"
	"errors"
	"testing"
	"time"
)

const (
	// Limit is long enough for the slowest machine: nobody waits for it unless a test fails.
	Limit = time.Minute
	// step is the time between two checks.
	step = 5 * time.Millisecond
)

type final struct{ error }

func (f final) Unwrap() error { return f.error }

// Final marks an error that waiting does not change: the wait ends with it.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return final{err}
}

// Try checks until there is no error. At the limit, or when the context ends, it returns the error
// of the last check that was not cut short.
func Try(ctx context.Context, limit time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	last := errors.New("no check was finished")
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		var end final
		if errors.As(err, &end) {
			return end.error
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-ticker.C:
		}
	}
}

// OK checks until there is no error, and says how long that took. The test ends here if there still
// is one at the limit.
func OK(t testing.TB, limit time.Duration, what string, check func(context.Context) error) time.Duration {
	t.Helper()
	began := time.Now()
	if err := Try(t.Context(), limit, check); err != nil {
		t.Fatalf("waiting %s for %s: %v", time.Since(began).Round(time.Millisecond), what, err)
	}
	return time.Since(began)
}

// True waits until is returns true. The test ends here if it does not at the limit.
func True(t testing.TB, what string, is func() bool) {
	t.Helper()
	OK(t, Limit, what, func(context.Context) error {
		if is() {
			return nil
		}
		return errors.New("it is not so")
	})
}
