package alerts

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// ofScraping are the labels that Prometheus adds, and that of histograms. A Prometheus of several
// clusters has the label cluster.
var ofScraping = []string{"__name__", "cluster", "namespace", "job", "pod", "instance", "service", "container", "endpoint", "le"}

// row is a metric in the table of docs/manager.md, which is made from the code.
var row = regexp.MustCompile("(?m)^\\| `(attache_[a-z_]+)` \\| ([a-z_, ]*) \\|")

// documented are the labels of each metric.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/manager.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, match := range row.FindAllStringSubmatch(string(page), -1) {
		all[match[1]] = strings.Split(match[2], ", ")
	}
	if len(all) < 20 {
		t.Fatalf("the page has %d metrics", len(all))
	}
	return all
}

// expressions are those of the alerts and of the dashboard, by where they are.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	var alerts ruleFile
	read(t, "../../charts/attache/files/alerts/attache.yaml", &alerts)
	for _, g := range alerts.Groups {
		for _, r := range g.Rules {
			all["alert "+r.Alert] = r.Expr
		}
	}
	text, err := os.ReadFile("../../charts/attache/files/dashboards/attache.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, p := range dashboard.Panels {
		for i, target := range p.Targets {
			shown++
			all["panel "+p.Title+" "+string(rune('a'+i))] = strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
		}
	}
	if shown < 20 || len(all) < shown+10 {
		t.Fatalf("%d expressions, %d of them on the dashboard", len(all), shown)
	}
	return all
}

// TestExpressionsReadWhatThereIs compares alerts and dashboard with the metrics that the programs
// have: their names, and the labels that are selected and grouped by.
func TestExpressionsReadWhatThereIs(t *testing.T) {
	known := documented(t)
	for where, text := range expressions(t) {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		grouped := slices.Clone(ofScraping)
		foreign := false
		for _, selectors := range parser.ExtractSelectors(expr) {
			own := slices.Clone(ofScraping)
			name := ""
			for _, m := range selectors {
				if m.Name == "__name__" {
					name = m.Value
				}
			}
			if !strings.HasPrefix(name, "attache_") {
				foreign = true
				continue
			}
			of, exists := known[name]
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if !exists {
					of, exists = known[strings.TrimSuffix(name, suffix)]
				}
			}
			if !exists {
				t.Errorf("%s reads %s, which no program has", where, name)
			}
			own = append(own, of...)
			grouped = append(grouped, of...)
			for _, m := range selectors {
				if !slices.Contains(own, m.Name) {
					t.Errorf("%s selects %s by %s, which it does not have", where, name, m.Name)
				}
			}
		}
		if foreign {
			continue // metrics of others have labels of their own
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if a, is := node.(*parser.AggregateExpr); is && !a.Without {
				for _, label := range a.Grouping {
					if !slices.Contains(grouped, label) {
						t.Errorf("%s groups by %s, which nothing in it has", where, label)
					}
				}
			}
			return nil
		})
	}
}

// TestClustersAreToldApart: on a Prometheus of several clusters, a healthy one must not hide a broken
// one, so each aggregation of an alert is by cluster, and the dashboard selects by it.
func TestClustersAreToldApart(t *testing.T) {
	for where, text := range expressions(t) {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		if strings.HasPrefix(where, "panel ") {
			for _, selectors := range parser.ExtractSelectors(expr) {
				if !slices.ContainsFunc(selectors, func(m *labels.Matcher) bool { return m.Name == "cluster" && m.Value == "$cluster" }) {
					t.Errorf("%s does not select by cluster: %s", where, selectors)
				}
			}
			continue
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if a, is := node.(*parser.AggregateExpr); is && (a.Without || !slices.Contains(a.Grouping, "cluster")) {
				t.Errorf("%s does not group by cluster: %s", where, a)
			}
			return nil
		})
	}
}
