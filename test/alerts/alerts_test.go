package alerts

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"sigs.k8s.io/yaml"
)

// ruleFile is a file of rules, as far as alerts need it.
type ruleFile struct {
	Groups []struct {
		Rules []rule `json:"rules"`
	} `json:"groups"`
}

type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// suite is a file of tests of promtool, as far as it is used here.
type suite struct {
	RuleFiles          []string `json:"rule_files"`
	EvaluationInterval string   `json:"evaluation_interval"`
	Tests              []struct {
		Name        string `json:"name"`
		Interval    string `json:"interval"`
		InputSeries []struct {
			Series string `json:"series"`
			Values string `json:"values"`
		} `json:"input_series"`
		AlertRuleTest []expectation `json:"alert_rule_test"`
	} `json:"tests"`
}

type expectation struct {
	EvalTime  string `json:"eval_time"`
	Alertname string `json:"alertname"`
	ExpAlerts []struct {
		Labels      map[string]string `json:"exp_labels"`
		Annotations map[string]string `json:"exp_annotations"`
	} `json:"exp_alerts"`
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil && !strings.Contains(file, "charts") {
		t.Fatalf("%s: %v", file, err)
	} else if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	if text == "" {
		return 0
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(d)
}

// alerting is a rule as Prometheus runs it.
func alerting(t *testing.T, r rule) *rules.AlertingRule {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
	if err != nil {
		t.Fatalf("%s: %v", r.Alert, err)
	}
	return rules.NewAlertingRule(r.Alert, expr, duration(t, r.For), 0, labels.FromMap(r.Labels), labels.FromMap(r.Annotations), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
}

// shown is an alert as a line: sorted labels without its name, and its summary.
func shown(of, annotations map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if name != labels.AlertName {
			parts = append(parts, name+"="+of[name])
		}
	}
	return strings.Join(parts, " ") + ": " + annotations["summary"]
}

// firing are the alerts of a rule that fire at a time, if it is evaluated each interval until then.
func firing(t *testing.T, r rule, query rules.QueryFunc, until, interval time.Duration) []string {
	t.Helper()
	on := alerting(t, r)
	for at := time.Duration(0); at <= until; at += interval {
		if _, err := on.Eval(t.Context(), 0, time.Unix(0, 0).UTC().Add(at), query, nil, 0); err != nil {
			t.Fatalf("%s at %s: %v", r.Alert, at, err)
		}
	}
	var list []string
	for _, alert := range on.ActiveAlerts() {
		if alert.State == rules.StateFiring {
			list = append(list, shown(alert.Labels.Map(), alert.Annotations.Map()))
		}
	}
	slices.Sort(list)
	return list
}

// TestAlerts evaluates the rules of the chart on the series of cases.yaml. Every alert has a time at
// which it fires and one at which it does not.
func TestAlerts(t *testing.T) {
	var s suite
	read(t, "cases.yaml", &s)
	known := map[string]rule{}
	for _, file := range s.RuleFiles {
		var f ruleFile
		read(t, file, &f)
		for _, g := range f.Groups {
			for _, r := range g.Rules {
				known[r.Alert] = r
			}
		}
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range s.Tests {
		t.Run(test.Name, func(t *testing.T) {
			var load strings.Builder
			fmt.Fprintf(&load, "load %s\n", test.Interval)
			for _, series := range test.InputSeries {
				fmt.Fprintf(&load, "  %s %s\n", series.Series, series.Values)
			}
			storage := promqltest.LoadedStorage(t, load.String())
			engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, EnableAtModifier: true})
			query := rules.EngineQueryFunc(engine, storage)
			for _, want := range test.AlertRuleTest {
				r, exists := known[want.Alertname]
				if !exists {
					t.Fatalf("there is no alert %s", want.Alertname)
				}
				var expected []string
				for _, a := range want.ExpAlerts {
					expected = append(expected, shown(a.Labels, a.Annotations))
				}
				slices.Sort(expected)
				got := firing(t, r, query, duration(t, want.EvalTime), duration(t, s.EvaluationInterval))
				if !slices.Equal(got, expected) {
					t.Errorf("%s at %s:\n got %q\nwant %q", want.Alertname, want.EvalTime, got, expected)
				}
				fires[r.Alert] = fires[r.Alert] || len(got) > 0
				silent[r.Alert] = silent[r.Alert] || len(got) == 0
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if !fires[name] || !silent[name] {
			t.Errorf("%s is not shown both to fire and to be silent", name)
		}
	}
}
