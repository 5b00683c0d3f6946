package draft

import (
	"math/big"
	"strings"
	"time"

	"github.com/attache-dev/attache/policy/export/field"
)

// Limit is one rate limit.
type Limit struct {
	// Name is empty for the unnamed limit.
	Name string
	// rate is the number of requests per second, nil if the limit has none.
	rate *big.Rat
	// requests and per are fields of a named limit.
	requests int64
	per      time.Duration
	burst    int64
	HasBurst bool
	Key      string
	Counter  string
	Disabled bool
	// fields are those of the limit that have a value, sorted.
	fields []field.Field
}

// Named reports whether the limit is one of the named limits.
func (l *Limit) Named() bool { return l.Name != "" }

// Field returns a field of the limit.
func (l *Limit) Field(name string) field.Field {
	return field.Field{Policy: field.RateLimitPolicy, Limit: l.Name, Name: name}
}

// Head returns the field that states the rate.
func (l *Limit) Head() field.Field {
	if l.Named() {
		return l.Field(field.Requests)
	}
	return l.Field(field.RequestsPerSecond)
}

// Capacity is the number of requests that the bucket of the limit holds (E7.4).
func (l *Limit) Capacity() *big.Int {
	if l.Named() {
		return new(big.Int).Add(big.NewInt(l.requests), big.NewInt(l.burst))
	}
	whole := new(big.Int).Quo(l.rate.Num(), l.rate.Denom())
	if whole.Sign() < 1 {
		whole.SetInt64(1)
	}
	return whole.Add(whole, big.NewInt(l.burst))
}

// Header is the name of the header by whose values requests are counted separately.
func (l *Limit) Header() (string, bool) { return strings.CutPrefix(l.Key, "Header:") }

func (l *Limit) read(name string, v any) {
	switch name {
	case field.RequestsPerSecond:
		l.rate, _ = field.Rational(v)
	case field.Requests:
		l.requests, _ = field.Integer(v)
	case field.Per:
		d, _ := field.ParseDuration(v)
		l.per = d.Duration
	case field.Burst:
		l.burst, l.HasBurst = field.Integer(v)
	case field.Key:
		l.Key, _ = v.(string)
	case field.Counter:
		l.Counter, _ = v.(string)
	case field.Mode:
		l.Disabled = v == "Disabled"
	}
}

// Unit is a period in which a plane counts requests.
type Unit struct {
	Name string
	Size time.Duration
}

// PerUnit expresses the limit as requests per unit (E7.4). It is exact if the period of the limit is
// one of the units. Else it takes the first unit in which rounding down loses at most a twentieth. ok
// is false if no unit is long enough.
func (l *Limit) PerUnit(units []Unit, most int64) (requests int64, u Unit, exact, ok bool) {
	for _, u := range units {
		if l.Named() && l.per == u.Size && l.requests <= most {
			return l.requests, u, true, true
		}
	}
	for _, u := range units {
		whole := new(big.Rat).Mul(l.rate, new(big.Rat).SetInt64(int64(u.Size/time.Second)))
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
	return 0, Unit{}, false, false
}

// PerSeconds expresses the rate in lowest terms: requests per a whole number of seconds.
func (l *Limit) PerSeconds() (requests, seconds int64, ok bool) {
	if !l.rate.Num().IsInt64() || !l.rate.Denom().IsInt64() || l.rate.Sign() <= 0 {
		return 0, 0, false
	}
	return l.rate.Num().Int64(), l.rate.Denom().Int64(), true
}
