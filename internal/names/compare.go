// SPDX-License-Identifier: AGPL-3.0-or-later

package names

// Threshold is the score from which two names can be the same name.
const Threshold = 0.75

// Level says how one role of two names compares.
type Level uint8

// The levels, from the strongest agreement to the strongest conflict.
const (
	Same      Level = iota // the same after folding: one name in two spellings
	Variant                // sounds that spellings confuse
	Typo                   // one typing error apart
	Initial                // one side has only an initial, and it agrees
	Missing                // at least one side has nothing: no evidence
	Different              // they conflict
)

// Comparison is what Compare found.
type Comparison struct {
	Score      float64 // 0 to 1; the same name can be meant from Threshold on
	Family     Level
	Given      Level
	Patronymic Level
	Reasons    []Reason
}

// Reason is one thing that spoke for or against, for people to read.
type Reason struct {
	Code string // stable: role and level, e.g. "given.typo", or a remark, e.g. "swapped"
	A, B string // what stood on either side, as written
}

// Text says the reason in lang ("en", "ru", "kk").
func (r Reason) Text(lang string) string { return r.Code }
