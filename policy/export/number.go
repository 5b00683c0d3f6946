package export

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Integer reads a whole number as JSON has it.
func Integer(v any) (int64, bool) {
	switch x := v.(type) {
	case int64:
		return x, true
	case int:
		return int64(x), true
	case int32:
		return int64(x), true
	case float64:
		return int64(x), x == float64(int64(x))
	case json.Number:
		n, err := x.Int64()
		return n, err == nil
	}
	return 0, false
}

// rational reads a quantity exactly: 10, "10", "500m", "1.5".
func rational(v any) (*big.Rat, bool) {
	if n, ok := Integer(v); ok {
		return new(big.Rat).SetInt64(n), true
	}
	text, isText := v.(string)
	if f, isFloat := v.(float64); isFloat {
		text, isText = strconv.FormatFloat(f, 'f', -1, 64), true
	}
	if !isText {
		return nil, false
	}
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return nil, false
	}
	return new(big.Rat).SetString(q.AsDec().String())
}

// text is a value as messages show it.
func text(v any) string {
	switch x := v.(type) {
	case nil:
		return "nothing"
	case string:
		return x
	case []any:
		parts := make([]string, len(x))
		for i := range x {
			parts[i] = text(x[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "a value"
	}
	return string(data)
}

// unit is a period in which a plane counts requests.
type unit struct {
	name string
	size time.Duration
}

// The units of planes, the shortest first.
var (
	envoyUnits = []unit{{"Second", time.Second}, {"Minute", time.Minute}, {"Hour", time.Hour}, {"Day", dayLong},
		{"Week", 7 * dayLong}, {"Month", 30 * dayLong}, {"Year", 365 * dayLong}}
	agentUnits = []unit{{"Seconds", time.Second}, {"Minutes", time.Minute}, {"Hours", time.Hour}}
	nginxUnits = []unit{{"s", time.Second}, {"m", time.Minute}}
)

const dayLong = 24 * time.Hour

// perUnit writes a limit as requests per unit (E7.4): exactly where the limit's
// own period is one of the units, else in the first unit in which rounding down
// loses at most a twentieth. ok is false when no unit is long enough.
func perUnit(l *limit, units []unit, most int64) (requests int64, u unit, exact, ok bool) {
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
func perSeconds(rate *big.Rat) (requests, seconds int64, ok bool) {
	if !rate.Num().IsInt64() || !rate.Denom().IsInt64() || rate.Sign() <= 0 {
		return 0, 0, false
	}
	return rate.Num().Int64(), rate.Denom().Int64(), true
}
