package evaluate

import (
	"slices"

	"github.com/attache-dev/attache/policy/effective"
)

// row is a band of listeners with the rules that differ on it, which are found once for all guardrails.
type row struct {
	effective.Band[effective.Pair]
	// each has every rule, different those that differ; both are made when they are asked for.
	each, different []column
}

func rowsOf(bands []effective.Band[effective.Pair]) []row {
	rows := make([]row, len(bands))
	for i, b := range bands {
		rows[i].Band = b
	}
	return rows
}

// columns lists the rules of the row that differ; all of them where each counts.
func (r *row) columns(each bool) []column {
	kept := &r.different
	if each {
		kept = &r.each
	}
	if *kept == nil {
		*kept = distinct(r.Row, each)
	}
	return *kept
}

// column is a rule of a route, and how many rules it stands for.
type column struct {
	pair        effective.Pair
	rule, count int
}

// distinct lists the rules of a row that differ; all of them where each counts.
func distinct(row []effective.Pair, each bool) []column {
	columns := make([]column, 0, len(row))
	if uniform := !slices.ContainsFunc(row, func(p effective.Pair) bool { return p != row[0] }); uniform && !each && len(row) > 0 {
		return append(columns, column{row[0], 0, len(row)})
	}
	at := map[effective.Pair]int{}
	for i, pair := range row {
		if n, known := at[pair]; known && !each {
			columns[n].count++
			continue
		}
		at[pair] = len(columns)
		columns = append(columns, column{pair, i, 1})
	}
	return columns
}
