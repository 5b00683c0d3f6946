package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/attache-dev/attache/policy/guardrail"
)

// ruleMeter counts guardrails, and counts and times evaluations of their rules.
type ruleMeter struct {
	evaluations *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	guardrails  *prometheus.GaugeVec

	mu     sync.Mutex
	broken map[string]bool // whether a guardrail does not compile, by name
}

// The values of the label state of attache_guardrails.
const (
	guardrailCompiled = "compiled"
	guardrailBroken   = "does_not_compile"
)

// The values of the label result of attache_guardrail_evaluations_total.
const (
	ruleContent  = "content"
	ruleObjects  = "objects"
	ruleFailed   = "failed"
	ruleCutShort = "cut_short"
)

const languageLabel = "language"

func newRuleMeter(registry prometheus.Registerer) (*ruleMeter, error) {
	m := &ruleMeter{
		evaluations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "attache_guardrail_evaluations_total",
			Help: "Rules that were run on a path, by guardrail, language (cel, rego) and result: content, objects, failed, cut_short (time was up). Paths that look the same to a rule share one.",
		}, []string{"guardrail", languageLabel, "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "attache_guardrail_duration_seconds",
			Help:    "Time that a rule took for a path, by language.",
			Buckets: []float64{.00001, .000025, .0001, .00025, .001, .0025, .01, .025, .1, .25, 1},
		}, []string{languageLabel}),
		guardrails: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "attache_guardrails",
			Help: "Guardrails that this process has read, by state: compiled, does_not_compile (it checks nothing).",
		}, []string{"state"}),
		broken: map[string]bool{},
	}
	m.guardrails.WithLabelValues(guardrailCompiled)
	m.guardrails.WithLabelValues(guardrailBroken)
	return m, errors.Join(registry.Register(m.evaluations), registry.Register(m.duration), registry.Register(m.guardrails))
}

// compilers returns compilers whose rules are counted and timed, once hear has named their
// guardrail.
func (m *ruleMeter) compilers(c guardrail.Compilers) guardrail.Compilers {
	return guardrail.Compilers{
		CEL: func(expressions []guardrail.Expression) ([]guardrail.Rule, []guardrail.Problem) {
			rules, problems := c.CEL(expressions)
			return m.metered("cel", rules), problems
		},
		Rego: func(module string) ([]guardrail.Rule, []guardrail.Problem) {
			rules, problems := c.Rego(module)
			return m.metered("rego", rules), problems
		},
	}
}

func (m *ruleMeter) metered(language string, rules []guardrail.Rule) []guardrail.Rule {
	list := make([]guardrail.Rule, 0, len(rules))
	for _, r := range rules {
		one := &meteredRule{Rule: r, language: language, duration: m.duration.WithLabelValues(language)}
		if kinds, ok := r.(guardrail.KindReader); ok {
			list = append(list, meteredKindReader{one, kinds})
		} else {
			list = append(list, one)
		}
	}
	return list
}

// hear names the rules of a guardrail before they are evaluated; nil means that the guardrail was
// removed.
func (m *ruleMeter) hear(name string, g *guardrail.Guardrail) {
	m.count(name, g)
	if g == nil {
		m.evaluations.DeletePartialMatch(prometheus.Labels{"guardrail": name})
		return
	}
	for _, r := range g.Rules {
		if one, ok := r.(interface{ counted(*ruleMeter, string) }); ok {
			one.counted(m, name)
		}
	}
}

// count counts guardrails by state; nil means that the guardrail was removed.
func (m *ruleMeter) count(name string, g *guardrail.Guardrail) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if g == nil {
		delete(m.broken, name)
	} else {
		m.broken[name] = g.Broken != ""
	}
	broken := 0
	for _, is := range m.broken {
		if is {
			broken++
		}
	}
	m.guardrails.WithLabelValues(guardrailBroken).Set(float64(broken))
	m.guardrails.WithLabelValues(guardrailCompiled).Set(float64(len(m.broken) - broken))
}

// meteredRule is a rule that is counted and timed.
type meteredRule struct {
	guardrail.Rule
	language string
	duration prometheus.Observer

	content, objects, failed, cutShort prometheus.Counter // nil until its guardrail is known
}

// meteredKindReader is a metered rule that knows which kinds it reads.
type meteredKindReader struct {
	*meteredRule
	guardrail.KindReader
}

func (r *meteredRule) counted(m *ruleMeter, name string) {
	of := func(result string) prometheus.Counter { return m.evaluations.WithLabelValues(name, r.language, result) }
	r.content, r.objects, r.failed, r.cutShort = of(ruleContent), of(ruleObjects), of(ruleFailed), of(ruleCutShort)
}

// Check implements guardrail.Rule.
func (r *meteredRule) Check(ctx context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	began := time.Now()
	findings, err := r.Rule.Check(ctx, in)
	r.duration.Observe(time.Since(began).Seconds())
	result := r.content
	switch {
	case ctx.Err() != nil || errors.As(err, &guardrail.TooSlow{}):
		result = r.cutShort
	case err != nil:
		result = r.failed
	case len(findings) > 0:
		result = r.objects
	}
	if result != nil {
		result.Inc()
	}
	return findings, err
}
