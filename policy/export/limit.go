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
	// rate is the number of requests per second, nil if the limit has none.
	rate *big.Rat
	// requests and per are fields of a named limit.
	requests int64
	per      time.Duration
	burst    int64
	hasBurst bool
	key      string
	counter  string
	disabled bool
}

// named reports whether the limit is one of the named limits.
func (l *limit) named() bool { return l.name != "" }

// field returns a field of the limit.
func (l *limit) field(name string) Field { return Field{Policy: RateLimitPolicy, Limit: l.name, Name: name} }

// head returns the field that states the rate.
func (l *limit) head() Field {
	if l.named() {
		return l.field(requests)
	}
	return l.field(requestsPerSecond)
}

// capacity is the number of requests that the bucket of the limit holds (E7.4).
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

// header is the name of the header by whose values requests are counted separately.
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

// perUnit expresses the limit as requests per unit (E7.4). It is exact if the period of the limit is
// one of the units. Else it takes the first unit in which rounding down loses at most a twentieth. ok
// is false if no unit is long enough.
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

// perSeconds expresses the rate in lowest terms: requests per a whole number of seconds.
func (l *limit) perSeconds() (requests, seconds int64, ok bool) {
	if !l.rate.Num().IsInt64() || !l.rate.Denom().IsInt64() || l.rate.Sign() <= 0 {
		return 0, 0, false
	}
	return l.rate.Num().Int64(), l.rate.Denom().Int64(), true
}
