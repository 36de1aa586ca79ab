// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

import "context"

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
	Weight      float64 // log2 of the odds
	Fields      []FieldWeight
}

// FieldWeight is one bar of the waterfall that explains a pair.
type FieldWeight struct {
	Field  string  // "prior", a field of the configuration, "list" or "decided"
	Level  string  // stable code of the agreement level, see LevelText
	Weight float64 // log2 of the likelihood ratio; above zero speaks for one person
	A, B   string  // the values on either side
}

// Result is what Link found.
type Result struct {
	Pairs    []Pair     // from Config.Propose on, the likeliest first, decided ones included
	Clusters [][]string // record ids; every record is in exactly one, alone or not
	Blocks   []BlockReport
	Model    Model
	Warnings []string // what the result does not cover, in one line each
}

// Link compares the records and proposes pairs and clusters.
func Link(ctx context.Context, records []Record, cfg Config) (Result, error) {
	return Result{}, ctx.Err()
}
