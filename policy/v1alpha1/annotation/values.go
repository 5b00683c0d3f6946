package annotation

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
)

// Timeouts are the values of TimeoutPolicy. Zero is no limit, stated or not.
type Timeouts struct{ Request, Backend, Connect, Idle time.Duration }

// Retries are the values of RetryPolicy. What is empty or zero is for the data
// plane to decide, except for Max: nobody asks for a retry then.
type Retries struct {
	Max int
	On  []string
	// Constant says that each wait is Base; else it doubles, up to Most.
	Constant   bool
	Base, Most time.Duration
	PerTry     time.Duration
}

// Wait is the time before a retry, of which there were so many already: the base
// each time, or twice as long as the last, up to the most (ten times the base).
func (r *Retries) Wait(retries int) time.Duration {
	most := r.Most
	if most == 0 {
		most = 10 * r.Base
	}
	wait := r.Base
	for range retries {
		if r.Constant || wait >= most {
			break
		}
		wait *= 2
	}
	return min(wait, max(r.Base, most))
}

// Limit is one limit of RateLimitPolicy: a bucket that is refilled with Rate
// tokens each second and holds Size. All limits of a path apply, each by itself.
type Limit struct {
	// Name is "requestsPerSecond", or "limits.NAME".
	Name string
	Rate float64
	Size int
	// Key is who is counted apart: All, ClientIP or Header:NAME.
	Key string
	// Counter is what shares one bucket: Rule, Route or Gateway.
	Counter string
	// From is the policy that states the limit. Two policies never share a bucket;
	// zero where the annotation does not say.
	From types.NamespacedName
}

// Bucket names the bucket from which a limit takes a token for a request that a rule of a route
// serves on a listener. No other route of any kind may have the same name. The bucket does not
// depend on the numbers of the limit, so that an edit of those keeps what was counted.
func (l *Limit) Bucket(at Parent, route string, rule int, r *http.Request) string {
	counter := []string{l.From.String(), l.Name, l.Counter, at.Gateway.String()}
	switch l.Counter {
	case "Route":
		counter = append(counter, route)
	case "Rule":
		counter = append(counter, route, strconv.Itoa(rule), at.ListenerSet.String(), at.Listener)
	}
	who := ""
	if name, ok := strings.CutPrefix(l.Key, "Header:"); ok {
		who = strings.Join(r.Header.Values(name), ",")
	} else if l.Key == "ClientIP" {
		who, _, _ = net.SplitHostPort(r.RemoteAddr)
	}
	return strings.Join(append(counter, l.Key, who), "\x00")
}

// Values are the values of all kinds that a scope may have.
type Values struct {
	Timeouts
	Retries Retries
	Limits  []Limit
}

// Values decodes the values of all kinds.
func (s *Scope) Values() (Values, error) {
	timeouts, err := s.Timeouts()
	retries, err2 := s.Retries()
	limits, err3 := s.Limits()
	return Values{timeouts, retries, limits}, errors.Join(err, err2, err3)
}

// Timeouts decodes the values of TimeoutPolicy.
func (s *Scope) Timeouts() (Timeouts, error) {
	var v struct{ Request, Backend, Connect, Idle duration }
	err := s.Decode("TimeoutPolicy", &v)
	return Timeouts{time.Duration(v.Request), time.Duration(v.Backend), time.Duration(v.Connect), time.Duration(v.Idle)}, err
}

// Retries decodes the values of RetryPolicy.
func (s *Scope) Retries() (Retries, error) {
	var v struct {
		MaxRetries                             int
		RetryOn                                []string
		BackoffPolicy                          string
		BackoffBase, BackoffMax, PerTryTimeout duration
	}
	err := s.Decode("RetryPolicy", &v)
	return Retries{
		Max: v.MaxRetries, On: v.RetryOn, Constant: v.BackoffPolicy == "constant",
		Base: time.Duration(v.BackoffBase), Most: time.Duration(v.BackoffMax), PerTry: time.Duration(v.PerTryTimeout),
	}, err
}

// Limits decodes the values of RateLimitPolicy: the limits that are in force,
// sorted by name.
func (s *Scope) Limits() ([]Limit, error) {
	var v struct {
		limit
		Limits map[string]limit
	}
	if err := s.Decode("RateLimitPolicy", &v); err != nil {
		return nil, err
	}
	var limits []Limit
	if l, ok := v.read("requestsPerSecond"); ok {
		limits = append(limits, l)
	}
	for name, one := range v.Limits {
		if l, ok := one.read("limits." + name); ok {
			limits = append(limits, l)
		}
	}
	for i := range limits {
		limits[i].From = s.StatedBy("RateLimitPolicy", limits[i].Name)
	}
	slices.SortFunc(limits, func(a, b Limit) int { return strings.Compare(a.Name, b.Name) })
	return limits, nil
}

// limit is a limit as it is written: the unnamed one by its rate, a named one by
// requests per time.
type limit struct {
	RequestsPerSecond  *resource.Quantity
	Requests           *int64
	Per                duration
	Burst              int64
	Key, Counter, Mode string
}

func (v *limit) read(name string) (Limit, bool) {
	l := Limit{Name: name, Key: v.Key, Counter: v.Counter}
	if l.Key == "" {
		l.Key = "All"
	}
	if l.Counter == "" {
		l.Counter = "Rule"
	}
	switch {
	case v.Mode == "Disabled":
		return l, false
	case v.RequestsPerSecond != nil:
		l.Rate = v.RequestsPerSecond.AsApproximateFloat64()
		l.Size = max(1, int(l.Rate)) + int(v.Burst)
	case v.Requests != nil:
		per := time.Second
		if v.Per > 0 {
			per = time.Duration(v.Per)
		}
		l.Rate = float64(*v.Requests) / per.Seconds()
		l.Size = int(*v.Requests + v.Burst)
	}
	return l, l.Rate > 0
}

// duration is a GEP-2257 duration, which Go's parser reads as well.
type duration time.Duration

// UnmarshalJSON reads "1m30s".
func (d *duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(text)
	*d = duration(parsed)
	return err
}
