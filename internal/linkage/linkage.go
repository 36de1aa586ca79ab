// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import (
	"context"
	"fmt"
)

// Record is one row that describes a person.
type Record struct {
	ID     string
	List   string              // who made the list; "" when there is only one
	Fields map[string][]string // field id → values, as in a case file
}

// Pair is two records and the evidence that they are one person.
type Pair struct {
	A, B        string // record ids, in the order of the records
	Probability float64
	Weight      float64 // log2 of the odds: the sum of the weights of Fields
	Fields      []FieldWeight
	Accepted    bool // both are in one cluster
	Decided     bool // a person decided before; Probability is then 1 or 0
}

// FieldWeight is one bar of the waterfall that explains a pair.
type FieldWeight struct {
	Field  string  // "prior", a field of the configuration (a Person is family, given, patronymic) or "list"
	Level  string  // stable code of the level, see LevelText; "" for the prior
	Weight float64 // log2 of the likelihood ratio; above zero speaks for one person
	A, B   string  // the values on either side
}

// Result is what Link found.
type Result struct {
	Pairs    []Pair     // from Config.Propose on and the decided ones, the likeliest first
	Clusters [][]string // record ids in their order; every record is in exactly one, alone or not
	Blocks   []BlockReport
	Model    Model
	Warnings []string // what the result does not cover, a line each
}

// Link compares the records and proposes pairs and clusters. The order of the
// records, the configuration and its seed determine the result.
func Link(ctx context.Context, records []Record, cfg Config) (Result, error) {
	t, err := NewTable(cfg)
	if err != nil {
		return Result{}, err
	}
	rows := make(map[string]int, len(records))
	values := make([][]string, len(t.Inputs()))
	for i, r := range records {
		if r.ID == "" {
			return Result{}, fmt.Errorf("linkage: row %d has no id", i+1)
		}
		if _, ok := rows[r.ID]; ok {
			return Result{}, fmt.Errorf("linkage: two rows have the id %s", r.ID)
		}
		rows[r.ID] = i
		for k, id := range t.Inputs() {
			values[k] = r.Fields[id]
		}
		if err := t.Add(r.List, values); err != nil {
			return Result{}, err
		}
	}
	var verdicts []Verdict
	gone := 0
	for _, d := range cfg.Decided {
		i, okA := rows[d.A]
		j, okB := rows[d.B]
		if !okA || !okB || i == j {
			gone++
			continue
		}
		verdicts = append(verdicts, Verdict{A: i, B: j, Same: d.Same})
	}
	found, err := t.Link(ctx, verdicts, Options{})
	if err != nil {
		return Result{}, err
	}
	r := Result{Blocks: found.Blocks, Model: found.Model}
	for _, w := range found.Warnings {
		r.Warnings = append(r.Warnings, w.Text(func(row int) string { return records[row].ID }))
	}
	if gone > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d decisions are about records that are not among these", gone))
	}
	err = found.Pairs(func(m Match) error {
		p := Pair{A: records[m.A].ID, B: records[m.B].ID, Probability: m.Probability, Weight: m.Weight, Fields: found.Explain(m.A, m.B), Accepted: m.Accepted, Decided: m.Decided}
		r.Pairs = append(r.Pairs, p)
		return ctx.Err()
	})
	if err != nil {
		return Result{}, err
	}
	seen := map[int]int{}
	for i, rec := range records {
		root := found.Cluster(i)
		k, ok := seen[root]
		if !ok {
			k = len(r.Clusters)
			seen[root] = k
			r.Clusters = append(r.Clusters, nil)
		}
		r.Clusters[k] = append(r.Clusters[k], rec.ID)
	}
	return r, nil
}
