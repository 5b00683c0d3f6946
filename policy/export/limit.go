package export

import (
	"math/big"
	"strings"
	"time"
)

// limit is one rate limit.
type limit struct {
	// name is empty for the unnamed limit.
	name string
	// rate is per second; nil when the limit has none.
	rate *big.Rat
	// requests and per are of a named limit.
	requests int64
	per      time.Duration
	burst    int64
	hasBurst bool
	key      string
	counter  string
	disabled bool
}

// named says whether it is one of the named limits.
func (l *limit) named() bool { return l.name != "" }

// field is a field of the limit.
func (l *limit) field(name string) Field { return Field{Policy: RateLimitPolicy, Limit: l.name, Name: name} }

// head is the field that states the rate.
func (l *limit) head() Field {
	if l.named() {
		return l.field(requests)
	}
	return l.field(requestsPerSecond)
}

// capacity is how many requests the bucket that is asked for holds (E7.4).
func (l *limit) capacity() *big.Int {
	if l.named() {
		return new(big.Int).Add(big.NewInt(l.requests), big.NewInt(l.burst))
	}
	whole := new(big.Int).Quo(l.rate.Num(), l.rate.Denom())
	if whole.Sign() < 1 {
		whole.SetInt64(1)
	}
	return whole.Add(whole, big.NewInt(l.burst))
}

// header is the name of the header that requests are counted apart by.
func (l *limit) header() (string, bool) { return strings.CutPrefix(l.key, "Header:") }

func (l *limit) read(name string, v any) {
	switch name {
	case requestsPerSecond:
		l.rate, _ = rational(v)
	case requests:
		l.requests, _ = Integer(v)
	case per:
		d, _ := parseDuration(v)
		l.per = d.Duration
	case burst:
		l.burst, l.hasBurst = Integer(v)
	case key:
		l.key, _ = v.(string)
	case counter:
		l.counter, _ = v.(string)
	case mode:
		l.disabled = v == "Disabled"
	}
}

// unit is a period in which a plane counts requests.
type unit struct {
	name string
	size time.Duration
}

// perUnit writes a limit as requests per unit (E7.4): exactly where the limit's
// own period is one of the units, else in the first unit in which rounding down
// loses at most a twentieth. ok is false when no unit is long enough.
func (l *limit) perUnit(units []unit, most int64) (requests int64, u unit, exact, ok bool) {
	for _, u := range units {
		if l.named() && l.per == u.size && l.requests <= most {
			return l.requests, u, true, true
		}
	}
	for _, u := range units {
		whole := new(big.Rat).Mul(l.rate, new(big.Rat).SetInt64(int64(u.size/time.Second)))
		floor := new(big.Int).Quo(whole.Num(), whole.Denom())
		kept := new(big.Rat).SetInt(floor)
		least := new(big.Rat).Mul(whole, big.NewRat(95, 100))
		if floor.Sign() < 1 || kept.Cmp(least) < 0 {
			continue
		}
		if !floor.IsInt64() || floor.Int64() > most {
			return most, u, false, true
		}
		return floor.Int64(), u, kept.Cmp(whole) == 0, true
	}
	return 0, unit{}, false, false
}

// perSeconds is the rate in lowest terms: requests per whole seconds.
func (l *limit) perSeconds() (requests, seconds int64, ok bool) {
	if !l.rate.Num().IsInt64() || !l.rate.Denom().IsInt64() || l.rate.Sign() <= 0 {
		return 0, 0, false
	}
	return l.rate.Num().Int64(), l.rate.Denom().Int64(), true
}
