package eventually

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTryReturnsWhenTheConditionHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checks := 0
		err := Try(t.Context(), time.Hour, func(context.Context) error {
			if checks++; checks < 3 {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil || checks != 3 {
			t.Errorf("%d checks, %v", checks, err)
		}
	})
}

func TestTryGivesUpWithTheLastReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, reason := time.Now(), errors.New("two of three")
		err := Try(t.Context(), time.Minute, func(ctx context.Context) error {
			if time.Since(began) < 50*time.Second {
				return reason
			}
			<-ctx.Done() // the check that the limit cuts short has nothing to say
			return ctx.Err()
		})
		if !errors.Is(err, reason) {
			t.Errorf("got %v, want the reason of the last finished check", err)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %s, want the limit", took)
		}
	})
}

func TestTryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := Try(ctx, time.Hour, func(context.Context) error { return errors.New("never") }); err == nil {
			t.Error("no error")
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %s, want a second", took)
		}
	})
}

func TestTryEndsAtAFinalError(t *testing.T) {
	checks, reason := 0, errors.New("is invalid")
	err := Try(t.Context(), time.Hour, func(context.Context) error {
		checks++
		return Final(reason)
	})
	if err != reason || checks != 1 { //nolint:errorlint // the very error, without its mark
		t.Errorf("%d checks, %v", checks, err)
	}
}
